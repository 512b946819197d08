"""The rows of a table, one series after the other, each split in order of time: train, validation, test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor

from cellsearch.cell.untrusted import short

from .table import Column, Table

TRAINING: Final = 70
VALIDATION: Final = 85
"""Percent of each series, in order, after which training and validation end."""


class Span(NamedTuple):
    """The rows of a series: where it begins, where validation and test begin, and where it ends."""

    start: int
    validation: int
    test: int
    end: int


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows one series after the other, [N]: where each is in the file, and of its series the span."""

    table: Table
    spans: tuple[Span, ...]
    order: Tensor
    starts: Tensor
    validation: Tensor
    ends: Tensor

    @property
    def places(self) -> Tensor:
        """0 to N - 1."""
        return torch.arange(len(self.order))

    @property
    def train(self) -> Tensor:
        """Which rows are of the training part."""
        return self.places < self.validation

    def values(self, column: Column) -> Tensor:
        """A column's values in this order, NaN in gaps."""
        return torch.frombuffer(column.values, dtype=torch.float64)[self.order]

    def known(self, column: Column) -> Tensor:
        """What training has of a column. Raises DataError if it has nothing."""
        values = self.values(column)[self.train]
        known = values[values.isfinite()]
        if not len(known):
            reason = f"no value in the training part, the first {TRAINING} %"
            remedy = f"leave the column out: drop={column.name}, or name another target"
            raise self.table.error(f"{reason}; {remedy}", column.name)
        return known

    def filled(self, values: Tensor, otherwise: float) -> Tensor:
        """The values, in a gap the last before it in the series, or `otherwise` if there is none."""
        last = torch.where(values.isfinite(), self.places, -1).cummax(0).values
        return torch.where(last >= self.starts, values[last.clamp(min=0)], otherwise)

    def changes(self, values: Tensor) -> Tensor:
        """What the values change from the row before in the series, 0 at its first."""
        return torch.cat([values.new_zeros(1), values.diff()]).masked_fill(self.places == self.starts, 0.0)

    def ahead(self, horizon: int) -> tuple[Tensor, Tensor]:
        """The rows that come `horizon` later, and whether the series has them."""
        ahead = self.places + horizon
        return ahead.clamp(max=len(ahead) - 1), ahead < self.ends

    def in_file(self, wrong: Tensor) -> int:
        """The file's row of the first that is wrong."""
        return int(self.order[wrong.nonzero()[0]])


def rows(table: Table, group: str, length: int, horizon: int) -> Rows:
    """The rows of a table, whose series the column `group` names.

    Raises DataError of a row without a name, and of a series that has no training sequence of `length` rows with what
    comes `horizon` rows after the last.
    """
    series, names = torch.zeros(len(table.lines), dtype=torch.long), [""]
    if group:
        column = table.column(group)
        places, names = torch.frombuffer(column.values, dtype=torch.float64), list(column.texts)
        if places.isnan().any():
            raise table.error("no name of a series; write one in each row", group, int(places.isnan().nonzero()[0]))
        series = places.long()
    order = series.argsort(stable=True)
    sizes = series.bincount()
    spans = tuple(_spans(sizes.tolist()))
    for name, span in zip(names, spans, strict=True):
        _check_span(
            table, f"series {short(name)}" if group else "the table", span, int(order[span.start]), length, horizon
        )
    starts, validation, _, ends = (each.repeat_interleave(sizes) for each in torch.tensor(spans).unbind(1))
    return Rows(table, spans, order, starts, validation, ends)


def _spans(sizes: list[int]) -> Iterator[Span]:
    ends = torch.tensor([0, *sizes]).cumsum(0).tolist()
    for start, end in pairwise(ends):
        yield Span(start, start + (end - start) * TRAINING // 100, start + (end - start) * VALIDATION // 100, end)


def _check_span(table: Table, name: str, span: Span, first: int, length: int, horizon: int) -> None:
    count, longest = span.end - span.start, span.validation - span.start - horizon
    if longest >= length and span.validation < span.test < span.end:
        return
    remedy = (
        f"use length={longest} or less"
        if 0 < longest < length
        else "use a longer series or a smaller horizon, or leave its rows out"
    )
    raise table.error(
        f"{name} has {count} row{'s' * (count != 1)}, of which {span.validation - span.start} train: too few for "
        f"sequences of length={length} and horizon={horizon}; {remedy}",
        row=first,
    )
