"""What the native backend refuses, it refuses with a reason; another backend runs it, and one line says what is lost.

That holds for a machine without a compiler too, or with one that does not work.
"""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cellsearch.cell import from_equations, functions, ops
from cellsearch.errors import BackendError
from cellsearch.recurrence import RNN, cache, choose, custom
from cellsearch.recurrence.native import build
from cellsearch.recurrence.native.backend import NATIVE, RETRY
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.recurrence.examples import forget

X = torch.ones(3, 2, 4)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A program that has compiled nothing yet."""
    monkeypatch.setenv(cache.CACHE, str(tmp_path / "cache"))
    forget()
    yield tmp_path
    forget()


def test_an_operation_of_a_user_is_refused_by_its_name() -> None:
    def soft_sign(a: Tensor) -> Tensor:
        return a / (1 + a.abs())

    tables = [ops._ROWS, functions._FUNCTIONS, custom._DEFINED, vars(custom.USER)]
    before = [dict(table) for table in tables]  # type: ignore[call-overload]
    try:
        custom.op(soft_sign)
        cell = from_equations("own", "h_next = soft_sign(linear(x, h))", ["h"], "h_next")
        reason = "operation 'soft_sign' is a function of torch tensors, for which no C can be written"
        assert NATIVE.refuses(cell, X) == reason
        assert choose(cell, X).name == "eager"
        with pytest.raises(BackendError, match=f"backend 'native' cannot run cell 'own': {reason}; use backend='auto'"):
            RNN(cell, 4, 4, backend="native")(X)
    finally:
        for table, rows in zip(tables, before, strict=True):
            table.clear()  # type: ignore[attr-defined]
            table.update(rows)  # type: ignore[attr-defined]


def test_a_compiler_that_fails_is_quoted_once_and_eager_runs(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script = fresh / "broken-cc"
    script.write_text("#!/bin/sh\necho 'cannot find stdlib of Mars' >&2\nexit 1\n")
    script.chmod(0o700)
    monkeypatch.setenv("CC", str(script))
    reason = f"{script} cannot compile the recurrence: cannot find stdlib of Mars"
    for cell in (LSTM, GRU):
        for dtype in (torch.float32, torch.float64):
            assert choose(cell, X.to(dtype)).name == "eager"
            RNN(cell, 4, 4, dtype=dtype)(X.to(dtype))[0].sum().backward()
    assert _warnings(caplog) == [f"{reason}: recurrences train two to three times slower by eager"]
    with pytest.raises(BackendError, match=r"'native' cannot run cell 'lstm'.*stdlib of Mars; use backend='auto'"):
        RNN(LSTM, 4, 4, backend="native")(X)


def test_a_compiler_that_says_nothing_or_makes_nothing_is_reported(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program, reason in (("false", "cannot compile the recurrence: exit status 1"), ("true", "No such file")):
        monkeypatch.setenv("CC", program)
        forget()
        assert reason in str(NATIVE.refuses(LSTM, X))
        assert choose(LSTM, X).name == "eager"


def test_a_cache_that_may_hold_no_programs_is_reported(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str) -> None:
        raise OSError(f"{path}: failed to map segment from shared object")

    monkeypatch.setattr("ctypes.CDLL", refused)
    assert "cannot be made and loaded" in str(NATIVE.refuses(LSTM, X))
    assert choose(LSTM, X).name == "eager"


def test_what_failed_for_a_time_is_tried_again(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.monotonic()
    with monkeypatch.context() as full:
        full.setattr(build, "_build", _no_space_left)
        assert "No space left on device" in str(NATIVE.refuses(LSTM, X))
    assert NATIVE.refuses(LSTM, X) is not None  # not at every step, which would be slow
    monkeypatch.setattr(time, "monotonic", lambda: begun + RETRY + 1)
    assert NATIVE.refuses(LSTM, X) is None


def _no_space_left(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_where_there_is_no_posix_system_eager_serves_and_says_why() -> None:
    program = """
import os, torch
for name in ("fork", "getuid", "killpg", "register_at_fork", "sched_getaffinity", "uname"):
    delattr(os, name)
from cellsearch.recurrence import RNN, choose
from cellsearch.workers import Resources, open_pool
from cellsearch_search_spaces.gated import LSTM
x = torch.zeros(2, 2, 3)
RNN(LSTM, 3, 4, num_layers=2)(x)[0].sum().backward()
print(choose(LSTM, x).name)
try:
    open_pool(Resources())
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "eager\nCellsearchError local workers need a POSIX system such as Linux or macOS, and this one "
        f"({sys.platform}) has no os.fork; use the ray executor, or on Windows the Linux in it (WSL)\n"
    )
    assert done.stderr == (
        f"compiling needs a POSIX system such as Linux or macOS, and this one ({sys.platform}) has no os.fork: "
        "recurrences train two to three times slower by eager\n"
    )


def test_without_a_compiler_one_line_says_what_is_lost(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    for cell in (LSTM, GRU, LSTM):
        assert choose(cell, X).name == "eager"
        assert NATIVE.refuses(cell, X) == "there is no C compiler (cc, gcc or clang) on this machine"
    assert len(_warnings(caplog)) == 1


def test_a_program_without_a_compiler_runs_and_prints_one_line(tmp_path: Path) -> None:
    program = """
import torch
from cellsearch.recurrence import RNN
from cellsearch_search_spaces.gated import GRU, LSTM
for cell in (LSTM, GRU):
    RNN(cell, 3, 4, num_layers=2)(torch.zeros(2, 2, 3))[0].sum().backward()
"""
    environment = {**os.environ, "PATH": str(tmp_path), cache.CACHE: str(tmp_path)}
    environment.pop("CC", None)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "there is no C compiler (cc, gcc or clang) on this machine: "
        "recurrences train two to three times slower by eager\n"
    )


def test_a_compiler_of_another_name_is_used(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = build.compiler()
    if found is None:
        pytest.skip("no C compiler on this machine")
    folder = fresh / "bin"
    folder.mkdir()
    (folder / "clang").symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CC", "of-no-machine")
    build.compiler.cache_clear()
    assert build.compiler() == str(folder / "clang")


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
