"""A cell is an immutable graph that answers for its structure."""

from __future__ import annotations

import copy
import pickle

import networkx as nx
import pytest

from cellsearch.cell import Cell, Node
from cellsearch.errors import CellError
from cellsearch_search_spaces.gated import GRU, LSTM, RNN

RAW = Cell(
    "raw", {"kept": Node("product", ("h", "x")), "h_next": Node("sum", ("kept", "x"))}, {"h": "h_next"}, "h_next"
)


def test_order_puts_operands_before_their_users() -> None:
    for cell in (RNN, LSTM, GRU):
        seen = set(cell.sources)
        for name in cell.order:
            assert set(cell.nodes[name].operands) <= seen
            seen.add(name)
        assert set(cell.order) == set(cell.nodes)


def test_an_edge_carries_the_position_of_its_operand() -> None:
    square = Cell("square", {"a": Node("linear", ("x", "h")), "s": Node("product", ("a", "a"))}, {"h": "s"}, "s")
    assert sorted(square.graph.get_edge_data("a", "s").values(), key=lambda edge: edge["position"]) == [
        {"position": 0},
        {"position": 1},
    ]
    assert square.users("a") == ("s",)


def test_the_graph_is_frozen() -> None:
    with pytest.raises(nx.NetworkXError):
        LSTM.graph.add_edge("x", "h")
    with pytest.raises(TypeError):
        LSTM.nodes["new"] = Node("tanh", ("x",))  # type: ignore[index]
    with pytest.raises(AttributeError):
        LSTM.output = "c_next"  # type: ignore[misc]


def test_changing_what_a_cell_was_made_of_does_not_change_it() -> None:
    nodes = {"s": Node("linear", ("x", "h"))}
    cell = Cell("own", nodes, {"h": "s"}, "s")
    nodes.clear()
    assert list(cell.nodes) == ["s"]


def test_copies_are_equal_and_hash_alike() -> None:
    for other in (pickle.loads(pickle.dumps(LSTM)), copy.deepcopy(LSTM), LSTM.renamed("lstm")):
        assert other == LSTM
        assert hash(other) == hash(LSTM)


def test_cells_differ_by_name_nodes_states_order_and_output() -> None:
    reordered = Cell(LSTM.name, LSTM.nodes, dict(reversed(LSTM.states.items())), LSTM.output)
    other_output = Cell(LSTM.name, LSTM.nodes, LSTM.states, "c_next")
    assert len({LSTM, LSTM.renamed("other"), reordered, other_output, GRU}) == 5
    assert LSTM != "lstm"


def test_an_input_of_another_size_is_projected_once_for_all_raw_uses() -> None:
    resolved = RAW.resolved(3, 5)
    assert resolved.nodes["x_projected"] == Node("linear", ("x",))
    assert resolved.nodes["kept"].operands == ("h", "x_projected")
    assert resolved.nodes["h_next"].operands == ("kept", "x_projected")


def test_a_cell_that_needs_no_projection_is_its_own_resolution() -> None:
    assert RAW.resolved(5, 5) is RAW
    assert LSTM.resolved(3, 5) is LSTM


def test_the_projection_takes_a_name_that_is_free() -> None:
    taken = Cell("taken", {"x_projected": Node("sum", ("x", "h"))}, {"h": "x_projected"}, "x_projected")
    assert set(taken.resolved(3, 5).nodes) == {"x_projected", "x_projected_2"}


def test_a_node_names_its_learned_arrays_in_operand_order() -> None:
    assert Node("linear", ("x", "h")).parameters() == ("weight_0", "weight_1", "bias")
    assert Node("layer_norm", ("a",)).parameters() == ("weight", "bias")
    assert Node("tanh", ("a",)).parameters() == ()


def test_the_text_of_a_cell_is_short() -> None:
    assert repr(GRU) == f"Cell('gru', {len(GRU.nodes)} nodes, states h)"


def test_a_cell_cannot_be_made_invalid() -> None:
    with pytest.raises(CellError):
        Cell("broken", {"s": Node("tanh", ("nobody",))}, {"h": "s"}, "s")
