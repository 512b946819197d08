"""A search replayed on the table of truth: no training, the same proposals, scores, noise, rungs and learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from cellsearch import plugins
from cellsearch.cell import Cell, identity
from cellsearch.space import SearchSpace
from cellsearch.study.record import Proposal, Record, best_first
from cellsearch.study.schedule.halving import Halving
from cellsearch.study.strategies import Strategy, make_strategy
from cellsearch.testing.strategy import record
from cellsearch.testing.table import Table, Training

__all__ = ["RATES", "Replay", "Step"]

DRAWS = 100
"""Proposals that are known already, after which a strategy has nothing new."""


@dataclass(frozen=True)
class Step:
    """A search after one more training or part of one: its cost in full trainings, and the quality of its best cell."""

    cost: float
    quality: float


class Replay:
    """One search with a strategy by its name; `rungs` are in steps of the table, with none all are trained whole.

    `rate` says where a cell's learning rate is from: "drawn" from the table's; "inherited" from its parent three times
    of four, else one beside it; or by "race", where all of them are trained up to the first rung and the best goes on.
    """

    def __init__(self, table: Table, name: str, seed: int, rungs: Sequence[int] = (), rate: str = "drawn") -> None:
        space: SearchSpace = plugins.load(plugins.SPACES, table.space)
        self.table, self.seed, self.rates = table, seed, RATES[rate]
        self.seeds = tuple(space.seeds.values())
        self.strategy: Strategy = make_strategy(name, self.seeds, space)
        self.halving = Halving(tuple(rungs), table.steps)
        self.history = list[Record]()
        self.cost = 0.0

    def run(self, cost: float) -> Iterator[Step]:
        """Search until so much is spent, or nothing new is left."""
        while self.cost < cost:
            if promoted := self.halving.promoted(self.history, False):
                self._train(promoted)
            else:
                begun = self._begin()
                if begun is None:
                    return
                self.history.append(begun)
                self._train(begun)
            if best := best_first(self.history, False)[:1]:
                yield Step(self.cost, self.table.quality(best[0].cell) or 0.0)

    def _begin(self) -> Record | None:
        """The next cell as a ledger would have it."""
        number = len(self.history)
        is_seed = number < len(self.seeds)
        proposal = Proposal(self.seeds[number]) if is_seed else self._new()
        if proposal is None:
            return None
        cell = proposal.cell if is_seed else proposal.cell.renamed(f"cell_{number}")
        made = record(number, cell, "running", None, "baseline" if is_seed else "candidate")
        rate = self.rates(self, proposal, Random(f"{self.seed} {number} rate"))
        return replace(made, hyperparameters={"learning_rate": rate}, parents=proposal.parents, edits=proposal.edits)

    def _new(self) -> Proposal | None:
        """A proposal that no trial had before; None if there seems none."""
        known = {each.identity for each in self.history}
        for attempt in range(DRAWS):
            proposal = self.strategy.propose(self.history, False, Random(f"{self.seed} {len(self.history)} {attempt}"))
            if identity(proposal.cell) not in known and self._is_kept(proposal.cell):
                return proposal
        return None

    def drawn(self, proposal: Proposal, random: Random) -> float:
        """Any of the table's rates."""
        return random.choice(self.table.learning_rates)

    def inherited(self, proposal: Proposal, random: Random) -> float:
        """The parent's rate, or one beside it."""
        rates = self.table.learning_rates
        if not proposal.parents:
            return rates[len(rates) // 2]
        parent = self.history[proposal.parents[0]].hyperparameters["learning_rate"]
        place = rates.index(parent) + random.choice((0, 0, 0, 0, 0, 0, -1, 1))
        return rates[min(max(place, 0), len(rates) - 1)]

    def raced(self, proposal: Proposal, random: Random) -> float:
        """The best of the table's rates at the first rung; the others cost as much up to there."""
        rates, first = self.table.learning_rates, self.halving.rungs[0] if self.halving.rungs else self.table.steps
        self.cost += (len(rates) - 1) * first / self.table.steps

        def best(rate: float) -> float:
            training = self.table.training(proposal.cell, rate)
            return max((s for at, s in training.scores.items() if at <= first), default=-1.0) if training else -1.0

        return max(rates, key=best)

    def _train(self, one: Record) -> None:
        """Go on to the next rung, or to the end."""
        pause = self.halving.pause(one)
        training = self.table.training(one.cell, one.hyperparameters["learning_rate"])
        known = dict(training.scores) if training else {}
        end = math.inf if pause is None else pause
        scores = {at: score for at, score in known.items() if at <= end}
        after = replace(one, scores=scores)
        self.cost += (after.reached - one.reached) / self.table.steps
        if pause is not None and after.reached == pause:
            after = replace(after, state="paused", checkpoint=pause)
        elif _is_whole(training):
            after = replace(after, state="complete", score=max(scores.values()))
        else:
            after = replace(after, state="failed")
        self.history[one.number] = after

    def _is_kept(self, cell: Cell) -> bool:
        """Whether the table, which may be half made, has the cell at every rate."""
        return len({each.learning_rate for each in self.table.trainings(cell)}) == len(self.table.learning_rates)


def _is_whole(training: Training | None) -> bool:
    """Whether it came to its end: one that diverged has no test score."""
    return training is not None and training.test is not None


RATES: Final[Mapping[str, Callable[[Replay, Proposal, Random], float]]] = {
    "drawn": Replay.drawn,
    "inherited": Replay.inherited,
    "race": Replay.raced,
}
"""Where a learning rate is from, by name."""
