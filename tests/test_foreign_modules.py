"""A `tasks.py` and a `search_spaces.py` of the user's, in the working directory and first on the path, go unnoticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cellsearch.study.comparing.comparison import read_comparison
from cellsearch.study.study import load_study

SMALL = ("--parameters", "500", "--steps", "2", "--reports", "1", "--workers", "2", "--trials", "1")
SEARCH = ("search", "--until", "1 candidates", "--finalists", "1", "--fresh-seeds", "2", "--study", "found", *SMALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a `tasks.py` and a `search_spaces.py` that nobody may import."""
    for name in ("tasks", "search_spaces"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('the {name}.py of the user was imported')\n")
    return tmp_path


def test_who_imports_them_would_notice(folder: Path) -> None:
    for name in ("tasks", "search_spaces"):
        assert f"the {name}.py of the user was imported" in _python(folder, "-c", f"import {name}").stderr


@pytest.mark.parametrize("arguments", [["list"], ["show", "gru"]], ids=" ".join)
def test_commands_that_read_do_not_notice(arguments: list[str], folder: Path) -> None:
    assert "gru" in _command(folder, *arguments)


@pytest.mark.slow
def test_a_search_on_ray_does_not_notice_nor_do_its_workers(folder: Path) -> None:
    _command(folder, *SEARCH, "--task", "adding", "--option", "length=10", "--executor", "ray")
    study = load_study(folder / "found")
    assert [record.state for record in study.records] == ["complete"] * len(study.records)
    assert study.verdicts


@pytest.mark.slow
def test_a_comparison_does_not_notice_nor_do_its_local_workers(folder: Path) -> None:
    entrants = ("compare", "rnn", "gru", "--fresh-seeds", "2", "--study", "found", *SMALL)
    _command(folder, *entrants, "--task", "adding", "--option", "length=10")
    assert all(entrant.test is not None for entrant in read_comparison(folder / "found").entrants)


def _command(folder: Path, *arguments: str) -> str:
    """What `cellsearch` prints with the folder first on the path, as the working directory and by PYTHONPATH."""
    ended = _python(folder, "-m", "cellsearch", *arguments)
    assert ended.returncode == 0, ended.stderr
    assert "of the user was imported" not in ended.stdout + ended.stderr
    return ended.stdout


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
