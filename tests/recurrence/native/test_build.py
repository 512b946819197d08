"""Libraries are compiled once, kept where only the user can write, and made anew if anything about them is wrong."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
import torch

from cellsearch.errors import BackendError
from cellsearch.recurrence import RNN
from cellsearch.recurrence import cache as kept
from cellsearch.recurrence.native import build
from cellsearch_search_spaces.gated import LSTM
from tests.helpers.recurrence.examples import forget

PATIENCE: Final = 60.0
TEXT: Final = "int answer(void) { return sizeof(REAL); }\n"

WRAPPER: Final = """\
#!/bin/sh
# A compiler that writes down each run. Where there is a file `hang`, it leaves half a library behind and hangs.
echo run >> {folder}/runs
if [ -e {folder}/hang ]; then
    for last; do [ "$before" = -o ] && printf half > "$last"; before=$last; done
    touch {folder}/hanging
    sleep 60
fi
exec {compiler} "$@"
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder, and a compiler that counts its runs."""
    found = build.compiler()
    if found is None:
        pytest.skip("no C compiler on this machine")
    script = tmp_path / "compiler"
    script.write_text(WRAPPER.format(folder=tmp_path, compiler=found))
    script.chmod(0o700)
    monkeypatch.setenv("CC", str(script))
    monkeypatch.setenv(kept.CACHE, str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache" / "native"
    forget()


def _runs(cache: Path) -> int:
    file = cache.parent.parent / "runs"
    return len(file.read_text().splitlines()) if file.exists() else 0


def _answer(text: str = TEXT) -> int:
    return int(build.library(text, torch.float64).answer())


def test_a_library_is_compiled_once_and_found_by_the_next_process(cache: Path) -> None:
    assert build.library(TEXT, torch.float64).answer() == 8
    assert build.library(TEXT, torch.float32).answer() == 4
    assert _runs(cache) == 2
    forget()
    assert _answer() == 8
    assert _runs(cache) == 2
    assert len(list(cache.glob("*.so"))) == 2


def test_libraries_that_were_not_used_for_long_make_room(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT", 4)
    texts = [TEXT.replace("answer", name) for name in ("one", "two", "three", "four")]
    for age, text in enumerate(texts):
        build.library(text, torch.float64)
        os.utime(max(cache.glob("*.so"), key=lambda path: path.stat().st_mtime), (age, age))
    forget()
    build.library(texts[0], torch.float64)  # used again
    build.library(TEXT, torch.float64)
    assert len(list(cache.glob("*.so"))) == 4
    runs = _runs(cache)
    forget()
    build.library(texts[0], torch.float64)
    assert _runs(cache) == runs
    build.library(texts[1], torch.float64)
    assert _runs(cache) == runs + 1


@pytest.mark.parametrize("moment", ["before it is marked as used", "before it is loaded"])
def test_a_library_that_makes_room_at_the_wrong_moment_is_made_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    _answer()
    forget()
    place, name = (build, "_is_whole") if moment == "before it is marked as used" else (os, "utime")
    act, gone = getattr(place, name), []

    def removed_after(path: Path, *others: bytes) -> object:
        result = act(path, *others)
        if not gone:
            gone.append(path)
            path.unlink()
        return result

    monkeypatch.setattr(place, name, removed_after)
    assert _answer() == 8
    assert gone and all(path.stat().st_size for path in cache.glob("*.so"))


def test_a_cell_is_compiled_by_structure_and_not_by_sizes(cache: Path) -> None:
    for size in (3, 4, 17):
        rnn = RNN(LSTM, size, size, num_layers=2, backend="native")
        for steps, batch in ((1, 1), (20, 3)):
            rnn(torch.zeros(steps, batch, size))[0].sum().backward()
    assert _runs(cache) == 2  # the cell, and the products that all cells share


def test_the_folder_is_the_users_alone(cache: Path) -> None:
    before = os.umask(0)
    try:
        _answer()
    finally:
        os.umask(before)
    for folder in (cache, cache.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in cache.iterdir():
        assert not stat.S_IMODE(path.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH)


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_can_write_to_is_not_used(
    cache: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    cache.mkdir(parents=True)
    cache.chmod(mode)
    assert _answer() == 8
    assert not [*cache.iterdir()]
    assert _only(caplog) == (
        f"compiled recurrences are not kept, since others can write to {cache}: "
        "set CELLSEARCH_CACHE to a folder of yours alone"
    )
    used = kept.folder()
    assert stat.S_IMODE(used.stat().st_mode) == 0o700
    shutil.rmtree(used)


def test_a_folder_that_others_can_exchange_is_not_used(cache: Path) -> None:
    cache.parent.mkdir()
    cache.parent.chmod(0o777)
    assert kept.folder() != cache
    kept.folder.cache_clear()
    cache.parent.chmod(0o1777)  # as /tmp: what is there belongs to who made it
    assert kept.folder() == cache


def test_a_folder_of_somebody_else_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer()
    kept.folder.cache_clear()
    other = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    assert kept.folder() != cache


def test_without_a_place_for_a_cache_libraries_last_as_long_as_the_process(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.write_text("a file")
    assert _answer() == 8
    forget()
    monkeypatch.delenv(kept.CACHE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", _homeless)
    assert _answer() == 8


def _homeless() -> Path:
    raise RuntimeError("no home")


def test_the_cache_is_where_the_user_or_the_system_says(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.folder() == cache
    kept.folder.cache_clear()
    monkeypatch.delenv(kept.CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent / "xdg"))
    assert kept.folder() == cache.parent / "xdg" / "cellsearch" / "native"


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "bit", "foreign", "unreadable"])
def test_a_library_that_is_not_what_was_compiled_is_made_anew(cache: Path, damage: str) -> None:
    assert _answer() == 8
    (path,) = cache.glob("*.so")
    whole = path.read_bytes()
    other = "int answer(void) { return 666; }\n"
    assert _answer(other) == 666
    (foreign,) = set(cache.glob("*.so")) - {path}
    path.unlink()  # a new file: the old one is in use
    match damage:
        case "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        case "garbage":
            path.write_bytes(os.urandom(len(whole)))
        case "empty":
            path.touch()
        case "bit":
            path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
        case "foreign":
            path.write_bytes(foreign.read_bytes())
        case "unreadable":
            path.symlink_to(cache / "nothing")
    forget()
    assert _answer() == 8
    assert path.read_bytes()[: len(whole) - kept.DIGEST] == whole[: -kept.DIGEST]
    assert _runs(cache) == 3


def test_another_compiler_or_processor_gets_a_library_of_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer()
    script = Path(os.environ["CC"])
    script.write_text(script.read_text() + "# a newer version\n")
    forget()
    _answer()
    assert _runs(cache) == 2
    forget()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(build, "_machine", lambda: "another")
        _answer()
    assert _runs(cache) == 3


def test_processes_and_threads_that_want_one_library_at_once_compile_it_once(cache: Path) -> None:
    begin = time.monotonic() + 0.3

    def child() -> None:
        time.sleep(max(0.0, begin - time.monotonic()))
        with ThreadPoolExecutor(3) as pool:
            assert [*pool.map(lambda _: _answer(), range(3))] == [8] * 3

    children = [_fork(child) for _ in range(5)]
    assert [os.waitpid(each, 0)[1] for each in children] == [0] * 5
    assert _runs(cache) == 1


@pytest.mark.parametrize("whom", ["the compiler too", "the process alone"])
def test_a_compilation_that_was_killed_leaves_nothing_that_matters(cache: Path, whom: str) -> None:
    hang, hanging = (cache.parent.parent / name for name in ("hang", "hanging"))
    hang.touch()
    child = _fork(_answer)
    _wait(hanging.exists)
    hang.unlink()
    if whom == "the compiler too":
        os.killpg(child, signal.SIGKILL)
    else:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    begun = time.monotonic()
    try:
        assert _answer() == 8
    finally:
        if whom == "the process alone":
            os.killpg(child, signal.SIGKILL)
    assert time.monotonic() - begun < 30  # less than the compiler that lives on sleeps
    assert _runs(cache) == 2


def test_a_failing_compiler_is_quoted(cache: Path) -> None:
    with pytest.raises(
        BackendError, match=r"compiler cannot compile the recurrence: source.c|cell.c:1:.*error: "
    ) as at:
        build.library("#error no such thing\n", torch.float64)
    assert "no such thing" in str(at.value)
    assert str(cache) not in str(at.value)
    assert not [*cache.glob("*.so")]
    assert not [path for path in cache.iterdir() if path.is_dir()]


def _fork(work: Callable[[], object]) -> int:
    """A child, the first of a process group, that ends with status 0 if the work succeeds and dies in good time."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        signal.alarm(int(PATIENCE))
        work()
        status = 0
    finally:
        os._exit(status)


def _wait(until: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not until():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.01)


def _only(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    return record.getMessage()
