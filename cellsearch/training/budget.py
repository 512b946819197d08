"""The budget: how large a model may be, how many steps train it, how often it validates and when it gives up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cellsearch.cell import Cell
from cellsearch.cell.untrusted import short
from cellsearch.errors import BudgetError, CellsearchError, TaskError, one_line
from cellsearch.recurrence import parameter_count
from cellsearch.training.task import Task

__all__ = ["Budget", "check_counts", "expect_budget", "hidden_size_for", "whole_number"]


DOUBLINGS: Final = 5
"""A model that has not grown after so many hidden sizes, each twice the one before, does not grow."""


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
        for name in ("parameters", "steps", "reports"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole_number(name, getattr(self, name), 1))
        object.__setattr__(self, "patience", float(self.patience))
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


def expect_budget(given: object) -> None:
    """Raise BudgetError, which tells how to make a budget, if something else is given."""
    if not isinstance(given, Budget):
        raise BudgetError(f"a Budget is expected, got {short(given)}; write cellsearch.Budget(parameters=60_000)")


def hidden_size_for(task: Task, cell: Cell, parameters: int) -> int:
    """The largest hidden size whose whole model has at most `parameters` learned numbers.

    Raises BudgetError if there is none, TaskError if the model does not grow with it or cannot be built.
    """

    def count(hidden_size: int) -> int:
        return _count(task, cell, hidden_size)

    smallest = count(1)
    if smallest > parameters:
        raise BudgetError(
            f"a budget of {parameters} parameters is too small for cell {cell.name!r} on task {task.name!r}: "
            f"hidden size 1 has {smallest}; raise it"
        )
    low, high, sizes = 1, 2, [smallest]
    while (size := count(high)) <= parameters:
        sizes.append(size)
        if sizes[-DOUBLINGS:][0] >= size and len(sizes) >= DOUBLINGS:
            raise TaskError(
                f"task {task.name!r}: its model has {size} parameters at hidden sizes {high} and "
                f"{high // 2 ** (DOUBLINGS - 1)} alike, so that none fits {parameters}; let it grow with hidden_size"
            )
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= parameters else (low, middle)
    return low


def _count(task: Task, cell: Cell, hidden_size: int) -> int:
    """Learned numbers of the model, built without memory, or with where it reads values while it is built."""
    try:
        with torch.device("meta"), _Undrawn():
            return parameter_count(task.model(cell, hidden_size))
    except Exception:
        try:
            return parameter_count(task.model(cell, hidden_size))
        except CellsearchError:
            raise
        except Exception as error:
            raise TaskError(
                f"task {task.name!r}: its model of hidden size {hidden_size} cannot be built: {one_line(error)}"
            ) from error


class _Undrawn(TorchFunctionMode):
    """Fills no array that has no memory: for normal numbers torch would import its compiler, which takes seconds."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if function is Tensor.normal_ or getattr(function, "__module__", "") == "torch.nn.init":
            filled = named["tensor"] if "tensor" in named else args[0]
            if filled.is_meta:
                return filled
        return function(*args, **named)


def check_counts(least: int, **counts: int) -> tuple[int, ...]:
    """The counts as Python's own numbers. Raises BudgetError, by the count's name, if one is none or too small."""
    return tuple(whole_number(name, count, least) for name, count in counts.items())


def whole_number(name: str, value: object, least: int | None = None) -> int:
    """A whole number of any type, numpy's too, as Python's own. Raises BudgetError by its name."""
    words = name.replace("_", " ")
    if not isinstance(value, Real) or not float(value).is_integer():
        raise BudgetError(f"{words} must be a whole number, got {short(value)}")
    number = int(float(value)) if not isinstance(value, Integral) else int(value)
    if least is not None and number < least:
        raise BudgetError(f"{words} must be at least {least}, got {number}")
    return number
