"""Features see the graph and not its names."""

from __future__ import annotations

from random import Random

from cellsearch.cell import Cell, from_equations
from cellsearch.study.strategies.features import features
from cellsearch.testing.scramble import renamed
from cellsearch_search_spaces.gated import GRU, LSTM, RNN
from cellsearch_search_spaces.small import cells


def test_names_and_the_order_of_operands_do_not_matter() -> None:
    for number, cell in enumerate((RNN, GRU, LSTM)):
        assert features(renamed(cell, Random(number))) == features(cell)


def test_the_plain_cell_is_counted_label_by_label() -> None:
    counts = dict(features(RNN))
    assert counts.pop("x") == counts.pop("state") == counts.pop("linear") == counts.pop("tanh") == 1
    assert counts["linear(state,x)"] == counts["tanh(linear)"] == counts["state[tanh]"] == 1
    assert counts["tanh(linear(state[tanh],x))"] == 1


def test_what_is_remembered_is_seen_through_the_state() -> None:
    def cell(candidate: str) -> Cell:
        text = f"c_next = c + {candidate}(linear(x))\nh_next = tanh(linear(x, h, c))"
        return from_equations("cell", text, states=["h", "c"], output="h_next")

    one, other = features(cell("tanh")), features(cell("sigmoid"))
    assert {label for label in one if label.startswith("linear(state[sum")} != {
        label for label in other if label.startswith("linear(state[sum")
    }


def test_nearly_all_cells_of_the_small_space_are_told_apart() -> None:
    found = list(cells())
    assert len({tuple(sorted(features(cell).items())) for cell in found}) >= 0.95 * len(found)
