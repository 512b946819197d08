"""The hyperparameters: their values for one training, what can be tuned of them, and what a study fixes or draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cellsearch.errors import UnknownNameError
from cellsearch.training.task import Task, task_options

__all__ = ["HYPERPARAMETERS", "Domain", "Hyperparameters", "Range", "Tuning", "Value", "task_ranges", "tuning"]

Value = float | str
"""A hyperparameter's value: a number, or one of a few words."""

SPREAD: Final = 5.0
"""A search draws learning rates from the task's own divided by this to the task's own times this."""

OCTAVES: Final = 6
"""Tuning looks for the best learning rate up to so many octaves below and above the task's own."""

SGD: Final = 50.0
"""A task's learning rate is AdamW's; with clipped gradients SGD takes about so many times more."""


@dataclass(frozen=True)
class Hyperparameters:
    """How one training is optimized.

    `optimizer` is `adamw` or `sgd` (without momentum), `learning_rate` and `weight_decay` are theirs, the latter on
    matrices; `clip` is the norm that a gradient is cut to, 0 for none; `schedule` is `cosine` or `constant` after a
    warm-up; `dropout` replaces the task's option of that name.
    """

    learning_rate: float
    weight_decay: float = 0.0
    dropout: float | None = None
    clip: float = 1.0
    optimizer: str = "adamw"
    schedule: str = "cosine"


@dataclass(frozen=True)
class Domain:
    """What a hyperparameter may be: some words, or numbers within bounds, which are drawn by their ratio or not.

    With `infinite` infinity may be written for 0, where both mean that there is no limit.
    """

    words: tuple[str, ...] = ()
    least: float = 0.0
    below: float = float("inf")
    log: bool = False
    infinite: bool = False


HYPERPARAMETERS: Final[Mapping[str, Domain]] = {
    "learning_rate": Domain(log=True),
    "weight_decay": Domain(log=True),
    "dropout": Domain(below=1.0),
    "clip": Domain(log=True, infinite=True),
    "optimizer": Domain(words=("adamw", "sgd")),
    "schedule": Domain(words=("cosine", "constant")),
}
"""The domains of all fields of `Hyperparameters`."""


@dataclass(frozen=True)
class Range:
    """Numbers to draw from, evenly or, with `log`, evenly in their logarithms; `first` is tried before any is drawn."""

    low: float
    high: float
    log: bool
    first: float


@dataclass(frozen=True)
class Tuning:
    """What every training of a study has in common (`fixed`), and what is drawn for each (`ranges`).

    `rates` bounds the learning rates among which a cell's best one is looked for, None where the rate is fixed.
    """

    fixed: Mapping[str, Value]
    ranges: Mapping[str, Range]
    rates: Range | None

    @property
    def first(self) -> dict[str, float]:
        """The values to try first."""
        return {name: each.first for name, each in self.ranges.items()}

    @property
    def beside_rate(self) -> dict[str, Range]:
        """What is drawn of the other hyperparameters, once a cell's learning rate is found."""
        return {name: each for name, each in self.ranges.items() if name != "learning_rate"}

    @property
    def final_ranges(self) -> dict[str, Range]:
        """What finals draw from: the rates that tuning may try, and all other ranges."""
        return {**({"learning_rate": self.rates} if self.rates else {}), **self.beside_rate}

    def settings(self) -> dict[str, object]:
        """As plain data: a value, or [low, high]."""
        return {**self.fixed, **{name: [each.low, each.high] for name, each in self.ranges.items()}}


def task_ranges(task: Task, options: Iterable[str] = (), optimizer: Value = "adamw") -> dict[str, Range]:
    """What a task has ranges for: dropout where it has such an option that `options`, which the user set, lacks."""
    rate = float(task.learning_rate) * (SGD if optimizer == "sgd" else 1.0)
    ranges = {
        "learning_rate": Range(rate / SPREAD, rate * SPREAD, log=True, first=rate),
        "weight_decay": Range(1e-5, 1e-1, log=True, first=1e-5),
    }
    if "dropout" in task_options(task) and "dropout" not in options:
        first = float(task_options(task)["dropout"])
        ranges["dropout"] = Range(0.0, max(0.6, first), log=False, first=first)
    return ranges


def tuning(
    task: Task, options: Iterable[str], chosen: Mapping[str, object], tuned: Iterable[str] | None = None
) -> Tuning:
    """The user's choices over the task's own ranges.

    `chosen` maps a hyperparameter to a value, which fixes it, or to a range: (low, high), or text as `0.1:0.5`. Of
    the others, those of `tuned` (by default all) that the task has ranges for are drawn from them. Raises
    UnknownNameError if a name or value is none.
    """
    parsed = {name: _parsed(name, given) for name, given in chosen.items()}
    if "dropout" in parsed and "dropout" not in task_options(task):
        raise UnknownNameError(f"task {task.name!r} has no option 'dropout' to tune; leave it out")
    fixed = {name: each for name, each in parsed.items() if not isinstance(each, Range)}
    ranges = {name: each for name, each in parsed.items() if isinstance(each, Range)}
    for name, own in task_ranges(task, options, fixed.get("optimizer", "adamw")).items():
        if name not in parsed and (tuned is None or name in tuned):
            ranges[name] = own
        elif name == "learning_rate" and name not in parsed:
            fixed[name] = own.first
    rates = None if "learning_rate" in fixed else _rates(parsed.get("learning_rate"), ranges["learning_rate"])
    return Tuning(fixed, {name: ranges[name] for name in HYPERPARAMETERS if name in ranges}, rates)


def _rates(chosen: Value | Range | None, drawn: Range) -> Range:
    """The user's bounds, or OCTAVES on both sides of the task's own rate."""
    if isinstance(chosen, Range):
        return chosen
    return replace(drawn, low=drawn.first / 2**OCTAVES, high=drawn.first * 2**OCTAVES)


def _parsed(name: str, given: object) -> Value | Range:
    if name not in HYPERPARAMETERS:
        raise UnknownNameError(f"unknown hyperparameter {name!r}; use {', '.join(HYPERPARAMETERS)}")
    domain = HYPERPARAMETERS[name]
    if domain.words:
        if given not in domain.words:
            raise UnknownNameError(f"{name} must be {' or '.join(domain.words)}, got {given!r}")
        return str(given)
    numbers = _numbers(given)
    if domain.infinite and numbers == [float("inf")]:
        return 0.0
    if len(numbers) == 1 and domain.least <= numbers[0] < domain.below:
        return numbers[0]
    if (
        len(numbers) == 2
        and domain.least <= numbers[0] < numbers[1] < domain.below
        and not (domain.log and numbers[0] == 0)
    ):
        low, high = numbers
        return Range(low, high, domain.log, first=(low * high) ** 0.5 if domain.log else (low + high) / 2)
    bounds = f"from {domain.least:g}" + (f" and below {domain.below:g}" if domain.below < float("inf") else "")
    zero = ", which begins above 0" if domain.log else ""
    raise UnknownNameError(f"{name} must be a number {bounds}, or a range such as 0.1:0.5{zero}, got {given!r}")


def _numbers(given: object) -> list[float]:
    """The numbers of a value or a range; none if it is neither."""
    parts: Any = given.split(":") if isinstance(given, str) else given if isinstance(given, Iterable) else [given]
    try:
        return [float(part) for part in parts]
    except (TypeError, ValueError):
        return []
