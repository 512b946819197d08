"""A lesson: one exercise, trained by each cell at a few learning rates, on disk. Run again, it goes on.

Its folder is one of the profile's. Every training has test data read at its end, and keeps its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose
from pathlib import Path
from typing import Final

from safetensors.torch import load as from_safetensors
from torch import nn

from cellsearch.cell import Cell, identity
from cellsearch.study.conditions import Conditions, conditions_on
from cellsearch.study.finals import FRESH
from cellsearch.study.folder import weights_path
from cellsearch.study.ledger import Ledger
from cellsearch.study.loop import Begun, Loop
from cellsearch.study.profiling.exercises import Exercise
from cellsearch.study.progress import Watch
from cellsearch.study.record import Proposal, Record, alive, best_first
from cellsearch.training import Budget, NamedTask, named_task, prepare_task
from cellsearch.workers import WorkerPool

__all__ = ["RATES", "Lesson", "lesson"]

RATES: Final = (3.0, 1.0, 0.3)
"""Learning rates that are tried, in those of the task; the one with the best validation counts."""


@dataclass(frozen=True)
class Lesson:
    """What is trained into the folder `path`."""

    path: Path
    exercise: Exercise
    named: NamedTask
    conditions: Conditions
    cells: Sequence[Cell]

    def open(self) -> Ledger:
        """The ledger to run it with. Raises StudyError if the folder was begun with another budget or seed."""
        operations = {node.op for cell in self.cells for node in cell.nodes.values()}
        settings = {**self.conditions.settings(operations), "exercise": self.named.text}
        return Ledger(self.path, settings, self.conditions.tuning.ranges)

    def run(self, ledger: Ledger, pool: WorkerPool, watch: Watch) -> None:
        """Train what is not trained yet."""

        def next_trial() -> Begun | None:
            for stage in map(_stage, self.cells):
                if ledger.waiting(stage) or self._queue(ledger, stage):
                    return stage, ledger.begin(stage)
            return None

        def observe(running: int) -> None:
            best = {cell.name: self.best(self.records(ledger, cell)) for cell in self.cells}
            watch.tell(running, None, {name: r.score for name, r in best.items() if r and r.score is not None})

        Loop(pool, ledger, lambda stage, record: self.conditions.evaluation(record), observe).run(next_trial)

    def records(self, ledger: Ledger, cell: Cell) -> list[Record]:
        """The trainings of a cell that were not interrupted."""
        return alive(ledger.records(_stage(cell)))

    def best(self, records: Sequence[Record]) -> Record | None:
        """The training with the best validation; None if all failed."""
        return next(iter(best_first(records, self.named.task.lower_is_better)), None)

    def model(self, trained: Record) -> nn.Module:
        """The model of a training, with its weights."""
        assert trained.hidden_size is not None
        model = self.named.task.model(trained.cell, trained.hidden_size)
        weights = weights_path(self.path, trained.stage, trained.number).read_bytes()
        model.load_state_dict(from_safetensors(weights))
        return model

    def _queue(self, ledger: Ledger, stage: str) -> bool:
        """Queue a training at the next rate that has none; False if all have one."""
        cell = next(cell for cell in self.cells if _stage(cell) == stage)
        tried = [record.hyperparameters["learning_rate"] for record in self.records(ledger, cell)]
        for rate in (self.named.task.learning_rate * each for each in RATES):
            if not any(isclose(rate, each) for each in tried):
                ledger.queue(stage, Proposal(cell), FRESH, self.conditions.seed, {"learning_rate": rate})
                return True
        return False


def lesson(path: Path, exercise: Exercise, cells: Sequence[Cell], space: str, seed: int, budget: Budget) -> Lesson:
    """The lesson of an exercise, in a folder of the profile's. Raises UnknownNameError and BudgetError."""
    named = named_task(exercise.task, exercise.options)
    prepare_task(named.reference, named.task)
    steps, rates = budget.steps or exercise.steps, [named.task.learning_rate * rate for rate in RATES]
    conditions = conditions_on(
        named,
        space=space,
        seed=seed,
        budget=replace(budget, steps=steps),
        hyperparameters={"learning_rate": (min(rates), max(rates))},
        trials=0,
        tuned=(),
    )
    conditions.check(named.task, [*cells])
    return Lesson(path / named.folder, exercise, named, conditions, cells)


def _stage(cell: Cell) -> str:
    """The ledger's stage for a cell, whatever others a profile has."""
    return f"profile-{identity(cell)}"
