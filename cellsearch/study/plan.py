"""The plan: what all trainings of a study have in common, so that its cells differ in nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cellsearch.cell import Cell, to_json
from cellsearch.errors import BudgetError
from cellsearch.study.finals import FRESH
from cellsearch.study.record import Record
from cellsearch.training import Evaluation, Task, Tuning, hidden_size_for

__all__ = ["Plan", "check_counts"]


@dataclass(frozen=True)
class Plan:
    """Task, budget and tuning of every training, as plain data; `trials` tunes a finalist."""

    task: str
    options: Mapping[str, str]
    space: str
    seed: int
    parameters: int
    steps: int
    reports: int
    patience: float
    trials: int
    tuning: Tuning

    def settings(self) -> dict[str, Any]:
        """What must stay the same while a study goes on."""
        return {**self.__dict__, "tuning": self.tuning.settings()}

    def check(self, task: Task, cells: list[Cell]) -> None:
        """Raises BudgetError if the plan trains nothing, or not one of the cells."""
        check_counts(1, steps=self.steps, reports=self.reports, trials=self.trials)
        if not self.patience > 0:
            raise BudgetError(f"patience must be above 0, a share of the steps, got {self.patience:g}")
        for cell in cells:
            hidden_size_for(task, cell, self.parameters)

    def evaluation(self, record: Record, initialisation: int | None = None) -> Evaluation:
        """What a worker trains for a trial."""
        tuned: dict[str, Any] = {**self.tuning.fixed, **record.hyperparameters}
        return Evaluation(
            task=self.task,
            cell=to_json(record.cell),
            parameters=self.parameters,
            steps=self.steps,
            seed=record.seed,
            options=self.options,
            space=self.space,
            final=record.role == FRESH,
            reports=self.reports,
            patience=self.patience,
            initialisation=initialisation,
            **tuned,
        )


def check_counts(least: int, **counts: int) -> None:
    """Raises BudgetError, by the count's name, if one is too small."""
    for name, count in counts.items():
        if count < least:
            raise BudgetError(f"{name.replace('_', ' ')} must be at least {least}, got {count}")
