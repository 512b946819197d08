"""What a strategy is: which cell to train next, given what was seen."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Final, Protocol

from cellsearch.cell import family
from cellsearch.errors import CellError
from cellsearch.space import SearchSpace
from cellsearch.study.record import Proposal, Record

__all__ = ["Strategy", "members", "new_proposal"]

PROPOSALS: Final = 100
"""Proposals of known families in a row after which a space counts as exhausted."""


class Strategy(Protocol):
    """Proposes cells; all it knows is handed to it, so that a search continues from what is on disk."""

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """A cell to train next. `history` has the trials so far in order, baselines first."""


def members(history: Iterable[Record], space: SearchSpace) -> list[Record]:
    """The trials that stopped with a score, of cells of the space: a baseline may lie outside of it.

    A candidate is of the space that made it, and is not asked again: a space's rule may take a millisecond a cell.
    """
    stopped = [each for each in history if each.state in ("complete", "pruned", "paused") and each.scores]
    return [each for each in stopped if each.role == "candidate" or space.contains(each.cell)]


def new_proposal(
    strategy: Strategy,
    history: Sequence[Record],
    lower_is_better: bool,
    known: Container[str],
    place: str,
    first: int = 0,
) -> Proposal | None:
    """A proposal whose family is not `known`, from attempt `first` on; None if there seems none.

    Its draws depend on the `place` and the attempt alone, so that they are the same after an interruption.
    """
    for attempt in range(first, PROPOSALS):
        try:
            proposal = strategy.propose(history, lower_is_better, Random(f"{place} {attempt}"))
        except CellError:
            continue
        if family(proposal.cell) not in known:
            return replace(proposal, attempt=attempt)
    return None
