"""`--verbose`: every command takes it, and then tells what otherwise only the log has."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cellsearch.cli import main
from cellsearch.cli.commands import app

TASK = """\
from cellsearch.testing.troubled_task import Troubled

class Mistaken(Troubled):
    def loss(self, model, batch, carried):
        print("the keys were", "x")
        return {"x": batch}["inputs"], None

TASK = Mistaken()
"""


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """The log, which is as before after the test."""
    log = logging.getLogger("cellsearch")
    before = (log.level, [*log.handlers], log.propagate)
    yield log
    log.level, log.handlers, log.propagate = before


def test_every_command_has_the_option() -> None:
    group = typer.main.get_group(app)
    assert len(group.commands) > 7
    for name, command in group.commands.items():
        assert any("--verbose" in parameter.opts for parameter in command.params), name


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["cellsearch", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_an_error_has_its_traceback_only_if_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], log: logging.Logger
) -> None:
    quiet = run(monkeypatch, capsys, "show", "ltsm")
    assert quiet.count("\n") == 1
    loud = run(monkeypatch, capsys, "show", "ltsm", "--verbose")
    assert "Traceback" in loud and "in seed" in loud and loud.endswith(quiet)


@pytest.mark.slow
def test_a_failed_training_is_told_with_its_traceback_and_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], log: logging.Logger, tmp_path: Path
) -> None:
    (tmp_path / "mistaken.py").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    command = ("search", "--task", "mistaken.py:TASK", "--until", "0 candidates", "--workers", "1", "--study", "study")
    assert "Traceback" not in run(monkeypatch, capsys, *command)
    loud = run(monkeypatch, capsys, *command[:-1], "other", "--verbose")
    assert "search: trial 0 begins, rnn" in loud
    assert "search: trial 0 failed: KeyError: 'inputs' (mistaken.py:6)\nTraceback" in loud
    assert "Its output:\nthe keys were x" in loud
