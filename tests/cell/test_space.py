"""A search space knows which cells belong to it."""

from __future__ import annotations

import dataclasses

import pytest

from cellsearch.cell import Node, SearchSpace
from cellsearch.cell.cell import Cell
from cellsearch.errors import CellError
from search_spaces.gated import LSTM, RNN, SPACE


def test_the_seeds_belong_to_their_space() -> None:
    assert all(SPACE.contains(cell) for cell in SPACE.seeds.values())


def test_a_cell_with_another_operation_does_not_belong() -> None:
    narrow = SearchSpace("narrow", {"rnn": RNN}, ("linear", "tanh"), most_nodes=24, most_states=3)
    assert narrow.contains(RNN)
    assert not narrow.contains(LSTM)


def test_the_bounds_on_nodes_and_states_hold() -> None:
    assert not dataclasses.replace(SPACE, seeds={}, most_nodes=len(LSTM.nodes) - 1).contains(LSTM)
    assert dataclasses.replace(SPACE, seeds={}, most_nodes=len(LSTM.nodes)).contains(LSTM)
    assert not dataclasses.replace(SPACE, seeds={}, most_states=1).contains(LSTM)


def test_a_seed_outside_of_its_space_is_refused() -> None:
    with pytest.raises(CellError, match="search space 'one': seed 'lstm' lies outside of it; widen the space"):
        SearchSpace("one", {"lstm": LSTM}, ("linear", "tanh"), most_nodes=24, most_states=3)


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(CellError, match="search space 'odd': unknown operation 'swish'; use linear, sum"):
        SearchSpace("odd", {}, ("linear", "swish"), most_nodes=24, most_states=3)


def test_a_raw_input_belongs_to_the_space() -> None:
    assert SPACE.contains(Cell("raw", {"s": Node("sum", ("x", "h"))}, {"h": "s"}, "s"))
