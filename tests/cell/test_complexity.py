"""Complexity by formula: equal to the textbook's counts and to the parameters that a module really has."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from cellsearch.cell import Cell, Node, complexity, from_equations
from cellsearch.cell.complexity import hidden_size_for
from cellsearch.errors import BudgetError
from cellsearch.recurrence import RNN, parameter_count
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM, SPACE
from cellsearch_search_spaces.gated import RNN as ELMAN
from cellsearch_search_spaces.zoo import SPACE as ZOO


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


@given(cells(), st.integers(1, 4), st.integers(1, 4))
def test_torch_counts_as_many_multiply_adds(cell: Cell, input_size: int, hidden_size: int) -> None:
    module = RNN(cell, input_size, hidden_size, backend="reference")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.ones(1, 1, input_size))
    assert counter.get_total_flops() == 2 * complexity(cell, input_size, hidden_size).multiply_adds


@given(cells(), st.integers(1, 4), st.integers(1, 4))
def test_the_states_have_as_many_bytes(cell: Cell, input_size: int, hidden_size: int) -> None:
    _, last = RNN(cell, input_size, hidden_size)(torch.zeros(1, 1, input_size))
    states = (last,) if isinstance(last, torch.Tensor) else last
    assert complexity(cell, input_size, hidden_size).state_bytes == sum(state.nbytes for state in states)


@pytest.mark.parametrize(
    ("cell", "depth", "products"),
    [
        (ELMAN, 2, 1),  # linear, tanh
        (LSTM, 6, 1),  # linear, sigmoid or tanh, product, sum, tanh, product
        (GRU, 6, 1),  # linear, sigmoid, product, sum, tanh, blend: the candidate's product waits for nothing
        (ZOO.seeds["gru_reset_before"], 6, 2),  # linear, sigmoid, product, linear, tanh, blend
        (ZOO.seeds["indrnn"], 3, 0),  # scale, sum, relu
        (ZOO.seeds["rhn_3"], 9, 3),
        (ZOO.seeds["qrnn"], 1, 0),  # blend; the output's product leads to no next value
    ],
    ids=lambda each: each.name if isinstance(each, Cell) else "",
)
def test_the_longest_path_within_a_step(cell: Cell, depth: int, products: int) -> None:
    cost = complexity(cell, 8, 8)
    assert (cost.depth, cost.dependent_products) == (depth, products)


def test_what_comes_from_the_input_alone_or_leads_to_the_output_alone_is_no_waiting() -> None:
    text = """
        deep = tanh(linear(tanh(linear(tanh(linear(x))))))
        h_next = identity(h) * deep
        out = tanh(linear(tanh(linear(h_next))))
    """
    cost = complexity(from_equations("hoisted", text, ["h"], "out"), 4, 4)
    assert (cost.depth, cost.dependent_products) == (1, 0)


def test_a_low_rank_linear_is_two_products() -> None:
    text = "h_next = tanh(low_rank_linear(h, constant=2) + block_linear(x, constant=2))"
    cost = complexity(from_equations("low", text, ["h"], "h_next"), 6, 8)
    assert (cost.dependent_products, cost.multiply_adds) == (2, 8 * 2 + 2 * 8 + 2 * 4 * 3)


@given(cells(), st.integers(1, 4), st.integers(0, 400))
def test_the_hidden_size_of_a_budget_is_the_largest_that_fits(cell: Cell, input_size: int, budget: int) -> None:
    fitting = [size for size in range(1, 60) if complexity(cell, input_size, size).parameters <= budget]
    if fitting and fitting[-1] < 59:
        assert hidden_size_for(cell, budget, input_size) == fitting[-1]
    elif not fitting:
        with pytest.raises(BudgetError, match="too small for cell 'random'"):
            hidden_size_for(cell, budget, input_size)


def test_a_budget_buys_the_textbooks_hidden_size() -> None:
    assert hidden_size_for(LSTM, complexity(LSTM, 128, 650).parameters, 128) == 650
    assert hidden_size_for(LSTM, complexity(LSTM, 128, 650).parameters - 1, 128) == 649
    assert math.isclose(hidden_size_for(LSTM, 10**12, 1), 5e5, rel_tol=1e-3)


def test_a_raw_input_costs_nothing_at_its_own_size() -> None:
    raw = Cell("raw", {"s": Node("sum", ("x", "h"))}, {"h": "s"}, "s")
    assert hidden_size_for(raw, 0, 5) == 5
    assert hidden_size_for(raw, 23, 5) == 5
    assert hidden_size_for(raw, 36, 5) == 6
