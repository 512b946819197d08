"""The budget: the task's own where nothing is given, nothing that trains nothing, and models that just fit."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from torch import nn

from cellsearch.cell import Cell, Node
from cellsearch.errors import BudgetError, TaskError
from cellsearch.recurrence import parameter_count
from cellsearch.training import Budget, Evaluation, Hyperparameters, hidden_size_for, load_task
from cellsearch.workers import Resources
from cellsearch_search_spaces.gated import GRU, LSTM, RNN
from cellsearch_tasks.adding import Adding


def test_what_is_not_given_is_the_tasks_own() -> None:
    task = Adding()
    assert Budget().of(task) == Budget(task.parameters, task.steps, reports=5, patience=0.5)
    assert Budget(steps=7).of(task) == Budget(task.parameters, 7)
    assert Budget(9, 7, 2, 0.25).of(task) == Budget(9, 7, 2, 0.25)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"steps": -3}, "steps must be at least 1, got -3"),
        ({"steps": 2.5}, "steps must be a whole number, got 2.5"),
        ({"steps": "7"}, "steps must be a whole number, got '7'"),
        ({"parameters": 0}, "parameters must be at least 1, got 0"),
        ({"reports": 0}, "reports must be at least 1, got 0"),
        ({"patience": 0.0}, "patience must be above 0, a share of the steps, got 0"),
        ({"patience": float("nan")}, "patience must be above 0, a share of the steps, got nan"),
    ],
)
def test_a_budget_that_trains_or_tells_nothing_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BudgetError) as refusal:
        Budget(**given)
    assert str(refusal.value) == message


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU], ids=lambda cell: cell.name)
@pytest.mark.parametrize("parameters", [50, 51, 1_000, 60_001])
def test_the_hidden_size_is_the_largest_that_fits(cell: Cell, parameters: int) -> None:
    task = load_task("adding", {})
    size = hidden_size_for(task, cell, parameters)
    assert parameter_count(task.model(cell, size)) <= parameters < parameter_count(task.model(cell, size + 1))


@dataclasses.dataclass(frozen=True)
class Odd(Adding):
    """A model as people write it: `most` caps its hidden size, `step` rounds it up, and it reads its weights."""

    most: int = 10**9
    step: int = 1

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        model = super().model(cell, min(self.most, -(-hidden_size // self.step) * self.step))
        for array in model.parameters():
            assert float(array.sum()) < 10**9
        return model


@pytest.mark.parametrize("most", [1, 8, 24])
def test_a_model_that_ignores_or_caps_its_hidden_size_is_refused(most: int) -> None:
    with pytest.raises(
        TaskError, match=r"its model has \d+ parameters at hidden sizes \d+ and \d+ alike, so that none"
    ):
        hidden_size_for(Odd(most=most), LSTM, 10**6)


def test_a_model_that_rounds_its_hidden_size_or_reads_its_weights_is_none_of_these() -> None:
    assert hidden_size_for(Odd(step=8), LSTM, 10_000) % 8 == 0
    assert hidden_size_for(Odd(), LSTM, 10_000) == hidden_size_for(Adding(), LSTM, 10_000)


def test_a_model_that_cannot_be_built_is_one_line() -> None:
    class Broken(Adding):
        def model(self, cell: Cell, hidden_size: int) -> nn.Module:
            raise KeyError("vocabulary")

    with pytest.raises(
        TaskError, match=r"its model of hidden size 1 cannot be built: KeyError: 'vocabulary' \(test_bud"
    ):
        hidden_size_for(Broken(), LSTM, 10_000)


def test_what_is_frozen_is_not_learned_and_what_is_shared_is_learned_once() -> None:
    frozen, shared = nn.Linear(3, 4), nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    frozen.weight.requires_grad_(False)
    shared[1].weight = shared[0].weight
    assert (parameter_count(frozen), parameter_count(shared)) == (4, 9 + 3 + 3)


def test_numbers_of_numpy_are_numbers() -> None:
    budget = Budget(np.int64(900), np.float64(7.0), np.int32(5), np.float32(0.5))  # type: ignore[arg-type]
    assert json.dumps(dataclasses.asdict(budget)) == json.dumps(dataclasses.asdict(Budget(900, 7, 5, 0.5)))
    resources = Resources(workers=np.int64(2), timeout=np.float32(5))  # type: ignore[arg-type]
    assert json.dumps(dataclasses.asdict(resources)) == json.dumps(dataclasses.asdict(Resources(workers=2, timeout=5)))
    evaluation = Evaluation("adding", "", budget, Hyperparameters(0.1), np.int64(3))  # type: ignore[arg-type]
    assert type(evaluation.seed) is int
    node = Node("linear", ("x", "h"), initial_bias=np.float32(1))  # type: ignore[arg-type]
    assert json.dumps(dataclasses.asdict(node)) == json.dumps(dataclasses.asdict(Node("linear", ("x", "h"), 1.0)))


def test_a_budget_that_holds_no_model_is_refused() -> None:
    message = "a budget of 5 parameters is too small for cell 'gru' on task 'adding': hidden size 1 has 15; raise it"
    with pytest.raises(BudgetError, match=message):
        hidden_size_for(Adding(), GRU, 5)


def test_to_count_parameters_torch_imports_no_compiler() -> None:
    """Which takes seconds in each process, and which drawing the numbers of an embedding without memory would do."""
    program = """
import sys
from cellsearch.training import hidden_size_for, load_task
from cellsearch_search_spaces.gated import LSTM
hidden_size_for(load_task("words", {}), LSTM, 300_000)
print("torch._dynamo" in sys.modules)
"""
    assert subprocess.check_output([sys.executable, "-c", program]) == b"False\n"
