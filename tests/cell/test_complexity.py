"""Complexity by formula: equal to the textbook's counts and to the parameters that a module really has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsearch.cell import Cell, Node, complexity
from cellsearch.recurrence import RNN, parameter_count
from cellsearch.testing.cells import cells
from search_spaces.gated import GRU, LSTM, SPACE
from search_spaces.gated import RNN as ELMAN


@pytest.mark.parametrize(("input_size", "hidden_size"), [(1, 1), (3, 7), (48, 128)])
def test_the_seeds_have_their_textbook_counts(input_size: int, hidden_size: int) -> None:
    products = input_size * hidden_size + hidden_size**2
    for cell, gates in ((ELMAN, 1), (LSTM, 4)):
        assert complexity(cell, input_size, hidden_size).parameters == gates * (products + hidden_size)
        assert complexity(cell, input_size, hidden_size).multiply_adds == gates * products
    # Like torch's, the candidate has a bias for the input and one for the state.
    assert complexity(GRU, input_size, hidden_size).parameters == 3 * (products + hidden_size) + hidden_size


def test_elementwise_operations_are_counted_per_hidden_unit() -> None:
    assert complexity(ELMAN, 3, 7).elementwise == 7
    assert complexity(LSTM, 3, 7).elementwise == 7 * (5 + 3 + 1)


def test_nodes_and_states_are_counted() -> None:
    cost = complexity(LSTM, 3, 7)
    assert (cost.nodes, cost.states) == (len(LSTM.nodes), 2)


def test_the_projection_of_a_raw_input_counts() -> None:
    raw = Cell("raw", {"s": Node("sum", ("x", "h"))}, {"h": "s"}, "s")
    assert complexity(raw, 4, 4).parameters == 0
    assert complexity(raw, 3, 4).parameters == 3 * 4 + 4


@given(cells(), st.integers(1, 4), st.integers(1, 4))
def test_a_module_has_as_many_parameters_as_the_formula_says(cell: Cell, input_size: int, hidden_size: int) -> None:
    module = RNN(cell, input_size, hidden_size)
    assert parameter_count(module) == complexity(cell, input_size, hidden_size).parameters


def test_layers_and_directions_add_up() -> None:
    for cell in SPACE.seeds.values():
        module = RNN(cell, 3, 5, num_layers=2, bidirectional=True)
        expected = 2 * complexity(cell, 3, 5).parameters + 2 * complexity(cell, 10, 5).parameters
        assert parameter_count(module) == expected
