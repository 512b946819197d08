"""Strategies: ours pass the conformance suite, which finds what breaks its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest

from cellsearch.cell import Cell
from cellsearch.errors import UnknownNameError
from cellsearch.space import SearchSpace
from cellsearch.study.record import Proposal, Record
from cellsearch.study.strategies import STRATEGIES, make_strategy
from cellsearch.study.strategies.random import RandomMutation
from cellsearch.testing.strategy import SEEDS, SPACE, check_strategy, record


@pytest.mark.parametrize("name", STRATEGIES)
def test_our_strategies_conform(name: str) -> None:
    check_strategy(lambda seeds, space: make_strategy(name, seeds, space))


def test_an_unknown_strategy_is_one_clear_error() -> None:
    with pytest.raises(
        UnknownNameError, match="unknown strategy 'luck'; use evolution, local, predictor, random, sample"
    ):
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
