"""A table of your own series: a CSV file and the column to foretell, a number or a class; metric: error over naive.

`--task series --data FILE.csv --target COLUMN`. At each row the model reads all columns and foretells the target
`horizon` rows later: by default 1 row where the target is a number, and the same row's, of which it is then not read,
where the target is a text, a class. `kind=class` takes numbers for classes. `group` is a column that names which of
several series a row is of. See `table` for what a file looks like, `inputs` for what is read of it.

Each series is split in order: the first 70 percent train, 15 validate, 15 test. Training reads random stretches of
`length` rows of the training part. In a score each row is foretold after `length` rows or more before it, up to twice
as many. The error is the root of the mean square, of classes the share of wrong ones, and is divided by that of the
naive answer, which is the last value measured, or with horizon 0 the mean or commonest of training: 1 is worth nothing,
lower is better. What was not measured is not asked for.

x: [T, B, I] rows, sequences, inputs; goals: [T, B] as in `goals`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN
from cellsearch.training.shared import shared

from .goals import Goals, goals
from .inputs import inputs
from .rows import Span, rows
from .table import Kind, read_table

KINDS: Final[Mapping[str, Kind]] = {"number": "number", "class": "text"}

TOGETHER: Final = 256
"""Sequences that a score reads at once."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table as tensors: what is read [N, I], by the names of the inputs, and what is foretold."""

    names: tuple[str, ...]
    inputs: Tensor
    goals: Goals
    spans: tuple[Span, ...]
    horizon: int


class SeriesModel(nn.Module):
    """One recurrent layer and a linear layer to a number or the classes, with dropout between them."""

    def __init__(self, cell: Cell, inputs: int, hidden_size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.rnn = RNN(cell, inputs, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        told: Tensor = self.head(self.dropout(self.rnn(x)[0]))
        return told.squeeze(-1)


@dataclass(frozen=True)
class Series:
    """The task; `drop` are columns that are not read, `header` tells whether the first line names the columns."""

    data: str = ""
    target: str = ""
    kind: Literal["auto", "number", "class"] = "auto"
    horizon: int | None = None
    group: str = ""
    drop: tuple[str, ...] = ()
    header: bool | None = None
    length: int = 64
    batch: int = 32
    dropout: float = 0.0

    name: ClassVar[str] = "series"
    metric: ClassVar[str] = "error over naive"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 10_000
    steps: ClassVar[int] = 400
    learning_rate: ClassVar[float] = 1e-2

    def prepare(self) -> None:
        """Read the table. Raises DataError, with line and column where it can, if it is of no use."""
        if not self.data or not self.target:
            raise DataError("series needs a table and the column to foretell: name --data FILE.csv --target COLUMN")
        if min(self.batch, self.length) < 1 or (self.horizon or 0) < 0 or not 0 <= self.dropout < 1:
            raise DataError(
                f"series needs batch and length of at least 1, horizon of at least 0 and dropout from 0 to below 1, "
                f"got {self.batch}, {self.length}, {self.horizon}, {self.dropout}"
            )
        table = self._prepared
        for split in ("validation", "test"):
            asked = torch.cat([chunk[1] for chunk in self._chunks(split)])
            if not len(asked):
                raise DataError(f"data file {self.data}, column {self.target!r}: no value in the {split} part")
            if not _error(table.goals.naive[asked], table.goals.right[asked]):
                raise DataError(
                    f"data file {self.data}, column {self.target!r}: the naive answer is always right in the {split} "
                    "part, so that it is no measure; use a longer file or another horizon"
                )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what is read at each row, in order."""
        return self._prepared.names

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in order; none if a number is foretold."""
        return self._prepared.goals.classes

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model that foretells at every row."""
        return SeriesModel(cell, len(self.inputs), hidden_size, max(1, len(self.classes)), self.dropout)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(x [T, B, I], goals [T, B], whether they are asked [T, B]) of random stretches of the training part."""
        table, steps = self._prepared, torch.arange(self.length).unsqueeze(1)
        begins = torch.cat(
            [torch.arange(span.start, span.validation - table.horizon - self.length + 1) for span in table.spans]
        )
        asked_before = F.pad(table.goals.asked.cumsum(0), (1, 0))
        begins = begins[asked_before[begins + self.length] > asked_before[begins]]
        generator = torch.Generator().manual_seed(seed)
        while True:
            places = begins[torch.randint(0, len(begins), (self.batch,), generator=generator)] + steps
            yield table.inputs[places], table.goals.right[places], table.goals.asked[places]

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor], carried: Any) -> tuple[Tensor, None]:
        """Mean squared error in standardised units, or mean cross-entropy of the classes (nats), where asked."""
        x, right, asked = batch
        error = F.cross_entropy if self.classes else F.mse_loss
        return error(model(x)[asked], right[asked]), None

    def score(self, model: nn.Module, split: str) -> float:
        """The error over that of the naive answer."""
        told, asked = self._told(model, split)
        everything = self._prepared.goals
        return _error(told, everything.right[asked]) / _error(everything.naive[asked], everything.right[asked])

    def details(self, model: nn.Module) -> Mapping[str, float]:
        """The root mean squared error on the test part in the target's own unit, or the share of right classes."""
        told, asked = self._told(model, "test")
        error = _error(told, self._prepared.goals.right[asked])
        return (
            {"accuracy": 1 - error} if self.classes else {"root mean squared error": error * self._prepared.goals.unit}
        )

    def _told(self, model: nn.Module, split: str) -> tuple[Tensor, Tensor]:
        """What the model foretells of a split, and at which rows, where it is asked."""
        device, told, asked = next(model.parameters()).device, [], []
        for read, places, counted in self._chunks(split):
            answers = model(self._prepared.inputs[read].to(device)).cpu()[self.length :][counted]
            told.append(answers.argmax(-1) if self.classes else answers)
            asked.append(places)
        return torch.cat(told), torch.cat(asked)

    def _chunks(self, split: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(rows to read [2 T, B], those of the second T that are asked [A], where these stand [T, B]) of a split."""
        table, length = self._prepared, self.length
        begins: list[int] = []
        ends: list[int] = []
        for span in table.spans:
            first, last = (span.validation, span.test) if split == "validation" else (span.test, span.end)
            some = range(first - table.horizon, last - table.horizon, length)
            begins += some
            ends += [last - table.horizon] * len(some)
        for i in range(0, len(begins), TOGETHER):
            places = torch.tensor(begins[i : i + TOGETHER]) + torch.arange(-length, length).unsqueeze(1)
            before_end = places[length:] < torch.tensor(ends[i : i + TOGETHER])
            places.clamp_(max=len(table.inputs) - 1)
            asked = before_end & table.goals.asked[places[length:]]
            yield places, places[length:][asked], asked

    @property
    def _prepared(self) -> Prepared:
        return _table(
            self.data, self.target, self.kind, self.horizon, self.group, tuple(self.drop), self.header, self.length
        )


TASK = Series()


@shared
def _table(
    data: str,
    target: str,
    kind: str,
    horizon: int | None,
    group: str,
    drop: tuple[str, ...],
    header: bool | None,
    length: int,
) -> Prepared:
    kinds = ({target: KINDS[kind]} if kind in KINDS else {}) | ({group: "text"} if group else {})
    table = read_table(data, kinds, drop, header)
    wanted = table.column(target)
    steps = horizon if horizon is not None else 0 if wanted.kind == "text" else 1
    ordered = rows(table, group, length, steps)
    foretold = goals(ordered, wanted, steps)
    read = {
        name: values
        for column in table.columns.values()
        if column.name != group and (column is not wanted or steps)
        for name, values in inputs(ordered, column, column is wanted)
    }
    if not read:
        raise table.error("no column is left to read for it; with horizon=1 it is read itself", target)
    return Prepared(tuple(read), torch.stack(list(read.values()), 1).float(), foretold, ordered.spans, steps)


def _error(told: Tensor, right: Tensor) -> float:
    """The root of the mean square, or of classes the share of wrong ones."""
    if right.is_floating_point():
        return float(F.mse_loss(told, right).sqrt())
    return float((told != right).float().mean())
