"""Strategies: ours pass the conformance suite, and evolution is the algorithm that its docstring cites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest

from cellsearch.cell import Cell, identity
from cellsearch.errors import UnknownNameError
from cellsearch.space import SearchSpace
from cellsearch.study.record import Proposal, Record
from cellsearch.study.strategy import STRATEGIES, RandomMutation, RegularizedEvolution, make_strategy
from cellsearch.testing.strategy import HISTORIES, SEEDS, SPACE, check_strategy, record

SEARCH = HISTORIES["a search"]
DRAWS = 200


@pytest.mark.parametrize("name", STRATEGIES)
def test_our_strategies_conform(name: str) -> None:
    check_strategy(lambda seeds, space: make_strategy(name, seeds, space))


def test_an_unknown_strategy_is_one_clear_error() -> None:
    with pytest.raises(UnknownNameError, match="unknown strategy 'luck'; use evolution, random, sample"):
        make_strategy("luck", SEEDS, SPACE)


@dataclass
class Broken:
    """A strategy that breaks one rule."""

    seeds: Sequence[Cell]
    space: SearchSpace
    how: str

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        proposal = RandomMutation(self.seeds, self.space).propose(history, lower_is_better, random)
        match self.how:
            case "the same history and draws give the same proposals":
                return RandomMutation(self.seeds, self.space).propose(history, lower_is_better, Random())
            case "the history is left alone" if isinstance(history, list):
                history.append(history[0] if history else record(0, self.seeds[0]))
            case "parents are trials seen before":
                return Proposal(proposal.cell, (1000,), proposal.edits)
            case "what a child was made by is told":
                return Proposal(proposal.cell, proposal.parents)
            case "other draws give other cells":
                return Proposal(self.seeds[0])
        return proposal


@pytest.mark.parametrize(
    "rule",
    [
        "the same history and draws give the same proposals",
        "the history is left alone",
        "parents are trials seen before",
        "what a child was made by is told",
        "other draws give other cells",
    ],
)
def test_the_suite_finds_what_breaks_a_rule(rule: str) -> None:
    with pytest.raises(AssertionError, match=rule):
        check_strategy(lambda seeds, space: Broken(seeds, space, rule))


def test_mutation_starts_from_every_seed_and_names_its_trial() -> None:
    strategy = RandomMutation(SEEDS, SPACE)
    proposals = [strategy.propose(SEARCH, True, Random(draw)) for draw in range(DRAWS)]
    assert {proposal.parents for proposal in proposals} == {(0,), (1,)}
    assert {len(proposal.edits) for proposal in proposals} == {1, 2, 3}
    assert all(SEARCH[p.parents[0]].cell.name == p.cell.name for p in proposals)


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
