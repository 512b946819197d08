"""The budget: the task's own where nothing is given, nothing that trains nothing, and models that just fit."""

from __future__ import annotations

from typing import Any

import pytest

from cellsearch.cell import Cell
from cellsearch.errors import BudgetError
from cellsearch.recurrence import parameter_count
from cellsearch.training import Budget, hidden_size_for, load_task
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


def test_a_budget_that_holds_no_model_is_refused() -> None:
    message = "a budget of 5 parameters is too small for cell 'gru' on task 'adding': hidden size 1 has 15; raise it"
    with pytest.raises(BudgetError, match=message):
        hidden_size_for(Adding(), GRU, 5)
