"""Regularized evolution: the best of a few young ones has a child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from cellsearch.cell import Cell
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate
from cellsearch.study.record import Proposal, Record, standing
from cellsearch.study.strategies.interface import members
from cellsearch.study.strategies.random import RandomMutation

__all__ = ["RegularizedEvolution"]


@dataclass(frozen=True)
class RegularizedEvolution:
    """Tournaments among the youngest, whose best member gets one random edit (Real et al. 2019, algorithm 1).

    The population is the last `population` trials that stopped with a score; a tournament draws `sample` of them. Until
    the population is full, mutants of the seeds join it. A trial that went on longer counts as better, and a baseline
    from outside of the space does not count.
    """

    seeds: Sequence[Cell]
    space: SearchSpace
    population: int = 16
    sample: int = 5

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """A child of the tournament's winner."""
        young = members(history, self.space)[-self.population :]
        if len(young) < self.population:
            return RandomMutation(self.seeds, self.space).propose(history, lower_is_better, random)
        drawn = random.sample(young, min(self.sample, self.population))
        parent = min(drawn, key=lambda record: standing(record, lower_is_better))
        cell, words = mutate(parent.cell, self.space, random)
        return Proposal(cell, (parent.number,), (words,))
