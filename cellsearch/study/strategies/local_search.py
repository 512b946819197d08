"""Local search: one edit of the best cell so far, until nothing near it is new, then of the next best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from cellsearch.cell import Cell, family
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate
from cellsearch.study.record import Proposal, Record, standing
from cellsearch.study.strategies.interface import members
from cellsearch.study.strategies.random import RandomMutation

__all__ = ["LocalSearch"]


@dataclass(frozen=True)
class LocalSearch:
    """A new neighbour of the best cell, of the next best where `tries` random edits find none.

    White, Nolen & Savani (2021), Exploring the loss landscape in neural architecture search, UAI. Before anything has a
    score it is a mutant of a seed.
    """

    seeds: Sequence[Cell]
    space: SearchSpace
    tries: int = 30

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """A cell of a family that no trial had, one edit away from as good a one as possible."""
        known = {record.family for record in history}
        for parent in sorted(members(history, self.space), key=lambda record: standing(record, lower_is_better)):
            for _ in range(self.tries):
                cell, words = mutate(parent.cell, self.space, random)
                if family(cell) not in known:
                    return Proposal(cell, (parent.number,), (words,))
        return RandomMutation(self.seeds, self.space).propose(history, lower_is_better, random)
