"""A cell from a trial's parameters, so that an objective of one's own searches cells with any sampler of Optuna.

A cell is a seed and a fixed number of edits, each of a kind and a draw. As parameters of the trial they are what a
sampler learns from, and what importances and plots speak of.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final, Protocol

from cellsearch.cell import Cell
from cellsearch.errors import CellError
from cellsearch.space.mutation import mutate
from cellsearch.space.space import SearchSpace

__all__ = ["Trial", "suggest"]

NONE: Final = "none"
PLACES: Final = 24
"""Draws of an edit: where it takes place, and with what."""

ATTEMPTS: Final = 1_000
"""Draws after which an edit of a kind is taken not to fit the cell, and is left out."""


class Trial(Protocol):
    """What of an Optuna trial is needed."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """A whole number from low to high."""


def suggest(space: SearchSpace, trial: Trial, edits: int = 6) -> Cell:
    """A cell of the space, up to so many edits away from one of its seeds; the same parameters give the same cell.

    The parameters are `seed`, `edit_0`, `place_0` and so on. An edit that does not fit where it comes is left out.
    """
    cell = space.seeds[trial.suggest_categorical("seed", list(space.seeds))]
    for i in range(edits):
        kind = trial.suggest_categorical(f"edit_{i}", [NONE, *space.edits])
        place = trial.suggest_int(f"place_{i}", 0, PLACES - 1)
        if kind != NONE:
            try:
                cell, _ = mutate(cell, space, Random(place), (kind,), ATTEMPTS)
            except CellError:
                continue
    return cell
