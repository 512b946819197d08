"""Local processes: the conformance suite, and what only they promise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.testing.pool import POOL_CHECKS, SIZE, TIMEOUT, ended, outcome, troubled
from cellsearch.workers import Event, Failed, Reported, WorkerPool, local
from cellsearch.workers.local import LocalPool
from tests.helpers.pool_checks import marked

CRASHING = """
import os
from dataclasses import dataclass
from cellsearch.testing.troubled_task import Troubled

@dataclass(frozen=True)
class Crashing(Troubled):
    def loss(self, model, batch, carried):
        print("to standard output")
        os.write(2, b"to standard error")
        os._exit(7)

TASK = Crashing()
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with LocalPool(SIZE, TIMEOUT) as pool:
        yield pool


@pytest.mark.parametrize("check", marked(POOL_CHECKS))
def test_pool_conforms(check: Callable[[WorkerPool], None], pool: WorkerPool) -> None:
    check(pool)


def test_workers_are_kept_from_job_to_job_and_share_the_cores(pool: WorkerPool, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    for _ in range(3 * SIZE):
        assert outcome(pool, troubled(diary=diary)) == "finished"
    lines = [line.split() for line in diary.read_text().splitlines()]
    assert len({process for process, *_ in lines}) <= SIZE
    cores = len(os.sched_getaffinity(0))
    assert {(int(threads), directory) for _, _, threads, directory in lines} == {(max(1, cores // SIZE), os.getcwd())}


@pytest.mark.parametrize(
    ("given", "expected"), [("0,1", ["0", "1", "0"]), ("GPU-a, GPU-b ,GPU-c", ["GPU-a", "GPU-b", "GPU-c"])]
)
def test_workers_take_turns_on_cards(given: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    with LocalPool(3, TIMEOUT) as pool:
        assert [_visible(worker) for worker in pool._workers] == expected


@pytest.mark.parametrize("given", ["", "2"])
def test_no_card_or_one_is_everybodys(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    with LocalPool(2, TIMEOUT) as pool:
        assert [_visible(worker) for worker in pool._workers] == [given, given]


def _visible(worker: local._Worker) -> str:
    """What a worker's environment says of cards, which is empty for a moment after the process has begun."""
    place, until = Path(f"/proc/{worker._process.pid}/environ"), time.monotonic() + TIMEOUT
    while not (content := place.read_bytes()) and time.monotonic() < until:
        time.sleep(0.01)
    variables = content.split(b"\0")
    return next(each.partition(b"=")[2].decode() for each in variables if each.startswith(b"CUDA_VISIBLE_DEVICES="))


def test_what_a_job_printed_before_its_process_died_is_kept(pool: WorkerPool, tmp_path: Path) -> None:
    task = tmp_path / "crashing.py"
    task.write_text(CRASHING)
    last = ended(pool, replace(troubled(), task=f"{task}:TASK"))
    assert isinstance(last, Failed)
    assert last.reason == "its worker process died (exit code 7)"
    assert last.details == "to standard output\nto standard error"


def test_ctrl_c_does_not_reach_the_workers(pool: WorkerPool, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    pool.submit(-1, troubled(seconds=0.1, diary=diary))
    for event in _until(pool, Reported):
        assert event.job == -1, event
    process, *_ = diary.read_text().split()
    os.kill(int(process), signal.SIGINT)
    assert outcome(pool, troubled()) == "finished"
    assert _alive(int(process))


def test_leaving_ends_every_process_at_once(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with LocalPool(1, 60) as pool:
        pool.submit(-1, troubled(trouble="hang in C", diary=diary))
        list(_until(pool, Reported))
        begun = time.monotonic()
    assert time.monotonic() - begun < 30  # not the 60 that a job may take
    assert not _alive(int(diary.read_text().split()[0]))


def test_children_that_a_task_started_end_with_its_worker(tmp_path: Path) -> None:
    with LocalPool(1, 60) as pool:
        diary = tmp_path / "diary"
        assert outcome(pool, troubled(trouble="start a child", diary=diary)) == "finished"
        group = int(diary.read_text().split()[0])
        children = _members(group)
        assert len(children) == 2
    assert _soon(lambda: not _members(group))


def test_workers_that_cannot_start_are_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [place for place in sys.path if "zip" in place or "lib-dynload" in place])
    with (
        LocalPool(1, 60) as pool,
        pytest.raises(CellsearchError, match=r"^worker processes do not start \(exit code 1\): ModuleNotFoundError: "),
    ):
        pool.wait(60)


def test_workers_that_never_become_ready_are_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "START", 0.2)
    monkeypatch.setattr(local, "LAUNCH", "print('waiting for the licence', flush=True); import time; time.sleep(1000)")
    with LocalPool(1, 60) as pool, pytest.raises(CellsearchError) as refusal:
        pool.wait(60)
    assert str(refusal.value).startswith("worker processes do not start (not ready in 0.2 s): ")


DRIVER = """
import sys
from cellsearch.testing.pool import troubled
from cellsearch.workers import Reported, Resources, open_pool

print("main runs", flush=True)
pool = open_pool(Resources("local", 2, 60))
for job, trouble in enumerate(["hang", "hang in C"]):
    pool.submit(job, troubled(task="my_task.py:TASK", trouble=trouble, diary="diary"))
reported = set()
while len(reported) < 2:
    reported |= {event.job for event in pool.wait(60) if isinstance(event, Reported)}
print("both report", flush=True)
pool.wait(60)
"""
"""A user's script: no `if __name__ == "__main__"`, no `with`, a task in a file beside it that imports another."""


@pytest.mark.parametrize(
    "end", [signal.SIGKILL, *(pytest.param(end, marks=pytest.mark.slow) for end in (signal.SIGTERM, signal.SIGINT))]
)
def test_no_worker_outlives_its_driver(end: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "my_task.py").write_text("from my_other_file import TASK\n")
    (tmp_path / "my_other_file.py").write_text("from cellsearch.testing.troubled_task import TASK as TASK\n")
    driver = subprocess.Popen(
        [sys.executable, "driver.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with driver:
        assert driver.stdout is not None
        assert [driver.stdout.readline(), driver.stdout.readline()] == ["main runs\n", "both report\n"]
        workers = [int(line.split()[0]) for line in (tmp_path / "diary").read_text().splitlines()]
        assert len(workers) == 2 and all(map(_alive, workers))
        driver.send_signal(end)
        driver.wait()
    assert _soon(lambda: not any(map(_alive, workers)))


def _until(pool: WorkerPool, kind: type) -> Iterator[Event]:
    """Events up to the first of a kind."""
    patient_until = time.monotonic() + 60
    while time.monotonic() < patient_until:
        for event in pool.wait(60):
            yield event
            if isinstance(event, kind):
                return
    raise AssertionError(f"no {kind.__name__} came")


def _alive(process: int) -> bool:
    """Whether the process runs: neither gone nor a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _members(group: int) -> list[int]:
    """The processes of a process group that run."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            members.append(int(folder.name))
    return members


def _soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within a few seconds."""
    until = time.monotonic() + 5
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)
    return holds()
