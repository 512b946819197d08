"""What a cell reads at each row of a table: standardised numbers without gaps, classes, and the time of day and year.

Nothing of what comes after a row is in what is read at it, and nothing of the validation and test parts is in a mean, a
spread or a list of classes: these are of the training part.

- A number is taken less the mean, over the standard deviation. A gap has the last value before it in its series, or the
  mean where there is none; where training has gaps, a further input is 1 at what was measured and 0 in a gap.
- A text is 1 at its class, of those that training has, and 0 elsewhere; gaps are filled alike.
- Dates give sine and cosine of the time of the day, the week and the year: of those cycles that training goes through
  at least twice, with two rows or more in each. They must not go back within a series.
- Of the target, its change from the row before is read too, which its level hides where it moves far in small steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from torch import Tensor

from cellsearch.cell.untrusted import short

from .rows import TRAINING, Rows
from .table import Column

MOST_CLASSES: Final = 100
"""Different texts that a column may have in training: more are no classes."""

CYCLES: Final = {"day": 86_400.0, "week": 604_800.0, "year": 31_556_952.0}
"""Seconds of what repeats."""

UNKNOWN: Final = -1.0


def inputs(rows: Rows, column: Column, is_target: bool) -> Iterator[tuple[str, Tensor]]:
    """The names of what is read of a column, and its values [N]. Raises DataError of what tells nothing."""
    if column.kind == "date":
        yield from _cycles(rows, column)
        return
    yield from (_texts if column.kind == "text" else _numbers)(rows, column, is_target)
    measured = rows.values(column).isfinite()
    if not measured[rows.train].all():
        yield f"{column.name} measured", measured.double()


def classes(rows: Rows, column: Column, is_target: bool) -> list[str]:
    """The texts that a column has in training, sorted. Raises DataError if they are too many, or only one."""
    texts = list(column.texts)
    found = sorted(texts[int(place)] for place in {*rows.known(column).tolist()})
    if len(found) == 1:
        raise rows.table.error(_same(found[0], column, is_target), column.name)
    if len(found) > MOST_CLASSES:
        raise rows.table.error(
            f"{len(found)} different texts, such as {short(found[0])}, and at most {MOST_CLASSES} are classes; "
            f"write dates as 2020-01-31 10:00{'' if is_target else f', or leave the column out: drop={column.name}'}",
            column.name,
        )
    return found


def known_numbers(rows: Rows, column: Column, is_target: bool) -> Tensor:
    """What training has of a column of numbers. Raises DataError if they are all the same, or out of range."""
    known = rows.known(column)
    if known.min() == known.max():
        raise rows.table.error(_same(f"{known[0]:g}", column, is_target), column.name)
    if not 0 < known.std() < math.inf:
        raise rows.table.error("its numbers are too large or small to be squared; use another unit", column.name)
    return known


def _same(value: str, column: Column, is_target: bool) -> str:
    remedy = "name a target that changes" if is_target else f"leave the column out: drop={column.name}"
    return f"{short(value)} everywhere in the training part, the first {TRAINING} %; {remedy}"


def _numbers(rows: Rows, column: Column, is_target: bool) -> Iterator[tuple[str, Tensor]]:
    known = known_numbers(rows, column, is_target)
    filled = rows.filled(rows.values(column), float(known.mean()))
    yield column.name, (filled - known.mean()) / known.std()
    if is_target:
        changes = rows.changes(filled)
        size = changes[rows.train].square().mean().sqrt()
        yield f"{column.name} change", changes / size if size else changes


def _texts(rows: Rows, column: Column, is_target: bool) -> Iterator[tuple[str, Tensor]]:
    places = rows.filled(rows.values(column), UNKNOWN)
    for text in classes(rows, column, is_target):
        yield f"{column.name}={text}", (places == column.texts[text]).double()


def _cycles(rows: Rows, column: Column) -> Iterator[tuple[str, Tensor]]:
    moments = _moments(rows, column)
    steps = rows.changes(moments)[rows.train]
    forward = steps[steps > 0]
    longest = max(float(moments[span.validation - 1] - moments[span.start]) for span in rows.spans)
    for name, seconds in CYCLES.items():
        if len(forward) and 2 * seconds <= longest and 2 * float(forward.median()) <= seconds:
            angle = 2 * math.pi * moments / seconds
            yield f"{column.name}: {name}, sine", angle.sin()
            yield f"{column.name}: {name}, cosine", angle.cos()


def _moments(rows: Rows, column: Column) -> Tensor:
    """The dates in seconds. Raises DataError where one is missing or earlier than the one before."""
    moments, remedy = rows.values(column), f"leave the column out: drop={column.name}"
    if moments.isnan().any():
        row = rows.in_file(moments.isnan())
        raise rows.table.error(f"no date; write one in each row, or {remedy}", column.name, row)
    back = rows.changes(moments) < 0
    if back.any():
        before = rows.table.lines[rows.in_file(back.roll(-1))]
        reason = f"earlier than line {before}; sort the rows by it, or {remedy}"
        raise rows.table.error(reason, column.name, rows.in_file(back))
    return moments
