"""A search that is driven by hand: cells are asked for, and what each was worth is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cellsearch import plugins
from cellsearch.cell import Cell, identity
from cellsearch.errors import StrategyError, UnknownNameError
from cellsearch.space import SearchSpace
from cellsearch.study.record import Proposal, Record
from cellsearch.study.references import find_cells
from cellsearch.study.searching.own_strategy import strategy_of
from cellsearch.study.strategies import Strategy, new_proposal

__all__ = ["Candidate", "propose"]


@dataclass(frozen=True)
class Candidate:
    """A cell to try. Of the candidates before it, `parents` are the numbers and `edits` the words of what changed.

    The first ones are the seeds. One that is told nothing counts as still being tried.
    """

    number: int
    cell: Cell
    parents: tuple[int, ...] = ()
    edits: tuple[str, ...] = ()
    _told: Callable[[int, float | None], None] = field(default=lambda number, score: None, repr=False, compare=False)

    def tell(self, score: float) -> None:
        """What the cell is worth, in any unit. Raises StrategyError of what is no finite number."""
        if not math.isfinite(score):
            raise StrategyError(
                f"candidate {self.number}: a score is a finite number, got {score}; call fail() instead"
            )
        self._told(self.number, float(score))

    def fail(self) -> None:
        """That the cell cannot be trained; its strategy goes on without it."""
        self._told(self.number, None)


def propose(
    space: str | SearchSpace = "gated",
    *,
    strategy: str | Callable[[Sequence[Cell], SearchSpace], Strategy] = "evolution",
    seeds: str | Cell | Sequence[str | Cell] | None = None,
    lower_is_better: bool = True,
    seed: int = 0,
) -> Iterator[Candidate]:
    """Cells to try, one after the other, each made from what was told of those before it; they end with the space.

    The seeds come first. `strategy` is a name, a reference such as `my_file.py:MyStrategy`, or what makes one of seed
    cells and a space. What is told may come late: several candidates may be taken before the first is told. The same
    seed and scores give the same cells. Raises UnknownNameError, StrategyError.

    >>> for candidate in propose(seed=1):
    ...     candidate.tell(score=len(candidate.cell.nodes))
    ...     if candidate.number == 20: break
    """
    the_space = plugins.load(plugins.SPACES, space) if isinstance(space, str) else space
    cells = list(the_space.seeds.values()) if seeds is None else find_cells(seeds)
    outside = next((cell for cell in cells if not the_space.contains(cell)), None)
    if outside is not None:
        raise UnknownNameError(f"seed {outside.name!r} lies outside of space {the_space.name!r}; widen the space")
    made = strategy_of(strategy, cells, the_space) if isinstance(strategy, str) else strategy(cells, the_space)
    return _Proposing(made, lower_is_better, seed).run(cells)


class _Proposing:
    """The candidates so far, as a strategy reads them."""

    def __init__(self, strategy: Strategy, lower_is_better: bool, seed: int) -> None:
        self.strategy, self.lower_is_better, self.seed = strategy, lower_is_better, seed
        self.history = list[Record]()

    def run(self, seeds: Sequence[Cell]) -> Iterator[Candidate]:
        """The seeds, then what the strategy proposes."""
        for cell in seeds:
            yield self._begun(Proposal(cell), "baseline")
        while proposal := self._new():
            yield self._begun(proposal, "candidate")

    def _new(self) -> Proposal | None:
        """A proposal of a family that was not there, named after its number; None if there seems none."""
        number, known = len(self.history), {record.family for record in self.history}
        found = new_proposal(self.strategy, self.history, self.lower_is_better, known, f"{self.seed} {number}")
        return replace(found, cell=found.cell.renamed(f"cell_{number}")) if found else None

    def _begun(self, proposal: Proposal, role: str) -> Candidate:
        """The candidate of a proposal, noted as being tried."""
        number = len(self.history)
        self.history.append(
            Record(
                number=number,
                state="running",
                cell=proposal.cell,
                identity=identity(proposal.cell),
                role=role,
                seed=self.seed,
                steps=1,
                parents=proposal.parents,
                edits=proposal.edits,
                hyperparameters={},
                scores={},
                score=None,
                reason="",
                hidden_size=None,
                parameters=None,
                seconds=None,
                test=None,
                began=None,
                ended=None,
            )
        )
        return Candidate(number, proposal.cell, proposal.parents, proposal.edits, self._told)

    def _told(self, number: int, score: float | None) -> None:
        """Note what a candidate was worth; None for a failure."""
        before = self.history[number]
        self.history[number] = (
            replace(before, state="failed", scores={}, score=None)
            if score is None
            else replace(before, state="complete", scores={1: score}, score=score)
        )
