"""Symbols are short, all differ, and name what the export names."""

from __future__ import annotations

from hypothesis import given

from cellsearch.cell import Cell, Node, from_equations
from cellsearch.cell.notation.equations import equations
from cellsearch.cell.notation.statements import next_of, stated
from cellsearch.cell.notation.symbols import learned, legend, symbols
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM

TWO_MEMORIES = from_equations(
    "two memories",
    """
    sigmoid_1 = sigmoid(linear(x, h))
    sigmoid_2 = sigmoid(linear(x, h))
    tanh_3 = tanh(linear(x, h))
    tanh_4 = tanh(linear(x, h))
    c_next = sigmoid_1 * c + tanh_3
    d_next = sigmoid_2 * d + tanh_4
    h_next = tanh(linear(c_next, d_next))
    """,
    states=["h", "c", "d"],
    output="h_next",
)


def shown(cell: Cell) -> dict[str, str]:
    return {name: str(symbol) for name, symbol in symbols(cell).items() if name in cell.nodes}


def test_gates_have_their_letter_and_candidates_a_tilde() -> None:
    assert shown(LSTM) == {
        "input_gate": "i",
        "forget_gate": "f",
        "candidate": "c\N{COMBINING TILDE}",
        "output_gate": "o",
    }
    assert legend(LSTM)[1] == "f: forget gate of c (forget_gate)"


def test_gates_of_two_memories_carry_their_state() -> None:
    assert shown(TWO_MEMORIES) == {
        "sigmoid_1": "f_c",
        "sigmoid_2": "f_d",
        "tanh_3": "c\N{COMBINING TILDE}",
        "tanh_4": "d\N{COMBINING TILDE}",
    }
    assert learned(TWO_MEMORIES)["tanh_3_linear"] == ("W_c", "U_c", "b_c")


def test_what_nobody_named_is_numbered_and_other_names_stay() -> None:
    text = """
        mixed = relu(linear(x, h)) + sine(linear(x))
        h_next = tanh(mixed * mixed) * relu(mixed)
        out = exp(linear(h_next))
    """
    cell = from_equations("named", text, states=["h"], output="out")
    assert set(shown(cell).values()) == {"mixed", "v1", "v2", "v3", "out"}
    assert legend(cell) == ("v1: mixed_relu, v2: mixed_sine, v3: h_tanh",)


def test_a_name_made_up_for_another_operation_is_not_shown() -> None:
    nodes = {
        "relu_1": Node("linear", ("x", "h")),
        "one_minus_1": Node("tanh", ("relu_1",)),
        "h_sum": Node("product", ("one_minus_1", "relu_1")),
        "kept": Node("maximum", ("h_sum", "one_minus_1")),
    }
    assert shown(Cell("edited", nodes, {"h": "h_sum"}, "kept")) == {"relu_1": "v1", "one_minus_1": "v2", "kept": "kept"}


def test_the_arrays_of_one_line_that_share_a_name_are_numbered() -> None:
    assert learned(GRU)["candidate_input"] == ("W_h", "b_h1")
    assert learned(GRU)["candidate_state"] == ("U_h", "b_h2")


def test_a_long_name_is_no_subscript() -> None:
    name = "a_very_long_name_of_a_node"
    cell = from_equations("long", f"{name} = relu(linear(x, h))\nh_next = {name} * {name}", ["h"], "h_next")
    assert learned(cell)[f"{name}_linear"] == ("W_1", "U_1", "b_1")


def test_a_structured_matrix_is_explained() -> None:
    nodes = {"a": Node("block_linear", ("h",), constant=4.0), "b": Node("low_rank_linear", ("x",), constant=2.0)}
    cell = Cell("structured", nodes | {"h_next": Node("sum", ("a", "b"))}, {"h": "h_next"}, "h_next")
    assert equations(cell)[0] == "h' = U_h h + b_h1 + W_h x + b_h2"
    assert legend(cell) == ("U_h: 4 blocks on the diagonal", "W_h: of rank 2")


@given(cells())
def test_all_symbols_differ(cell: Cell) -> None:
    named = [str(symbol) for symbol in symbols(cell).values()]
    arrays = [name for names in learned(cell).values() for name in names]
    assert len({*named, *arrays}) == len(named) + len(arrays)
    assert all(name.isidentifier() and name.isascii() for name in arrays)
    assert set(symbols(cell)) == {*cell.sources, *(n for n in stated(cell) if n not in next_of(cell))}
    assert {node: len(names) for node, names in learned(cell).items()} == {
        name: len(node.parameters()) for name, node in cell.nodes.items() if node.parameters()
    }
