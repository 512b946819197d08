"""The strategy that draws from the space, and spaces that baselines lie outside of."""

from __future__ import annotations

from random import Random

import pytest

from cellsearch.cell import identity
from cellsearch.errors import UnknownNameError
from cellsearch.study.strategy import RandomSampling, RegularizedEvolution, make_strategy
from cellsearch.testing.strategy import record
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


def test_evolution_never_edits_a_baseline_from_outside_of_the_space() -> None:
    inside = [cell.renamed(f"cell_{number}") for number, cell in enumerate(SPACE.seeds.values())]
    history = [record(number, cell, "complete", 1.0) for number, cell in enumerate(inside * 2)]
    history.append(record(4, gated.LSTM, "complete", 0.1, "baseline"))
    proposal = RegularizedEvolution(inside, SPACE, population=4, sample=4).propose(history, True, Random(0))
    assert SPACE.contains(proposal.cell) and 4 not in proposal.parents
    assert identity(proposal.cell) not in {identity(cell) for cell in inside}
