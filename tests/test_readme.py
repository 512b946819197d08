"""What the README shows is what works: its Python runs as it stands, and its commands have the options they use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cellsearch.testing.task import check_task
from tests.helpers.project import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("cellsearch ")
]
RUN = "from cellsearch.cli import main; main()"


@pytest.mark.slow
@pytest.mark.parametrize("code", PYTHON, ids=lambda code: code.splitlines()[0])
def test_its_python_runs(code: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_its_own_task_can_be_searched_and_cells_compared_on_it(tmp_path: Path) -> None:
    code = next(code for code in PYTHON if code.startswith("# parity.py"))
    (tmp_path / "parity.py").write_text(code, encoding="utf-8")
    assert len(code.splitlines()) < 40
    check_task(f"{tmp_path / 'parity.py'}:TASK")
    small = ["--task", "parity.py:TASK", "--option", "length=6", "--steps", "20"]
    for command, left in (
        (["search", *small, "--until", "2 candidates", "--finalists", "1"], "runs/parity/best.py"),
        (
            ["compare", "rnn", "gru", *small, "--trials", "2", "--fresh-seeds", "2"],
            "runs/compare-parity-rnn-gru/comparison.png",
        ),
    ):
        done = subprocess.run(
            [sys.executable, "-c", RUN, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / left).is_file()


def test_it_shows_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_have_the_options_they_use(command: str) -> None:
    _, name, *words = command.split()
    wide = {**os.environ, "COLUMNS": "200"}
    shown = subprocess.run(
        [sys.executable, "-c", RUN, name, "--help"], capture_output=True, text=True, check=True, env=wide
    )
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.stdout
