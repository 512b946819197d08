"""Simpler cells: what is tried of a cell, and dead weight that its equations alone tell."""

from __future__ import annotations

import torch
from hypothesis import given, settings

from cellsearch.cell import Cell, family, from_equations, identity
from cellsearch.recurrence import RNN
from cellsearch.space.simplification import plainness, simpler, without_dead_weight
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM

TWINS = from_equations(
    "twins",
    """
    kept = sigmoid(linear(x, h))
    memory_next = linear(x) + sigmoid(other) * other
    other_next = identity(memory_next)
    h_next = blend(kept, h, tanh(memory_next - memory))
    """,
    ["h", "memory", "other"],
    "h_next",
)
ONE = Cell(
    "twins",
    {n: each for n, each in TWINS.nodes.items() if n != "other_next"},
    {**TWINS.states, "other": "memory_next"},
    "h_next",
)


def test_of_an_lstm_each_gate_is_left_out_made_constant_and_given_the_weights_of_another() -> None:
    done = {each.cell.name for each in simpler(LSTM)}
    assert {
        "without forget_gate",
        "output_gate constant",
        "forget_gate_linear without h",
        "forget_gate_linear with the weights of input_gate_linear",
        "c in place of c_product",
        "without h_tanh",
    } <= done


def test_each_simpler_cell_is_of_a_family_of_its_own() -> None:
    made = [family(each.cell) for each in simpler(GRU)]
    assert len({*made, family(GRU)}) == len(made) + 1


@settings(max_examples=15)
@given(cells(most_nodes=12))
def test_any_cell_has_simpler_ones_that_are_cells(cell: Cell) -> None:
    for each in simpler(cell):
        assert each.node in cell.nodes
        assert each.cell != cell


def test_two_states_of_one_next_value_are_one_and_the_outputs_stay() -> None:
    lighter, found = without_dead_weight(ONE)
    assert found == ["states memory and other have the same next value, so that they are one"]
    assert list(lighter.states) == ["h", "memory"]
    torch.manual_seed(0)
    before = RNN(ONE, 3, 4)
    after = RNN(lighter, 3, 4)
    after.load_state_dict(before.state_dict())
    x = torch.randn(6, 2, 3)
    assert torch.allclose(before(x)[0], after(x)[0], atol=1e-6)


def test_what_changes_nothing_is_taken_out_with_the_same_identity() -> None:
    padded = from_equations("padded", "h_next = identity(tanh(linear(x, identity(h))))", ["h"], "h_next")
    lighter, found = without_dead_weight(padded)
    assert len(found) == 2
    assert all(line.endswith("the step is the same") for line in found)
    assert identity(lighter) == identity(padded)
    assert plainness(lighter) < plainness(padded)


def test_a_gate_of_a_constant_is_told() -> None:
    flat = from_equations("flat", "h_next = blend(sigmoid(h - h), h, tanh(linear(x, h)))", ["h"], "h_next")
    assert any(line.endswith("is constant: it sees neither input nor state") for line in without_dead_weight(flat)[1])


def test_equations_that_reduce_are_told() -> None:
    twice = from_equations("twice", "h_next = tanh(linear(x) + linear(h) + linear(x))", ["h"], "h_next")
    assert without_dead_weight(twice)[1] == ["the equations reduce from 6 operations to 2"]


def test_an_lstm_has_no_dead_weight() -> None:
    assert without_dead_weight(LSTM) == (LSTM, [])
