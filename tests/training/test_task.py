"""Tasks by name, with options from text; and the conformance suite itself, which must refuse what is no task."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from cellsearch.errors import TaskError, UnknownNameError
from cellsearch.testing.task import check_task
from cellsearch.training import Budget, load_task, prepare_task, task_options, tuning
from cellsearch_tasks.adding import Adding

GOOD = """
from dataclasses import dataclass
import numpy as np
import torch
from cellsearch_tasks.adding import Adding

@dataclass(frozen=True)
class Mine(Adding):
    length: int = 4
    batch: int = 4

TASK = Mine()
"""


def test_a_task_is_found_by_name_with_its_options() -> None:
    assert load_task("adding", {}) == Adding()
    assert load_task("adding", {"length": "7", "batch": "3"}) == Adding(7, 3)
    assert task_options(Adding(7, 3)) == {"length": 7, "batch": 3}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lenght": "7"}, "task 'adding' has no option 'lenght'; its options: length, batch"),
        ({"length": "many"}, "task 'adding': length must be int, got 'many'"),
        ({"length": "1.5"}, "task 'adding': length must be int, got '1.5'"),
    ],
)
def test_an_unusable_option_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        load_task("adding", options)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("lower_is_better = 'no'", "task 'mine:TASK': 'lower_is_better' must be True or False, got 'no'"),
        ("learning_rate = -1", "task 'mine:TASK': 'learning_rate' must be a number above 0, got -1"),
        ("steps = 2.5", "'steps' must be a whole number above 0: the default budget is positive, got 2.5"),
        ("loss = None", "task 'mine:TASK': 'loss' must be a method, got None"),
    ],
)
def test_what_lacks_a_member_of_tasks_is_refused_when_it_is_loaded(member: str, message: str, tmp_path: Path) -> None:
    reference = _file(tmp_path, member)
    with pytest.raises(TaskError) as raised:
        load_task(reference, {})
    assert message in str(raised.value).replace(str(tmp_path / "mine.py"), "mine")


def test_a_task_without_a_member_is_told_what_tasks_have(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass Bare:\n    name = 'bare'\nTASK = Bare()\n"
    )
    with pytest.raises(TaskError, match=r"bare.py:TASK' has no 'metric'; a task has name, metric, lower_is_better"):
        load_task(f"{tmp_path}/bare.py:TASK", {})


def test_numbers_of_numpy_are_numbers_of_a_task(tmp_path: Path) -> None:
    task = load_task(_file(tmp_path, "steps, learning_rate = np.int64(300), np.float32(0.25)"), {})
    assert json.dumps(asdict(Budget().of(task)))
    assert json.dumps(tuning(task, {}, {}).settings())


@pytest.mark.parametrize("named", ["", ".prepare"])
def test_a_task_whose_code_raises_is_one_line_with_its_place(named: str, tmp_path: Path) -> None:
    body = "def prepare(self): {}['inputs']" if named else "def __post_init__(self): 1 / (self.length - 9)"
    reference = _file(tmp_path, body)
    with pytest.raises(TaskError) as raised:
        prepare_task(reference, load_task(reference, {"length": "9"}))
    text = str(raised.value).replace(reference, "it")
    if named:
        assert text == "task 'it': prepare() raised KeyError: 'inputs' (mine.py:11)"
    else:
        assert text == "task 'it' refuses these options: ZeroDivisionError: division by zero (mine.py:11)"


def test_a_users_file_passes_the_suite(tmp_path: Path) -> None:
    check_task(_file(tmp_path, ""))


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ("metric = ''", "the unit of its metric"),
        ("steps = 0", "the default budget is positive"),
        ("def batches(self, seed): return super().batches(0)", "differ for another seed"),
        ("def batches(self, seed):\n        while True: yield torch.rand(4, 4, 2), torch.rand(4)",
         "same for the same seed"),
        ("def model(self, cell, hidden_size): return super().model(cell, 3)", "grows with its hidden size"),
        ("def loss(self, model, batch, carried): return super().loss(model, batch, carried)[0] * float('nan'), None",
         "one finite number"),
        ("def score(self, model, split): return float(torch.rand(()))", "depends on the model alone"),
        ("def score(self, model, split): return super().score(model, 'test')", "are different data"),
        ("def score(self, model, split): return super().score(model, split) + 0 * float(torch.rand(()))",
         "leave torch's own generator alone"),
        ("def details(self, model): return {'longer': float('nan')}", "details are finite numbers by name"),
        ("dropout: float = 1.5", "is a share"),
    ],
)  # fmt: skip
def test_the_suite_names_the_rule_that_is_broken(broken: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, TaskError), match=rule):
        check_task(_file(tmp_path, broken))


def _file(folder: Path, change: str) -> str:
    path = folder / "mine.py"
    path.write_text(GOOD.replace("batch: int = 4\n", f"batch: int = 4\n    {change}\n"))
    return f"{path}:TASK"
