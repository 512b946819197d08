"""Rejection sampling: draw drafts until one is a cell of the space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from cellsearch.cell.cell import Cell
from cellsearch.cell.draft import Draft
from cellsearch.errors import CellError

__all__ = ["Rejection"]

ATTEMPTS: Final = 10_000


def _everything(cell: Cell) -> bool:
    return True


@dataclass(frozen=True)
class Rejection:
    """A space's `sample`: the first of `draw`'s drafts that is a valid cell and that `admits` accepts.

    `draw` may return None for a draft that it rejects itself. Accepted cells keep the odds between them that `draw`
    gives them.
    """

    name: str
    draw: Callable[[Random], Draft | None]
    admits: Callable[[Cell], bool] = _everything

    def __call__(self, random: Random) -> Cell:
        """A random cell. Raises CellError if none of ATTEMPTS drafts is accepted."""
        for _ in range(ATTEMPTS):
            if cell := self._accepted(random):
                return cell
        raise CellError(f"cell {self.name!r}: none of {ATTEMPTS} random drafts is a cell of its space; widen the space")

    def rejected(self, random: Random, drafts: int) -> float:
        """The share of so many drafts that is rejected."""
        return sum(self._accepted(random) is None for _ in range(drafts)) / drafts

    def _accepted(self, random: Random) -> Cell | None:
        draft = self.draw(random)
        if draft is None:
            return None
        try:
            cell = draft.cell(self.name)
        except CellError:
            return None
        return cell if self.admits(cell) else None
