"""Shared data: read once a process, once a pool, and mapped from one file by all of its workers."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cellsearch.testing.pool import outcome, over, troubled
from cellsearch.training.shared import FOLDER, shared
from cellsearch.workers import Finished, Resources
from cellsearch.workers.local import LocalPool
from cellsearch.workers.ray.pool import RayPool

CALLS: list[tuple[str, int]] = []


@dataclass(frozen=True)
class Corpus:
    name: str
    tokens: int
    train: Tensor
    rest: Tensor


def read(name: str, size: int = 3) -> Corpus:
    CALLS.append((name, size))
    everything = torch.arange(2 * size).view(2, size).t()
    return Corpus(name, 2 * size, everything[:, 0], everything)


def same(one: Corpus, other: Corpus) -> bool:
    tensors = torch.equal(one.train, other.train) and torch.equal(one.rest, other.rest)
    return tensors and (one.name, one.tokens) == (other.name, other.tokens)


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    monkeypatch.delenv(FOLDER, raising=False)


def test_without_a_pool_it_is_read_once_a_process() -> None:
    function = shared(read)
    assert function("a") is function("a") and same(function("a"), read("a"))
    assert function("b", size=4).tokens == 8
    assert CALLS == [("a", 3), ("a", 3), ("b", 4)]


def test_in_a_pool_the_second_process_maps_what_the_first_has_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    first, second = shared(read), shared(read)  # each with a memory of its own, as two processes have
    assert same(first("a", 1000), second("a", 1000)) and CALLS == [("a", 1000)]
    (file,) = tmp_path.glob("*.pt")
    assert str(file) in Path("/proc/self/maps").read_text()
    assert second("a", 1001).tokens == 2002 and len(list(tmp_path.glob("*.pt"))) == 2


def test_processes_that_need_it_at_once_read_it_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))

    def read_slowly(name: str) -> Corpus:
        time.sleep(0.2)
        return read(name)

    threads = [threading.Thread(target=shared(read_slowly), args=("a",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CALLS == [("a", 3)]


def test_a_file_that_is_not_whole_is_written_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    shared(read)("a", 1000)
    (file,) = tmp_path.glob("*.pt")
    file.write_bytes(file.read_bytes()[:-100])
    assert same(shared(read)("a", 1000), read("a", 1000))
    assert CALLS == [("a", 1000)] * 3


def test_what_one_changes_the_other_does_not_see(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    one, other = shared(read)("a"), shared(read)("a")
    one.train.zero_()
    assert other.train.tolist() == [0, 1, 2]


def test_another_default_device_is_for_models_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    shared(read)("a")
    with torch.device("meta"):
        assert shared(read)("a").train.device.type == "cpu"
        monkeypatch.delenv(FOLDER)
        assert shared(read)("a").train.device.type == "cpu"


def test_where_nothing_can_be_written_each_has_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "gone"))
    assert same(shared(read)("a"), read("a"))


TASK = """
import os
from dataclasses import dataclass
from torch import Tensor, arange
from cellsearch.testing.troubled_task import Troubled
from cellsearch.training.shared import shared

@dataclass(frozen=True)
class Numbers:
    numbers: Tensor

@shared
def numbers(diary: str) -> Numbers:
    with open(diary, "a") as stream:
        stream.write(os.environ["CELLSEARCH_SHARED"] + "\\n")
    return Numbers(arange(10.0))

class Reading(Troubled):
    def prepare(self):
        assert numbers(self.diary).numbers.sum() == 45

TASK = Reading()
"""


@pytest.mark.slow
def test_a_ray_of_our_own_reads_it_once_a_machine(tmp_path: Path) -> None:
    (tmp_path / "reading.py").write_text(TASK)
    diary = tmp_path / "diary"
    task = replace(troubled(diary=diary), task=f"{tmp_path / 'reading.py'}:TASK")
    with RayPool(Resources("ray", 2, 60)) as pool:
        for job in (-1, -2):
            pool.submit(job, task)
        assert all(isinstance(events[-1], Finished) for events in over(pool, -1, -2).values())
        (folder,) = [line for line in diary.read_text().splitlines() if line.startswith("/")]
        assert Path(folder).is_dir()
    assert not Path(folder).exists()


def test_a_local_pool_gives_its_workers_one_folder_and_takes_it_away(tmp_path: Path) -> None:
    (tmp_path / "reading.py").write_text(TASK)
    diary = tmp_path / "diary"
    with LocalPool(1, timeout=60) as pool:
        task = replace(troubled(diary=diary), task=f"{tmp_path / 'reading.py'}:TASK")
        assert outcome(pool, task) == "finished"
        assert outcome(pool, replace(troubled(trouble="die", diary=diary), task=task.task)).startswith("its worker")
        assert outcome(pool, task) == "finished", "a worker that replaces another maps the same file"
        (folder,) = diary.read_text().splitlines()
        assert Path(folder).is_dir()
    assert not Path(folder).exists()
