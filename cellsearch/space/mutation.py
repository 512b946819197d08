"""Mutation: one random edit turns a cell of a space into another cell of it.

What an edit leaves without influence on the output is dropped, the rest is validated; an edit that leads out of the
space or changes nothing is drawn again.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Final

from cellsearch.cell.canonical.identity import identity
from cellsearch.cell.cell import Cell
from cellsearch.cell.draft import Draft
from cellsearch.errors import CellError
from cellsearch.space.space import SearchSpace

__all__ = ["mutate"]

ATTEMPTS: Final = 10_000
"""Draws, a few seconds of them: of the GRU of NAS-Bench-NLP, which its own rules would not make, one in 150 fits."""


def mutate(
    cell: Cell, space: SearchSpace, random: Random, kinds: tuple[str, ...] | None = None, attempts: int = ATTEMPTS
) -> tuple[Cell, str]:
    """Another cell of the space, one random edit away, and the edit in words.

    `kinds` restricts the draw to some of the space's. Raises CellError if so many draws find no such cell.
    """
    before = _identity(cell)
    for _ in range(attempts):
        kind = random.choice(kinds or tuple(space.edits))
        draft = Draft.of(cell)
        try:
            words = space.edits[kind](draft, space.operations, random)
            mutant = draft.cell(cell.name)
        except CellError:
            continue
        if space.contains(mutant) and _identity(mutant) != before:
            return mutant, words
    raise CellError(f"cell {cell.name!r}: no edit of {attempts} stays in space {space.name!r}; widen the space")


_identity = lru_cache(maxsize=1024)(identity)  # a search edits what an edit has made, and a good cell many times
