"""A draft is a cell that may be changed, and becomes one again without what the output does not need."""

from __future__ import annotations

import pytest

from cellsearch.cell import Cell, Node
from cellsearch.cell.draft import Draft
from cellsearch.errors import CellError
from cellsearch_search_spaces.gated import GRU, LSTM


def test_a_draft_of_a_cell_is_that_cell_and_leaves_it_alone() -> None:
    draft = Draft.of(LSTM)
    assert draft.cell("lstm") == LSTM
    draft.nodes.clear()
    draft.states["other"] = "h_next"
    assert "other" not in LSTM.states and LSTM.nodes


def test_what_the_output_never_depends_on_is_dropped_and_what_it_needs_through_time_stays() -> None:
    draft = Draft.of(LSTM)
    draft.output = "c_next"
    draft.nodes["unused"] = Node("tanh", ("x",))
    assert set(draft.cell("lstm").nodes) == set(LSTM.nodes)  # the gates read h
    for gate in ("input_gate_linear", "forget_gate_linear", "candidate_linear"):
        draft.nodes[gate] = Node("linear", ("x", "c"))
    kept = draft.cell("lstm")
    assert list(kept.states) == ["c"] and "output_gate" not in kept.nodes


def test_a_draft_that_is_no_cell_is_refused() -> None:
    draft = Draft.of(GRU)
    draft.nodes["candidate_input"] = Node("linear", ("h_next",))
    with pytest.raises(CellError, match="form a cycle within one step"):
        draft.cell("gru")


def test_before_and_ancestors_are_two_sides_of_a_node() -> None:
    draft = Draft.of(GRU)
    assert draft.ancestors("reset_gate") == ["x", "h", "reset_gate_linear"]
    assert "candidate" not in draft.before("reset_gate") and "update_gate" in draft.before("reset_gate")
    for name in GRU.nodes:
        assert set(draft.ancestors(name)) <= set(draft.before(name))
        assert name not in draft.before(name)


def test_an_heir_takes_every_place_of_a_node() -> None:
    nodes = {"a": Node("linear", ("x", "h")), "b": Node("tanh", ("a",)), "c": Node("product", ("b", "b"))}
    draft = Draft.of(Cell("square", nodes, {"h": "b"}, "c"))
    draft.hand_over("b", "a")
    assert draft.nodes["c"] == Node("product", ("a", "a")) and draft.states == {"h": "a"}
    draft.hand_over("c", "b")
    assert draft.output == "b"


def test_a_changed_operand_leaves_the_nodes_numbers() -> None:
    draft = Draft({"n": Node("linear", ("x", "h"), initial_bias=1.0)}, {"h": "n"}, "n")
    draft.set_operand("n", 1, "x")
    assert draft.nodes["n"] == Node("linear", ("x", "x"), initial_bias=1.0)


def test_a_new_name_is_free() -> None:
    draft = Draft({"tanh_1": Node("tanh", ("x",))}, {"tanh_2": "tanh_1"}, "tanh_1")
    assert draft.new_name("tanh") == "tanh_3"
