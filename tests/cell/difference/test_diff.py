"""Diff: nothing between equal graphs, the edit between relatives, and a complete list otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cellsearch.cell import OPS, Cell, Node, from_equations
from cellsearch.cell.difference.diff import Change, diff
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate
from cellsearch.testing.cells import cells
from cellsearch.testing.scramble import renamed
from cellsearch_search_spaces.gated import GRU, LSTM, SPACE
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.work import calls

ALL = SearchSpace("all", {}, tuple(OPS), most_nodes=24, most_states=4)


def texts(first: Cell, second: Cell) -> list[str]:
    return [str(difference) for difference in diff(first, second)]


def changed(cell: Cell, **nodes: Node) -> Cell:
    """The cell with other or more nodes."""
    return Cell(cell.name, {**cell.nodes, **nodes}, cell.states, cell.output)


@settings(max_examples=40)
@given(cells(), st.integers(0, 2**32))
def test_the_same_graph_under_other_names_has_no_differences(cell: Cell, number: int) -> None:
    assert diff(cell, renamed(cell, Random(number))) == ()


@pytest.mark.parametrize("cell", ZOO.seeds.values(), ids=lambda cell: cell.name)
def test_every_seed_of_the_zoo_is_recognised_under_other_names(cell: Cell) -> None:
    assert diff(cell, renamed(cell, Random(cell.name))) == ()


@settings(max_examples=40)
@given(cells(), st.integers(0, 2**32))
def test_a_mutant_differs_and_names_do_not_matter_for_how_much(cell: Cell, number: int) -> None:
    assume(ALL.contains(cell))
    mutant, _ = mutate(cell, ALL, Random(number))
    differences = diff(cell, mutant)
    assert differences
    # A node, those that read it or go with it; hidden names may let a list be shorter, hardly longer.
    hidden = diff(cell, renamed(mutant, Random(number)))
    assert 0 < len(hidden) <= len(differences) + 2


@settings(max_examples=40)
@given(cells(), cells())
def test_differences_that_are_carried_out_lead_to_the_other_cell(first: Cell, second: Cell) -> None:
    assert diff(carried_out(first, diff(first, second)), second) == ()


@settings(max_examples=40)
@given(cells(), cells())
def test_a_difference_is_one_line_and_is_told_once(first: Cell, second: Cell) -> None:
    differences = diff(first, second)
    assert len({(difference.kind, difference.name) for difference in differences}) == len(differences)
    assert all(difference.text and "\n" not in difference.text for difference in differences)


def test_an_inserted_node_is_added_and_its_user_rewired() -> None:
    child = changed(LSTM, squashed=Node("tanh", ("forget_gate_linear",)), forget_gate=Node("sigmoid", ("squashed",)))
    assert diff(LSTM, child) == (
        Change("added", "squashed", "add squashed = tanh(forget_gate_linear)"),
        Change("rewired", "forget_gate", "forget_gate = sigmoid(squashed), was sigmoid(forget_gate_linear)"),
    )
    assert texts(child, LSTM) == [
        "remove squashed = tanh(forget_gate_linear)",
        "forget_gate = sigmoid(forget_gate_linear), was sigmoid(squashed)",
    ]


def test_an_operation_changed_is_one_difference() -> None:
    child = changed(LSTM, h_tanh=Node("relu", ("c_next",)))
    assert diff(child, LSTM) == (Change("op changed", "h_tanh", "h_tanh = tanh(c_next), was relu(c_next)"),)


def test_numbers_are_told() -> None:
    child = changed(LSTM, forget_gate_linear=Node("linear", ("x", "h")))
    assert diff(LSTM, child) == (
        Change("bias changed", "forget_gate_linear", "forget_gate_linear starts with bias 0, was 1"),
    )
    half, whole = (from_equations("half", f"h_next = {k} * tanh(linear(x, h))", ["h"], "h_next") for k in ("0.5", "3"))
    assert diff(half, whole) == (Change("constant changed", "h_next", "h_next has constant 3, was 0.5"),)


def test_states_next_values_and_outputs_are_told() -> None:
    more = Cell(
        "more",
        {**LSTM.nodes, "input_gate_linear": Node("linear", ("x", "h", "gate"))},
        {**LSTM.states, "gate": "forget_gate"},
        LSTM.output,
    )
    assert texts(LSTM, more) == [
        "add state gate, the last forget_gate",
        "input_gate_linear = linear(x, h, gate), was linear(x, h)",
    ]
    assert texts(more, LSTM)[0] == "remove state gate, the last forget_gate"
    moved = Cell("moved", GRU.nodes, {"h": "candidate"}, GRU.output)
    assert diff(GRU, moved) == (Change("next value moved", "h", "h is the last candidate, was the last h_next"),)
    inner = Cell("inner", LSTM.nodes, LSTM.states, "c_next")
    assert diff(LSTM, inner) == (Change("output moved", "c_next", "output is c_next, was h_next"),)


def test_the_order_of_operands_counts_where_they_do_not_commute() -> None:
    blend = GRU.nodes["h_next"]
    child = changed(GRU, h_next=replace(blend, operands=("update_gate", "candidate", "h")))
    assert texts(GRU, child) == ["h_next = blend(update_gate, candidate, h), was blend(update_gate, h, candidate)"]


def test_a_name_that_means_something_else_in_both_has_a_prime() -> None:
    one = from_equations("one", "a = tanh(linear(x, h))\nb = relu(a)\nh_next = b * a", ["h"], "h_next")
    other = from_equations("other", "z = tanh(linear(x, h))\nb = exp(x)\nh_next = linear(b) * z", ["h"], "h_next")
    assert any("b'" in text for text in texts(one, other)) or any(" b = exp(x)" in f" {t}" for t in texts(one, other))


def test_edits_of_a_seed_read_as_short_lists() -> None:
    for number in range(30):
        child, words = mutate(LSTM, SPACE, Random(number), ("insert node", "change op", "add state"))
        if len(child.nodes) >= len(LSTM.nodes):
            assert len(diff(LSTM, child)) <= 3, (words, texts(LSTM, child))


def test_a_diff_is_little_work() -> None:
    """24,000 calls, 3 ms on an idle core, for two cells of at most 20 nodes."""
    small = [cell for cell in ZOO.seeds.values() if len(cell.nodes) <= 20]
    pairs = [Random(number).sample(small, 2) for number in range(40)]
    assert sum(calls(lambda: diff(*pair)) for pair in pairs) / len(pairs) < 60_000  # noqa: B023 (called at once)


def carried_out(cell: Cell, differences: Iterable[Change]) -> Cell:
    """The cell after all changes that the texts tell."""
    nodes, states, output = dict(cell.nodes), dict(cell.states), cell.output
    for each in differences:
        words = each.text.replace("'", "_prime").partition(", was ")[0].split()
        match each.kind:
            case "removed":
                del nodes[words[1]]
            case "state removed":
                del states[words[2].strip(",")]
            case "state added":
                states[words[2].strip(",")] = words[-1]
            case "next value moved":
                states[words[0]] = words[-1]
            case "output moved":
                output = words[-1]
            case "bias changed":
                nodes[words[0]] = replace(nodes[words[0]], initial_bias=float(words[-1]))
            case "constant changed":
                nodes[words[0]] = replace(nodes[words[0]], constant=float(words[-1]))
            case "added" | "op changed" | "rewired":
                name, expression = " ".join(words).removeprefix("add ").split(" = ")
                nodes[name] = node_of(expression)
    return Cell(cell.name, nodes, states, output)


def node_of(expression: str) -> Node:
    """The node that is written as `op(operands, bias=number, constant=number)`."""
    op, _, inside = expression.rstrip(")").partition("(")
    parts = inside.split(", ")
    numbers = {name: float(value) for name, value in (part.split("=") for part in parts if "=" in part)}
    operands = tuple(part for part in parts if "=" not in part)
    return Node(op, operands, numbers.get("bias", 0.0), numbers.get("constant", 1.0))
