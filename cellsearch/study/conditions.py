"""The conditions: what all trainings of a study have in common, so that its cells differ in nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from cellsearch import plugins
from cellsearch.cell import Cell, to_json
from cellsearch.recurrence.custom import function_of, own_operations
from cellsearch.statistics.tuning import RateGrid
from cellsearch.study.record import FRESH, Record
from cellsearch.training import (
    Budget,
    Evaluation,
    Hyperparameters,
    MeasuredTask,
    NamedTask,
    Task,
    Tuning,
    hidden_size_for,
    references,
    tuning,
    whole_number,
)

__all__ = ["Conditions", "changed", "conditions_on"]

LONGEST: Final = 60
"""Characters of a value in a line."""

BEFORE: Final = 15
"""Characters before the first difference that tell where it is."""


@dataclass(frozen=True)
class Conditions:
    """Task, budget and tuning of every training, as plain data.

    Finals train for `final_steps`, and make `trials` tries for hyperparameters beside the learning rate. Raises
    BudgetError.
    """

    task: str
    options: Mapping[str, str]
    measured: MeasuredTask
    space: str
    seed: int
    budget: Budget
    final_steps: int
    trials: int
    tuning: Tuning

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", whole_number("seed", self.seed))
        for name in ("final_steps", "trials"):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), 0))

    def settings(self, operations: Iterable[str]) -> dict[str, Any]:
        """What must stay the same while a study goes on; `operations` are those that its cells may have."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("budget", "measured")}
        measured = {"task_name" if name == "name" else name: value for name, value in asdict(self.measured).items()}
        drawn, operands = self.tuning.settings(), own_operations(operations)
        return {**own, **measured, **asdict(self.budget), "tuning": drawn, "operations": operands}

    @property
    def grid(self) -> RateGrid | None:
        """The learning rates among which each finalist's is looked for; None where it is fixed."""
        rates = self.tuning.rates
        return RateGrid(rates.first, rates.low, rates.high) if rates else None

    @property
    def first_beside_rate(self) -> dict[str, float]:
        """The values of the other hyperparameters that finals draw, while the learning rate is looked for."""
        return {name: each.first for name, each in self.tuning.beside_rate.items()}

    def check(self, task: Task, cells: list[Cell]) -> None:
        """Raises BudgetError if the budget does not hold one of the cells, CellError if its operation is not here."""
        for name in own_operations(node.op for cell in cells for node in cell.nodes.values()):
            function_of(name)
        for cell in cells:
            hidden_size_for(task, cell, self.budget.parameters_of(task))

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        return plugins.texts(*references(self.task, self.options), self.space)

    @property
    def sources(self) -> list[Path]:
        """The user's files and packages that a training needs."""
        return plugins.sources(*references(self.task, self.options), self.space)

    def evaluation(
        self,
        record: Record,
        initialisation: int | None = None,
        pause: int | None = None,
        checkpoint: bytes | None = None,
        origin: str = "",
    ) -> Evaluation:
        """What a worker trains for a trial, from a checkpoint or its beginning to a pause or its end.

        The `origin` of its cell is the seed that it descends from, if that is another.
        """
        tuned: dict[str, Any] = {**self.tuning.fixed, **record.hyperparameters}
        return Evaluation(
            task=self.task,
            cell=to_json(record.cell),
            budget=replace(self.budget, steps=record.steps),
            hyperparameters=Hyperparameters(**tuned),
            seed=record.seed,
            options=self.options,
            space=self.space,
            final=record.role == FRESH,
            initialisation=initialisation,
            texts=self._texts,
            pause=pause,
            checkpoint=checkpoint,
            label=" ".join(filter(None, (record.cell.name, origin and f"{origin}-like", self.measured.name))),
        )


def conditions_on(
    named: NamedTask,
    *,
    space: str,
    seed: int,
    budget: Budget,
    hyperparameters: Mapping[str, object],
    trials: int,
    tuned: Iterable[str] | None = None,
    final_steps: int | None = None,
) -> Conditions:
    """The conditions on a task, with its own budget where none is given; finals are as long as the rest by default.

    Of the hyperparameters that are not chosen, those of `tuned` are drawn, by default all. Raises UnknownNameError and
    BudgetError.
    """
    return Conditions(
        task=named.reference,
        options=dict(named.options),
        measured=named.measured,
        space=space,
        seed=seed,
        budget=budget.of(named.task),
        final_steps=budget.steps_of(named.task) if final_steps is None else final_steps,
        trials=trials,
        tuning=tuning(named.task, named.options, hyperparameters, tuned),
    )


def changed(name: str, before: object, now: object) -> tuple[str, str, str]:
    """What differs, such as `options length`, and both values of it: the first entry that is not the same in both."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        key = next(key for key in {**before, **now} if before.get(key) != now.get(key))
        return changed(f"{name} {key}", before.get(key), now.get(key))
    if (
        isinstance(before, list)
        and isinstance(now, list)
        and len(before) == len(now)
        and isinstance(now[0], str | list)
    ):
        place = next(place for place, each in enumerate(before) if each != now[place])
        return changed(f"{name} {place + 1}", before[place], now[place])
    if before is None or now is None:
        return name, _text(before), _text(now)
    one, other = repr(before), repr(now)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return name, _around(one, same), _around(other, same)


def _text(value: object) -> str:
    return "not given" if value is None else _around(repr(value), 0)


def _around(text: str, place: int) -> str:
    """The text, or where it is long what stands around a place."""
    if len(text) <= LONGEST:
        return text
    start = max(0, min(place - BEFORE, len(text) - LONGEST))
    return ("..." if start else "") + text[start : start + LONGEST] + ("..." if start + LONGEST < len(text) else "")
