"""Regularized evolution is the algorithm that its docstring cites."""

from __future__ import annotations

from random import Random

import pytest

from cellsearch.cell import identity
from cellsearch.study.strategies.evolution import RegularizedEvolution
from cellsearch.study.strategies.random import RandomMutation
from cellsearch.testing.strategy import HISTORIES, SEEDS, SPACE, record
from cellsearch_search_spaces import darts_rnn, gated

SEARCH = HISTORIES["a search"]
DRAWS = 200


def test_evolution_mutates_seeds_until_the_population_is_full() -> None:
    strategy = RegularizedEvolution(SEEDS, SPACE, population=16)
    members = [r for r in SEARCH if r.state in ("complete", "pruned")]
    for draw in range(20):
        few = strategy.propose(members[:15], True, Random(draw))
        assert few == RandomMutation(SEEDS, SPACE).propose(members[:15], True, Random(draw))
        assert len(strategy.propose(members[:16], True, Random(draw)).edits) == 1


def test_evolution_draws_parents_from_the_youngest_only() -> None:
    strategy = RegularizedEvolution(SEEDS, SPACE, population=8, sample=1)
    youngest = [r.number for r in SEARCH if r.state in ("complete", "pruned")][-8:]
    parents = {strategy.propose(SEARCH, True, Random(draw)).parents[0] for draw in range(DRAWS)}
    assert parents == set(youngest)


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_the_best_of_a_tournament_is_the_parent(lower_is_better: bool) -> None:
    strategy = RegularizedEvolution(SEEDS, SPACE, population=10, sample=10)
    scored = [r for r in SEARCH if r.state in ("complete", "pruned")][-10:]
    scores = [r.score for r in scored if r.score is not None]
    best = min(scores) if lower_is_better else max(scores)
    for draw in range(20):
        (parent,) = strategy.propose(SEARCH, lower_is_better, Random(draw)).parents
        assert SEARCH[parent].score == best


def test_a_tournament_keeps_its_size() -> None:
    """Of 10 with different scores, a sample of 2 lets all but the worst win."""
    records = [record(i, SEEDS[i % 2], score=float(i)) for i in range(10)]
    strategy = RegularizedEvolution(SEEDS, SPACE, population=10, sample=2)
    parents = {strategy.propose(records, True, Random(draw)).parents[0] for draw in range(500)}
    assert parents == set(range(9))


def test_a_pruned_trial_loses_to_any_complete_one() -> None:
    records = [record(0, SEEDS[0], score=1e9), *(record(i, SEEDS[1], "pruned", 0.1) for i in range(1, 10))]
    strategy = RegularizedEvolution(SEEDS, SPACE, population=10, sample=10)
    for lower_is_better in (True, False):
        assert strategy.propose(records, lower_is_better, Random(0)).parents == (0,)


def test_a_child_is_one_edit_from_its_parent() -> None:
    strategy = RegularizedEvolution(SEEDS, SPACE, population=10)
    for draw in range(20):
        child = strategy.propose(SEARCH, True, Random(draw))
        parent = SEARCH[child.parents[0]].cell
        assert child.cell.name == parent.name
        assert identity(child.cell) != identity(parent)
        assert len(child.edits) == 1


def test_evolution_never_edits_a_baseline_from_outside_of_the_space() -> None:
    inside = [cell.renamed(f"cell_{number}") for number, cell in enumerate(darts_rnn.SPACE.seeds.values())]
    history = [record(number, cell, "complete", 1.0) for number, cell in enumerate(inside * 2)]
    history.append(record(4, gated.LSTM, "complete", 0.1, "baseline"))
    proposal = RegularizedEvolution(inside, darts_rnn.SPACE, population=4, sample=4).propose(history, True, Random(0))
    assert darts_rnn.SPACE.contains(proposal.cell) and 4 not in proposal.parents
    assert identity(proposal.cell) not in {identity(cell) for cell in inside}
