"""Strategies that learn nothing: the controls that any other has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from cellsearch.cell import Cell
from cellsearch.errors import UnknownNameError
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate
from cellsearch.study.record import Proposal, Record

__all__ = ["RandomMutation", "RandomSampling"]


@dataclass(frozen=True)
class RandomMutation:
    """A seed after one to `most_edits` random edits."""

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
