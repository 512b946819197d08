"""Trainings kept in a CSV file, a line each: what was trained before is read, and what is new is added as it ends.

So that a measurement of hours goes on where it was stopped, and its raw results can be read by any program.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from cellsearch.cell import Cell, to_json
from cellsearch.errors import CellsearchError
from cellsearch.statistics.tuning import RateGrid, Tuned, next_tries, tuned
from cellsearch.training import Budget, Evaluation, Hyperparameters, evaluate, load_task

__all__ = ["Setting", "Training", "Trainings", "tune"]


@dataclass(frozen=True)
class Setting:
    """A task with its options, and the budget of every training on it; `name` stands in the file."""

    name: str
    task: str
    parameters: int
    steps: int
    options: Mapping[str, str]
    reports: int = 5

    def with_data(self, jsb: str) -> Setting:
        """The setting with the user's own copy of the chorales, if it needs them and there is one."""
        return replace(self, options={**self.options, "data": jsb}) if jsb and self.task == "jsb" else self

    @property
    def metric(self) -> str:
        """The unit of a score."""
        return load_task(self.task, self.options).metric

    @property
    def lower_is_better(self) -> bool:
        """Whether a lower score is a better one."""
        return load_task(self.task, self.options).lower_is_better

    @property
    def grid(self) -> RateGrid:
        """The learning rates that may be tried: six octaves around the task's own."""
        rate = load_task(self.task, self.options).learning_rate
        return RateGrid(rate, rate / 64, rate * 64)


@dataclass(frozen=True)
class Training:
    """One line: scores are those of the best validation, None where training ended in `reason`; times in seconds."""

    setting: str
    parameters: int
    steps: int
    cell: str
    learning_rate: float
    seed: int
    hidden_size: int | None = None
    validation: float | None = None
    test: float | None = None
    seconds: float | None = None
    step_seconds: float | None = None
    curve: str = ""
    reason: str = ""


class Trainings:
    """The trainings of a file, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, str, float, int], Training] = {}
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    self._keep(_parsed(row))

    def of(self, setting: Setting, cell: str) -> list[Training]:
        """The trainings of a cell in a setting, in the order of the file."""
        return [each for each in self._known.values() if (each.setting, each.cell) == (setting.name, cell)]

    def train(self, setting: Setting, cell: Cell, learning_rate: float, seed: int) -> Training:
        """The training, trained now if it is not in the file."""
        key = (setting.name, cell.name, learning_rate, seed)
        if key not in self._known:
            self._add(_trained(setting, cell, learning_rate, seed))
        return self._known[key]

    def train_all(self, setting: Setting, wanted: Iterable[tuple[Cell, float, int]], pool: Executor) -> None:
        """Train each (cell, learning rate, seed) that is not in the file, as many at once as the pool can."""
        missing = [each for each in wanted if (setting.name, each[0].name, *each[1:]) not in self._known]
        for future in as_completed([pool.submit(_trained, setting, *each) for each in missing]):
            self._add(future.result())

    def _keep(self, training: Training) -> None:
        self._known[training.setting, training.cell, training.learning_rate, training.seed] = training

    def _add(self, training: Training) -> None:
        new = not self._path.is_file()
        with self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [each.name for each in fields(Training)], lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow({name: "" if value is None else value for name, value in asdict(training).items()})
        self._keep(training)


def tune(trainings: Trainings, setting: Setting, cell: Cell) -> tuple[Tuned, int]:
    """What the rule chooses for a cell, and how many trainings it took."""
    grid, losses = setting.grid, dict[int, list[float | None]]()
    while tries := next_tries(grid, losses):
        for place, seed in tries:
            training = trainings.train(setting, cell, grid.rate(place), seed)
            losses.setdefault(place, []).append(loss(setting, training.validation))
    return tuned(grid, losses), sum(map(len, losses.values()))


def loss(setting: Setting, score: float | None) -> float:
    """A score as something to make small; infinite for a training that failed."""
    if score is None:
        return math.inf
    return score if setting.lower_is_better else -score


def _trained(setting: Setting, cell: Cell, learning_rate: float, seed: int) -> Training:
    begun = time.monotonic()
    line = Training(setting.name, setting.parameters, setting.steps, cell.name, learning_rate, seed)
    try:
        reports = list(
            evaluate(
                Evaluation(
                    task=setting.task,
                    cell=to_json(cell),
                    budget=Budget(setting.parameters, setting.steps, setting.reports),
                    hyperparameters=Hyperparameters(learning_rate),
                    seed=seed,
                    options=setting.options,
                    final=True,
                )
            )
        )
    except CellsearchError as error:
        return replace(line, reason=str(error)[:80], seconds=_short(time.monotonic() - begun))
    scores, last = [report.score for report in reports], reports[-1]
    return replace(
        line,
        hidden_size=last.hidden_size,
        validation=_short(min(scores) if setting.lower_is_better else max(scores)),
        test=_short(last.test),
        seconds=_short(time.monotonic() - begun),
        step_seconds=_short(last.step_seconds),
        curve=" ".join(f"{score:.4g}" for score in scores),
    )


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.6g}")


def _parsed(row: Mapping[str, str]) -> Training:
    def number(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return Training(
        setting=row["setting"],
        parameters=int(row["parameters"]),
        steps=int(row["steps"]),
        cell=row["cell"],
        learning_rate=float(row["learning_rate"]),
        seed=int(row["seed"]),
        hidden_size=int(row["hidden_size"]) if row["hidden_size"] else None,
        validation=number("validation"),
        test=number("test"),
        seconds=number("seconds"),
        step_seconds=number("step_seconds"),
        curve=row["curve"],
        reason=row["reason"],
    )
