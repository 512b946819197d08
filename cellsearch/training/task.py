"""What a task is: data, the small model around the cell, its loss and its metric. A user's task is one file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from cellsearch import plugins
from cellsearch.cell import Cell
from cellsearch.cell.untrusted import short
from cellsearch.errors import UnknownNameError

__all__ = ["Measure", "MeasuredTask", "Split", "Task", "load_task", "settled_steps", "task_details", "task_options"]

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

    A frozen dataclass whose fields are its options, each with a default. `parameters` and `steps` are its default
    budget, `learning_rate` the middle of the range that a search tries with AdamW, `metric` the unit of a score. The
    model is any module built around `cellsearch.recurrence.RNN(cell, ...)`.

    Three members are optional: `final_steps`, from which on training has settled (the LSTM's last fifth improves it by
    less than 1 %), by default `steps`; an option `dropout: float`, which a search may tune; and a method
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
        """The loss of one step (nats or squared error), and what to carry into the next batch (None at first)."""

    def score(self, model: nn.Module, split: Split) -> float:
        """The metric on a split that training never sees. The model may be on a GPU; move the split to its device."""


def load_task(reference: str, options: Mapping[str, str]) -> Task:
    """The task of a name or reference with its options set. Raises UnknownNameError on an unusable option."""
    task: Task = plugins.load(plugins.TASKS, reference)
    if not dataclasses.is_dataclass(task) or isinstance(task, type):
        raise UnknownNameError(f"task {reference!r} is {short(task)}, no task; name an object like those in `tasks`")
    known = task_options(task)
    values: dict[str, Any] = {}
    for option, text in options.items():
        if option not in known:
            some = f"its options: {', '.join(known)}" if known else "it has no options"
            raise UnknownNameError(f"task {reference!r} has no option {option!r}; {some}")
        kind = type(known[option])
        try:
            values[option] = kind(text)
        except ValueError:
            raise UnknownNameError(f"task {reference!r}: {option} must be {kind.__name__}, got {text!r}") from None
    return dataclasses.replace(task, **values) if values else task


def task_options(task: Task) -> dict[str, Any]:
    """The task's options with their present values."""
    return {each.name: getattr(task, each.name) for each in dataclasses.fields(task)}  # type: ignore[arg-type]


def settled_steps(task: Task) -> int:
    """The steps from which on training has settled, as far as the task says."""
    return int(getattr(task, "final_steps", task.steps))


def task_details(task: Task, model: nn.Module) -> dict[str, float]:
    """The task's further figures of a trained model, which is in evaluation mode; none if it offers none."""
    details = getattr(task, "details", None)
    return {} if details is None else {name: float(value) for name, value in details(model).items()}
