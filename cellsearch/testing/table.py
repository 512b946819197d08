"""The table of truth: every cell of a small space, trained, so that a search can be replayed without training.

from cellsearch.testing.table import load
table = load()
table.training(cell, learning_rate=0.03).scores[400]

Every cell is there at each learning rate with the seed 0, and the best tenth and a random hundredth with further seeds,
which tell how much of a score is luck. Written by `scripts/make_table`, described in docs/table.md.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Final

from cellsearch import plugins
from cellsearch.cell import Cell, identity
from cellsearch.errors import DataError
from cellsearch.space import SearchSpace

__all__ = ["SCHEMA", "SMALL", "Table", "Training", "load"]

SCHEMA: Final = "cellsearch.table/1"

SMALL: Final = Path(__file__).parent / "small"
"""The folder of the table: `table.json` says what was trained, `trainings.csv` what came out."""


@dataclass(frozen=True)
class Training:
    """One training of the table: scores on validation by step, empty where it diverged.

    `test` is the score on test data of the weights with the best validation, `step_seconds` the median time of a step.
    """

    learning_rate: float
    seed: int
    scores: Mapping[int, float]
    test: float | None
    step_seconds: float | None


@dataclass(frozen=True)
class Table:
    """What was trained: the search space, the task with its options, and the budget of each training."""

    path: Path
    space: str
    task: str
    options: Mapping[str, str]
    parameters: int
    steps: int
    reports: int
    learning_rates: Sequence[float]

    @property
    def rungs(self) -> tuple[int, ...]:
        """The steps at which each training has a score."""
        return tuple(round(self.steps * (i + 1) / self.reports) for i in range(self.reports))

    @property
    def trainings_file(self) -> Path:
        """The raw trainings, a line each."""
        return self.path / "trainings.csv"

    @cached_property
    def cells(self) -> Mapping[str, Cell]:
        """Every cell of the space by its name in the file."""
        return {cell.name: cell for cell in _space_cells(self.space)}

    def training(self, cell: Cell, learning_rate: float, seed: int = 0) -> Training | None:
        """The training of a cell, however it is written; None where the table has no such training.

        Raises DataError if the cell is none of the table's.
        """
        return next((t for t in self.trainings(cell) if (t.learning_rate, t.seed) == (learning_rate, seed)), None)

    def trainings(self, cell: Cell) -> Sequence[Training]:
        """All trainings of a cell that are there yet. Raises DataError if it is none of the table's."""
        return self.kept.get(self.name(cell), ())

    def name(self, cell: Cell) -> str:
        """What the table calls a cell. Raises DataError if it is none of the table's."""
        name = self._names.get(identity(cell), "")
        if not name:
            raise DataError(
                f"cell {cell.name!r}: table {self.path} does not have it; take cells of space {self.space!r}"
            )
        return name

    def quality(self, cell: Cell) -> float | None:
        """The mean test score of a cell over all seeds at its best learning rate; None if all of its trainings failed.

        The rate is chosen by the mean score on validation.
        """
        by_rate = dict[float, list[Training]]()
        for training in self.trainings(cell):
            if training.test is not None:
                by_rate.setdefault(training.learning_rate, []).append(training)
        if not by_rate:
            return None
        chosen = max(by_rate.values(), key=lambda alike: fmean(max(t.scores.values()) for t in alike))
        return fmean(t.test for t in chosen if t.test is not None)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {identity(cell): name for name, cell in self.cells.items()}

    @cached_property
    def kept(self) -> Mapping[str, Sequence[Training]]:
        """The trainings of each cell by its name; cells that are not trained yet are not there."""
        found = dict[str, list[Training]]()
        for name, training in _read(self):
            found.setdefault(name, []).append(training)
        return found


def load(path: Path = SMALL) -> Table:
    """The table of a folder. Raises DataError if there is none or it is of another version."""
    try:
        written = json.loads((path / "table.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"table {path}: {error}; make one with scripts/make_table") from None
    if written.pop("schema", None) != SCHEMA:
        raise DataError(f"table {path}: it is not of version {SCHEMA}; make it anew with scripts/make_table")
    return Table(path=path, **written)


def _space_cells(name: str) -> Iterator[Cell]:
    space: SearchSpace = plugins.load(plugins.SPACES, name)
    if space.cells is None:
        raise DataError(f"search space {name!r} does not count its cells; give it `cells`, or make a table of another")
    return space.cells()


def _read(table: Table) -> Iterator[tuple[str, Training]]:
    if not table.trainings_file.is_file():
        raise DataError(f"table {table.path}: it has no trainings.csv; make it with scripts/make_table")
    with table.trainings_file.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            scores = [float(score) for score in row["curve"].split()]
            yield (
                row["cell"],
                Training(
                    learning_rate=float(row["learning_rate"]),
                    seed=int(row["seed"]),
                    scores=dict(zip(table.rungs, scores, strict=False)),  # a training may end early
                    test=float(row["test"]) if row["test"] else None,
                    step_seconds=float(row["step_seconds"]) if row["step_seconds"] else None,
                ),
            )
