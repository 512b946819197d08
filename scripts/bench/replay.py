"""A search replayed on the table of truth: no training, the same proposals, scores, noise and learning rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from cellsearch import plugins
from cellsearch.cell import Cell, identity
from cellsearch.errors import DataError
from cellsearch.space import SearchSpace
from cellsearch.study.record import Proposal, Record
from cellsearch.study.strategies import Strategy, make_strategy
from cellsearch.testing.strategy import record
from cellsearch.testing.table import Table

__all__ = ["Step", "replay"]

DRAWS = 100
"""Proposals that are known already, after which a strategy has nothing new."""


@dataclass(frozen=True)
class Step:
    """A search after one more training: what it cost in full trainings, and the quality of its best cell so far."""

    cost: float
    quality: float


def replay(table: Table, name: str, trainings: int, seed: int) -> Iterator[Step]:
    """Search with a strategy by its name: each cell once, at a learning rate drawn from the table's."""
    space: SearchSpace = plugins.load(plugins.SPACES, table.space)
    seeds = tuple(space.seeds.values())
    strategy = make_strategy(name, seeds, space)
    history, best, cost = list[Record](), None, 0.0
    for number in range(trainings):
        proposal = Proposal(seeds[number]) if number < len(seeds) else _new(table, strategy, history, seed)
        if proposal is None:
            return
        trained = _trained(table, proposal, history, Random(f"{seed} {number} rate"))
        history.append(trained)
        cost += max(trained.scores, default=0) / table.steps
        if trained.score is not None and (best is None or trained.score > (best.score or 0.0)):
            best = trained
        if best:
            yield Step(cost, table.quality(best.cell) or 0.0)


def _new(table: Table, strategy: Strategy, history: list[Record], seed: int) -> Proposal | None:
    """A proposal that no trial had before; None if there seems none."""
    known = {each.identity for each in history}
    for attempt in range(DRAWS):
        proposal = strategy.propose(history, False, Random(f"{seed} {len(history)} {attempt}"))
        if identity(proposal.cell) not in known and _is_kept(table, proposal.cell):
            return proposal
    return None


def _is_kept(table: Table, cell: Cell) -> bool:
    """Whether the table, which may be half made, has the cell."""
    try:
        return bool(table.trainings(cell))
    except DataError:
        return False


def _trained(table: Table, proposal: Proposal, history: list[Record], random: Random) -> Record:
    """The trial as a ledger would have it."""
    number, rate = len(history), random.choice(table.learning_rates)
    training = table.training(proposal.cell, rate)
    scores = {} if training is None else dict(training.scores)
    cell = proposal.cell.renamed(f"cell_{number}") if history else proposal.cell
    score = max(scores.values(), default=None)
    made = record(
        number, cell, "failed" if score is None else "complete", score, "candidate" if history else "baseline"
    )
    return replace(
        made, scores=scores, hyperparameters={"learning_rate": rate}, parents=proposal.parents, edits=proposal.edits
    )
