"""Tasks by name, with options from text; and the conformance suite itself, which must refuse what is no task."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsearch.errors import UnknownNameError
from cellsearch.testing.task import check_task
from cellsearch.training import load_task, task_options
from cellsearch_tasks.adding import Adding

GOOD = """
from dataclasses import dataclass
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
    with pytest.raises(AssertionError, match=rule):
        check_task(_file(tmp_path, broken))


def _file(folder: Path, change: str) -> str:
    path = folder / "mine.py"
    path.write_text(GOOD.replace("batch: int = 4\n", f"batch: int = 4\n    {change}\n"))
    return f"{path}:TASK"
