"""What a task is: data, the small model around the cell, its loss and its metric. A user's task is one file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral, Real
from typing import Any, Final, Literal, Protocol

from torch import Tensor, nn

from cellsearch import plugins
from cellsearch.cell import Cell
from cellsearch.cell.untrusted import short
from cellsearch.errors import CellsearchError, TaskError, UnknownNameError, one_line
from cellsearch.training.options import converted

__all__ = [
    "Measure",
    "MeasuredTask",
    "Split",
    "Task",
    "load_task",
    "prepare_task",
    "settled_steps",
    "task_details",
    "task_options",
]

Split = Literal["validation", "test"]


class Measure(Protocol):
    """What scores are: of which task, in which unit, and which of them are better."""

    @property
    def name(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def lower_is_better(self) -> bool: ...


@dataclasses.dataclass(frozen=True)
class MeasuredTask:
    """What a study keeps of its task, so that its scores can be read where the task is gone."""

    name: str
    metric: str
    lower_is_better: bool


class Task(Measure, Protocol):
    """One task, found through the entry-point group `cellsearch.tasks` or as `file.py:TASK`.

    A frozen dataclass whose fields are its options, each with a default (see `options`). `parameters` and `steps` are
    its default budget, `learning_rate` the middle of the range that a search tries with AdamW, `metric` the unit of a
    score. The model is any module built around `cellsearch.recurrence.RNN(cell, ...)`.

    Three members are optional: `final_steps`, from which on training has settled (the LSTM's last fifth improves it by
    less than 1 %); an option `dropout: float`, which a search may tune; and a method
    `details(model) -> Mapping[str, float]` with further figures of a trained model, such as its scores at other
    lengths, read on test data once, at the end.
    """

    @property
    def parameters(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...

    def prepare(self) -> None:
        """Load the data once a process. Raises DataError, which names the file, if it cannot be used."""

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A new model around the cell, drawn from torch's generator."""

    def batches(self, seed: int) -> Iterator[Any]:
        """Training batches without end, the same for the same seed: tensors, or tuples with tensors, on the CPU."""

    def loss(self, model: nn.Module, batch: Any, carried: Any) -> tuple[Tensor, Any]:
        """The loss of one step (nats or squared error), and what to carry into the next batch (None at first).

        On a GPU a step may be the replay of a CUDA graph: for batches of one form, which differ in their tensors'
        numbers alone, it must do the same with them, so that nothing may hang on a clock, a counter, or Python's
        random numbers. A loss that reads a tensor's value is never replayed.
        """

    def score(self, model: nn.Module, split: Split) -> float:
        """The metric on a split that training never sees. The model may be on a GPU; move the split to its device."""


MEMBERS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "name": ("a text", lambda value: isinstance(value, str) and bool(value)),
    "metric": ("a text, the unit of its metric", lambda value: isinstance(value, str) and bool(value)),
    "lower_is_better": ("True or False", lambda value: value in (True, False)),
    "parameters": ("a whole number above 0: the default budget is positive", lambda value: _is_count(value)),
    "steps": ("a whole number above 0: the default budget is positive", lambda value: _is_count(value)),
    "learning_rate": ("a number above 0", lambda value: isinstance(value, Real) and float(value) > 0),
    **dict.fromkeys(("prepare", "model", "batches", "loss", "score"), ("a method", callable)),
}
"""What a task must have, in words, and whether a value is that."""


def load_task(reference: str, options: Mapping[str, object]) -> Task:
    """The task of a name or reference with its options set, by their texts or as themselves.

    Raises UnknownNameError on an unusable option, TaskError if the task lacks what a task has.
    """
    task: Task = plugins.load(plugins.TASKS, reference)
    if not dataclasses.is_dataclass(task) or isinstance(task, type):
        raise UnknownNameError(f"task {reference!r} is {short(task)}, no task; name an object like those in `tasks`")
    _check_members(reference, task)
    values = converted(reference, task, options)
    try:
        return dataclasses.replace(task, **values) if values else task
    except CellsearchError:
        raise
    except Exception as error:
        raise TaskError(f"task {reference!r} refuses these options: {one_line(error)}") from error


def prepare_task(reference: str, task: Task) -> None:
    """Load the task's data. Raises DataError as it does, and TaskError for whatever else its code raises."""
    try:
        task.prepare()
    except CellsearchError:
        raise
    except Exception as error:
        raise TaskError(f"task {reference!r}: prepare() raised {one_line(error)}") from error


def _check_members(reference: str, task: Task) -> None:
    for name, (wanted, is_right) in MEMBERS.items():
        if not hasattr(task, name):
            raise TaskError(f"task {reference!r} has no {name!r}; a task has {', '.join(MEMBERS)}")
        value = getattr(task, name)
        if not is_right(value):
            raise TaskError(f"task {reference!r}: {name!r} must be {wanted}, got {short(value)}")


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and int(value) > 0


def task_options(task: Task) -> dict[str, Any]:
    """The task's options with their present values."""
    return {each.name: getattr(task, each.name) for each in dataclasses.fields(task)}  # type: ignore[arg-type]


def settled_steps(task: Task, steps: int) -> int:
    """The steps from which on training has settled, as far as the task says, and `steps` at least."""
    return max(steps, int(getattr(task, "final_steps", 0)))


def task_details(task: Task, model: nn.Module) -> dict[str, float]:
    """The task's further figures of a trained model, which is in evaluation mode; none if it offers none."""
    details = getattr(task, "details", None)
    return {} if details is None else {name: float(value) for name, value in details(model).items()}
