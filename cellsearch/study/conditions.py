"""The conditions: what all trainings of a study have in common, so that its cells differ in nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cellsearch.cell import Cell, to_json
from cellsearch.study.finals import FRESH
from cellsearch.study.record import Record
from cellsearch.training import Budget, Evaluation, Hyperparameters, Task, Tuning, check_counts, hidden_size_for

__all__ = ["Conditions"]


@dataclass(frozen=True)
class Conditions:
    """Task, budget and tuning of every training, as plain data; `trials` tunes a finalist. Raises BudgetError."""

    task: str
    options: Mapping[str, str]
    space: str
    seed: int
    budget: Budget
    trials: int
    tuning: Tuning

    def __post_init__(self) -> None:
        check_counts(1, trials=self.trials)

    def settings(self) -> dict[str, Any]:
        """What must stay the same while a study goes on."""
        budget = asdict(self.budget)
        own = {name: value for name, value in vars(self).items() if name != "budget"}
        return {**own, **budget, "tuning": self.tuning.settings()}

    def check(self, task: Task, cells: list[Cell]) -> None:
        """Raises BudgetError if the budget does not hold one of the cells."""
        for cell in cells:
            hidden_size_for(task, cell, self.budget.parameters_of(task))

    def evaluation(self, record: Record, initialisation: int | None = None) -> Evaluation:
        """What a worker trains for a trial."""
        tuned: dict[str, Any] = {**self.tuning.fixed, **record.hyperparameters}
        return Evaluation(
            task=self.task,
            cell=to_json(record.cell),
            budget=self.budget,
            hyperparameters=Hyperparameters(**tuned),
            seed=record.seed,
            options=self.options,
            space=self.space,
            final=record.role == FRESH,
            initialisation=initialisation,
        )
