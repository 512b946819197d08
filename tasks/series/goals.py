"""What is to be foretold at each row of a table: a number or a class, and what the naive answer is.

A number that is foretold `horizon` rows ahead is told as its change from now on, over the size (root of the mean
square) of such changes in training; naive is that there is none. With horizon 0 it is told as its distance from the
mean of training, which is the naive answer then. A class is told as its number among the classes of training, sorted;
naive is the class now, or with horizon 0 the commonest of training. "Now" is what was measured last.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cellsearch.cell.untrusted import short

from .inputs import classes, known_numbers
from .rows import TRAINING, Rows
from .table import Column

NONE = -1
"""The number of no class."""


@dataclass(frozen=True, eq=False)
class Goals:
    """What is foretold at each row, [N], the naive answer, and where it is asked: where the series has it measured.

    `classes` are the names of the classes, none if numbers are foretold; `unit` is 1 of a goal in the table's numbers.
    """

    right: Tensor
    naive: Tensor
    asked: Tensor
    classes: tuple[str, ...] = ()
    unit: float = 1.0


def goals(rows: Rows, column: Column, horizon: int) -> Goals:
    """What is foretold of a column. Raises DataError if there is nothing to learn."""
    if column.kind == "date":
        raise rows.table.error("it has dates, and numbers or classes can be foretold; name another target", column.name)
    return (_classes if column.kind == "text" else _changes)(rows, column, horizon)


def _changes(rows: Rows, column: Column, horizon: int) -> Goals:
    mean = float(known_numbers(rows, column, is_target=True).mean())
    values = rows.values(column)
    now = rows.filled(values, mean) if horizon else torch.full_like(values, mean)
    ahead, exists = rows.ahead(horizon)
    changes = values[ahead] - now
    asked = exists & changes.isfinite()
    unit = float(changes[asked & rows.train[ahead]].square().mean().sqrt())
    if not unit > 0:
        raise rows.table.error(f"it does not change in {horizon} rows of the training part", column.name)
    right = torch.where(asked, changes / unit, 0.0).float()
    return Goals(right, torch.zeros_like(right), asked, unit=unit)


def _classes(rows: Rows, column: Column, horizon: int) -> Goals:
    names, values = classes(rows, column, is_target=True), rows.values(column)
    numbers = torch.full((len(column.texts),), NONE)
    numbers[[column.texts[name] for name in names]] = torch.arange(len(names))
    known = values.isfinite()
    found = torch.where(known, numbers[values.nan_to_num(0.0).long()], NONE)
    strange = known & (found == NONE)
    if strange.any():
        row = rows.in_file(strange)
        text = list(column.texts)[int(column.values[row])]
        raise rows.table.error(
            f"class {short(text)} is not in the training part, the first {TRAINING} %", column.name, row
        )
    commonest = float(rows.known(column).mode().values)
    naive = rows.filled(values, commonest) if horizon else torch.full_like(values, commonest)
    ahead, exists = rows.ahead(horizon)
    return Goals(found[ahead], numbers[naive.long()], exists & (found[ahead] != NONE), tuple(names))
