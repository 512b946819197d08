"""Strategies: which cell to train next, given what was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from cellsearch.cell import Cell
from cellsearch.errors import UnknownNameError
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate
from cellsearch.study.record import Proposal, Record

__all__ = ["STRATEGIES", "RandomMutation", "RandomSampling", "RegularizedEvolution", "Strategy", "make_strategy"]


class Strategy(Protocol):
    """Proposes cells; all it knows is handed to it, so that a search continues from what is on disk."""

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """A cell to train next. `history` has the trials so far in order, baselines first."""


@dataclass(frozen=True)
class RandomMutation:
    """A seed after one to `most_edits` random edits: the baseline that any cleverer strategy has to beat."""

    seeds: Sequence[Cell]
    space: SearchSpace
    most_edits: int = 3

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """A mutant of a seed drawn uniformly."""
        seed = random.choice(self.seeds)
        numbers = {record.cell.name: record.number for record in history if record.role == "baseline"}
        parents = (numbers[seed.name],) if seed.name in numbers else ()
        cell, edits = seed, []
        for _ in range(random.randint(1, self.most_edits)):
            cell, words = mutate(cell, self.space, random)
            edits.append(words)
        return Proposal(cell, parents, tuple(edits))


@dataclass(frozen=True)
class RandomSampling:
    """A random cell of the space, whatever was seen: how good the space itself is.

    Raises UnknownNameError if the space has no way to draw cells.
    """

    seeds: Sequence[Cell]
    space: SearchSpace

    def __post_init__(self) -> None:
        if self.space.sample is None:
            raise UnknownNameError(
                f"strategy 'sample': search space {self.space.name!r} cannot draw random cells; use evolution or random"
            )

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """A cell with the odds of the space's `sample`."""
        assert self.space.sample is not None
        return Proposal(self.space.sample(random), parents=(), edits=())


@dataclass(frozen=True)
class RegularizedEvolution:
    """Tournaments among the youngest, whose best member gets one random edit (Real et al. 2019, algorithm 1).

    The population is the last `population` trials that ended with a score; a tournament draws `sample` of them. Until
    the population is full, mutants of the seeds join it. A pruned trial counts as worse than any complete one, and a
    baseline from outside of the space does not count.
    """

    seeds: Sequence[Cell]
    space: SearchSpace
    population: int = 16
    sample: int = 5

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """A child of the tournament's winner."""
        ended = [record for record in history if record.state in ("complete", "pruned")]
        members = [record for record in ended if self.space.contains(record.cell)]
        if len(members) < self.population:
            return RandomMutation(self.seeds, self.space).propose(history, lower_is_better, random)
        drawn = random.sample(members[-self.population :], min(self.sample, self.population))
        parent = min(drawn, key=lambda record: _loss(record, lower_is_better))
        cell, words = mutate(parent.cell, self.space, random)
        return Proposal(cell, (parent.number,), (words,))


def _loss(record: Record, lower_is_better: bool) -> float:
    if record.score is None:
        return float("inf")
    return record.score if lower_is_better else -record.score


STRATEGIES: Final[dict[str, Callable[[Sequence[Cell], SearchSpace], Strategy]]] = {
    "evolution": RegularizedEvolution,
    "random": RandomMutation,
    "sample": RandomSampling,
}
"""Strategy by name."""


def make_strategy(name: str, seeds: Sequence[Cell], space: SearchSpace) -> Strategy:
    """The strategy of that name. Raises UnknownNameError."""
    if name not in STRATEGIES:
        raise UnknownNameError(f"unknown strategy {name!r}; use {', '.join(STRATEGIES)}")
    return STRATEGIES[name](seeds, space)
