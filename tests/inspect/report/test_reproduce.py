"""The commands of a report have options that there are, and the settings that the study was made with."""

from __future__ import annotations

import shlex
from dataclasses import replace
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from cellsearch.cli.commands import app
from cellsearch.inspect.report.reproduce import comparison_commands, made_with, search_commands
from cellsearch.training.joint import JOINT
from tests.helpers.comparisons import FIRST, SECOND, comparison
from tests.helpers.large_study import SETTINGS, large_study

STUDY = large_study(7)
COMPARED = replace(comparison(FIRST, SECOND), settings={**SETTINGS, **comparison(FIRST, SECOND).settings})


@pytest.mark.parametrize("command", [*search_commands(STUDY), *comparison_commands([COMPARED], "runs/x")])
def test_a_command_has_the_options_it_uses(command: str) -> None:
    program, name, *words = shlex.split(command)
    assert program == "cellsearch"
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).output
    for option in (word for word in words if word.startswith("--")):
        assert option in shown


def test_the_search_is_made_again_with_its_settings() -> None:
    words = shlex.split(search_commands(STUDY)[0])
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert (
        given["--until"] == "7 candidates"
        and given["--rungs"] == "34,100"
        and given["--finalists"] == "3"
        and given["--fresh-seeds"] == "5"
    )
    assert given["--seeds"] == "lstm,gru,rnn" and given["--parameters"] == "60000"
    assert given["--hyperparameter"] == "weight_decay=1e-06:0.001", "the learning rate's range is the task's own"


def test_names_are_quoted() -> None:
    odd = replace(STUDY, settings={**STUDY.settings, "task": "my task.py:TASK; rm x"})
    assert shlex.split(search_commands(odd)[0])[3] == "my task.py:TASK; rm x"


def test_what_it_was_made_with_is_told() -> None:
    facts = dict(made_with(SETTINGS))
    assert facts["parameters"] == "60,000" and "torch 2" in facts["this page written with"]
    assert facts["hyperparameters"] == "learning_rate 0.002:0.05, weight_decay 1e-06:0.001"


def test_several_tasks_are_named_one_by_one() -> None:
    texts = ["digits@batch=20,permuted=1", "my_file.py:TASK"]
    named = {"task": JOINT, "options": {"of": "digits@batch=20;permuted=1 + my_file.py:TASK"}}
    search, _, compare = search_commands(replace(STUDY, settings={**STUDY.settings, **named}))
    for command in (search, compare):
        words = shlex.split(command)
        assert [after for word, after in pairwise(words) if word == "--task"] == texts
    assert dict(made_with({**SETTINGS, **named}))["task"] == ", ".join(texts)
