"""The budget: how large a model may be, how many steps train it, how often it validates and when it gives up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from cellsearch.cell import Cell
from cellsearch.errors import BudgetError
from cellsearch.recurrence import parameter_count
from cellsearch.training.task import Task

__all__ = ["Budget", "check_counts", "hidden_size_for"]


@dataclass(frozen=True)
class Budget:
    """What one training may take; the same for every cell of a study.

    `parameters` bounds the learned numbers of the whole model, `steps` counts the optimizer's; None is the task's own.
    A training validates `reports` times, evenly spread over its steps, and ends early after the share `patience` of
    its steps without a better score; with 1 none ends early. Raises BudgetError.
    """

    parameters: int | None = None
    steps: int | None = None
    reports: int = 5
    patience: float = 0.5

    def __post_init__(self) -> None:
        check_counts(1, steps=1 if self.steps is None else self.steps, reports=self.reports)
        if not self.patience > 0:
            raise BudgetError(f"patience must be above 0, a share of the steps, got {self.patience:g}")

    def of(self, task: Task) -> Budget:
        """The same with the task's own numbers where none were given."""
        return replace(self, parameters=self.parameters_of(task), steps=self.steps_of(task))

    def parameters_of(self, task: Task) -> int:
        """Learned numbers that a model of the task may have."""
        return task.parameters if self.parameters is None else self.parameters

    def steps_of(self, task: Task) -> int:
        """Optimizer steps of a training on the task."""
        return task.steps if self.steps is None else self.steps


def hidden_size_for(task: Task, cell: Cell, parameters: int) -> int:
    """The largest hidden size whose whole model has at most `parameters` learned numbers. Raises BudgetError."""

    def count(hidden_size: int) -> int:
        with torch.device("meta"):
            return parameter_count(task.model(cell, hidden_size))

    smallest = count(1)
    if smallest > parameters:
        raise BudgetError(
            f"a budget of {parameters} parameters is too small for cell {cell.name!r} on task {task.name!r}: "
            f"hidden size 1 has {smallest}; raise it"
        )
    low, high = 1, 2
    while count(high) <= parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= parameters else (low, middle)
    return low


def check_counts(least: int, **counts: int) -> None:
    """Raises BudgetError, by the count's name, if one is too small."""
    for name, count in counts.items():
        if count < least:
            raise BudgetError(f"{name.replace('_', ' ')} must be at least {least}, got {count}")
