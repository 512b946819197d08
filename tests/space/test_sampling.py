"""Rejection sampling keeps the odds of what it accepts, and gives up where nothing is accepted."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from cellsearch.cell import Cell, Node
from cellsearch.cell.draft import Draft
from cellsearch.errors import CellError
from cellsearch.space.sampling import Rejection


def draw(random: Random) -> Draft | None:
    """One of four operations of the input and the state, the last of which does not exist; or nothing."""
    op = random.choice(["sum", "product", "product", "difference", "none", None])
    return None if op is None else Draft({"h_next": Node(op, ("x", "h"))}, {"h": "h_next"}, "h_next")


def no_difference(cell: Cell) -> bool:
    return cell.nodes["h_next"].op != "difference"


SAMPLE = Rejection("small", draw, no_difference)


def test_accepted_cells_keep_their_odds() -> None:
    random = Random(0)
    count = Counter(SAMPLE(random).nodes["h_next"].op for _ in range(600))
    assert set(count) == {"sum", "product"}
    assert count["product"] == pytest.approx(400, abs=40)


def test_a_cell_is_called_after_its_sampler_and_the_same_for_the_same_draws() -> None:
    assert SAMPLE(Random(3)).name == "small"
    assert SAMPLE(Random(3)) == SAMPLE(Random(3))


def test_the_share_rejected_counts_every_reason() -> None:
    assert SAMPLE.rejected(Random(0), 600) == pytest.approx(0.5, abs=0.06)


def test_a_sampler_that_accepts_nothing_gives_up_in_one_line() -> None:
    with pytest.raises(CellError, match="cell 'small': none of 10000 random drafts is a cell of its space; widen"):
        Rejection("small", draw, lambda cell: False)(Random(0))
