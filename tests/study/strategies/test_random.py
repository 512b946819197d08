"""Strategies that learn nothing: mutants of seeds, and what the space draws."""

from __future__ import annotations

from random import Random

import pytest

from cellsearch.errors import UnknownNameError
from cellsearch.study.strategies import make_strategy
from cellsearch.study.strategies.random import RandomMutation, RandomSampling
from cellsearch.testing.strategy import HISTORIES, SEEDS
from cellsearch.testing.strategy import SPACE as CHECKED
from cellsearch_search_spaces import gated
from cellsearch_search_spaces.darts_rnn import SPACE


def test_sampling_proposes_what_the_space_draws() -> None:
    assert SPACE.sample is not None
    proposal = RandomSampling((), SPACE).propose((), True, Random(5))
    assert proposal.cell == SPACE.sample(Random(5))
    assert proposal.parents == proposal.edits == ()


def test_sampling_is_refused_in_one_line_where_a_space_draws_no_cells() -> None:
    narrow = gated.SPACE
    assert narrow.sample is None
    with pytest.raises(UnknownNameError) as raised:
        make_strategy("sample", tuple(narrow.seeds.values()), narrow)
    assert str(raised.value) == (
        "strategy 'sample': search space 'gated' cannot draw random cells; use evolution or random"
    )


def test_mutation_starts_from_every_seed_and_names_its_trial() -> None:
    strategy = RandomMutation(SEEDS, CHECKED)
    proposals = [strategy.propose(HISTORIES["a search"], True, Random(draw)) for draw in range(200)]
    assert {proposal.parents for proposal in proposals} == {(0,), (1,)}
    assert {len(proposal.edits) for proposal in proposals} == {1, 2, 3}
    assert all(HISTORIES["a search"][p.parents[0]].cell.name == p.cell.name for p in proposals)
