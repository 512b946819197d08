"""The predictor ranks children by what it has learned of the graph."""

from __future__ import annotations

from random import Random

import pytest

from cellsearch.cell import Cell, family
from cellsearch.study.record import Record
from cellsearch.study.strategies.predictor import PredictorGuided
from cellsearch.study.strategies.random import RandomMutation
from cellsearch.testing.strategy import HISTORIES, SEEDS, SPACE, record
from cellsearch_search_spaces import small

PLAIN = small.SPACE.seeds["plain"]


def gates(cell: Cell) -> int:
    return sum(node.op == "sigmoid" for node in cell.nodes.values())


def history(count: int, sign: float) -> list[Record]:
    """Random cells of the small space, whose loss falls or rises with the number of their gates."""
    assert small.SPACE.sample is not None
    drawn = [small.SPACE.sample(Random(number)) for number in range(count)]
    return [record(number, cell, score=sign * (gates(cell) + number / 1e6)) for number, cell in enumerate(drawn)]


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_children_have_what_the_good_ones_had(lower_is_better: bool) -> None:
    known = history(60, -1.0 if lower_is_better else 1.0)
    strategy = PredictorGuided([PLAIN], small.SPACE)
    children = [strategy.propose(known, lower_is_better, Random(draw)) for draw in range(10)]
    others = [RandomMutation([PLAIN], small.SPACE).propose(known, lower_is_better, Random(draw)) for draw in range(10)]
    assert sum(gates(child.cell) for child in children) > 1.5 * sum(gates(other.cell) for other in others)
    assert sum(gates(child.cell) for child in children) >= 30, "three gates or more: four are the most"
    assert all(family(child.cell) not in {r.family for r in known} for child in children)


def test_some_children_have_two_parents() -> None:
    strategy = PredictorGuided([PLAIN], small.SPACE, crossed=1.0)
    child = strategy.propose(history(60, -1.0), True, Random(0))
    assert len(set(child.parents)) == 2 and "cross with" in child.edits[0]


def test_before_there_is_enough_to_learn_from_seeds_are_mutated() -> None:
    for known in (HISTORIES["nothing"], HISTORIES["failed trials"], history(9, -1.0)):
        mutant = RandomMutation(SEEDS, SPACE).propose(known, True, Random(3))
        assert PredictorGuided(SEEDS, SPACE).propose(known, True, Random(3)) == mutant


def test_losses_that_ran_away_weigh_as_much_as_any_worst() -> None:
    known = history(60, -1.0)
    strategy = PredictorGuided([PLAIN], small.SPACE)
    worst = max(known, key=lambda r: r.score or 0.0)
    diverged = [record(r.number, r.cell, score=1e30) if r is worst else r for r in known]
    for draw in range(3):
        assert strategy.propose(diverged, True, Random(draw)) == strategy.propose(known, True, Random(draw))
