"""Local search stays near the best cell that it knows."""

from __future__ import annotations

from random import Random

import pytest

from cellsearch.cell import family, identity
from cellsearch.space.mutation import mutate
from cellsearch.study.strategies.local_search import LocalSearch
from cellsearch.study.strategies.random import RandomMutation
from cellsearch.testing.strategy import HISTORIES, SEEDS, SPACE, record
from cellsearch_search_spaces import small

SEARCH = HISTORIES["a search"]


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_the_best_cell_has_a_new_child_one_edit_away(lower_is_better: bool) -> None:
    scores = [r.score for r in SEARCH if r.score is not None]
    best = min(scores) if lower_is_better else max(scores)
    for draw in range(20):
        child = LocalSearch(SEEDS, SPACE).propose(SEARCH, lower_is_better, Random(draw))
        assert SEARCH[child.parents[0]].score == best and len(child.edits) == 1
        assert family(child.cell) not in {r.family for r in SEARCH}


def test_when_all_neighbours_of_the_best_are_known_the_next_best_goes_on() -> None:
    """A cell of the small space has fewer than 30 neighbours, all of which a few hundred edits find."""
    best = small.SPACE.seeds["plain"]
    near = {identity(cell): cell for cell, _ in (mutate(best, small.SPACE, Random(draw)) for draw in range(500))}
    history = [record(0, best, score=0.0)]
    history += [record(number, cell, score=float(number)) for number, cell in enumerate(near.values(), 1)]
    for draw in range(10):
        child = LocalSearch([best], small.SPACE).propose(history, True, Random(draw))
        assert child.parents == (1,)


def test_before_anything_is_scored_seeds_are_mutated() -> None:
    for history in (HISTORIES["nothing"], HISTORIES["failed trials"]):
        for draw in range(5):
            mutant = RandomMutation(SEEDS, SPACE).propose(history, True, Random(draw))
            assert LocalSearch(SEEDS, SPACE).propose(history, True, Random(draw)) == mutant
