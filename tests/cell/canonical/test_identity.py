"""Identity: the same graph under other names has the same hash, a different graph another one."""

from __future__ import annotations

import random
from dataclasses import replace

import networkx as nx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cellsearch.cell import IDENTITY_VERSION, LINEAR, OPS, Cell, Node, from_equations, from_json, identity, to_json
from cellsearch.cell.canonical.form import canonical
from cellsearch.errors import CellError
from cellsearch.testing.cells import cells
from cellsearch.testing.scramble import renamed
from cellsearch_search_spaces.gated import GRU, LSTM, SPACE
from tests.helpers.work import calls

SEED_IDENTITIES = {"rnn": "fa7d2f202fc3eb8f", "lstm": "fb8eb9634b72c124", "gru": "2d4b2211e6ff88f1"}
"""Studies on disk hold these: a change of the text that identity hashes orphans them, and must be deliberate."""


def test_the_identities_of_the_seeds_change_with_their_version_alone() -> None:
    """Whoever changes the identity of any cell, one of these or another, raises the version."""
    assert IDENTITY_VERSION == 1
    assert {name: identity(cell) for name, cell in SPACE.seeds.items()} == SEED_IDENTITIES


@given(cells(), st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(cell: Cell, draw: random.Random) -> None:
    assert identity(renamed(cell, draw)) == identity(cell)


@given(cells())
def test_a_file_keeps_the_identity(cell: Cell) -> None:
    assert identity(from_json(to_json(cell)).renamed("other")) == identity(cell)


@settings(max_examples=200)
@given(cells(), st.randoms(use_true_random=False))
def test_identities_are_equal_where_the_canonical_graphs_are_isomorphic(cell: Cell, draw: random.Random) -> None:
    """networkx decides that without names, orders and hashes."""
    other = renamed(_changed(cell, draw), draw)
    assert (identity(cell) == identity(other)) == _isomorphic(canonical(cell), canonical(other))


@given(cells(), st.randoms(use_true_random=False), st.data())
def test_another_operation_is_another_cell_unless_rules_make_them_one(
    cell: Cell, draw: random.Random, data: st.DataObject
) -> None:
    """As maximum(a, a) and minimum(a, a) are; such cells are compared by their values in test_form.py."""

    def others(node: Node) -> list[str]:
        return [op for op, row in OPS.items() if op != node.op and row.takes(len(node.operands))]

    changeable = [name for name, node in cell.nodes.items() if others(node)]
    assume(changeable)
    name = data.draw(st.sampled_from(changeable))
    op = data.draw(st.sampled_from(others(cell.nodes[name])))
    nodes = {**cell.nodes, name: Node(op, cell.nodes[name].operands)}
    changed = renamed(Cell(cell.name, nodes, cell.states, cell.output), draw)
    assert (identity(changed) == identity(cell)) == _isomorphic(canonical(changed), canonical(cell))


@pytest.mark.parametrize("seed", SPACE.seeds.values(), ids=str)
def test_another_operation_anywhere_in_a_seed_is_another_cell(seed: Cell) -> None:
    for name, node in seed.nodes.items():
        for op, row in OPS.items():
            if op != node.op and row.takes(len(node.operands)):
                assert identity(_with(seed, **{name: Node(op, node.operands)})) != identity(seed), (name, op)


def test_the_order_of_operands_matters_only_where_it_changes_the_value() -> None:
    def cell(op: str, first: str, second: str) -> Cell:
        return _with(LSTM, h_next=Node(op, (first, second)))

    for op in ("sum", "product", LINEAR):
        assert identity(cell(op, "output_gate", "h_tanh")) == identity(cell(op, "h_tanh", "output_gate"))
    assert identity(cell("difference", "output_gate", "h_tanh")) != identity(
        cell("difference", "h_tanh", "output_gate")
    )
    swapped = _with(GRU, h_next=Node("blend", ("update_gate", "candidate", "h")))
    assert identity(swapped) != identity(GRU)


def test_near_misses_differ() -> None:
    near = [
        LSTM,
        _with(LSTM, forget_gate_linear=Node(LINEAR, ("x", "h"), 0.5)),
        _with(LSTM, forget_gate_linear=Node(LINEAR, ("x", "h"))),
        _with(LSTM, forget_gate_linear=Node(LINEAR, ("x", "h", "h"), 1)),
        _with(LSTM, forget_gate_linear=Node(LINEAR, ("x", "c"), 1)),
        # The bias moved to the other gate of the cell's memory.
        _with(LSTM, forget_gate_linear=Node(LINEAR, ("x", "h")), input_gate_linear=Node(LINEAR, ("x", "h"), 1)),
        Cell("out c", LSTM.nodes, LSTM.states, "c_next"),
        Cell("crossed", LSTM.nodes, {"h": "c_next", "c": "h_next"}, LSTM.output),
    ]
    assert len({identity(cell) for cell in near}) == len(near)


def test_a_shared_node_is_the_same_as_two_copies_of_it_unless_it_learns() -> None:
    gate = {"l": Node(LINEAR, ("x", "h")), "a": Node("tanh", ("l",))}
    shared = Cell("shared", {**gate, "s": Node("sum", ("a", "a"))}, {"h": "s"}, "s")
    copies = {**gate, "l2": Node(LINEAR, ("x", "h")), "a2": Node("tanh", ("l2",)), "s": Node("sum", ("a", "a2"))}
    half = {**gate, "a2": Node("tanh", ("l",)), "s": Node("sum", ("a", "a2"))}
    assert identity(shared) == identity(Cell("half", half, {"h": "s"}, "s"))
    assert identity(shared) != identity(Cell("two", copies, {"h": "s"}, "s"))


def test_graphs_that_colour_refinement_alone_confuses_differ() -> None:
    """Six linears in one ring through the states, or in two rings of three: each sees two neighbours either way."""
    one = _rings([[0, 1, 2, 3, 4, 5]])
    two = _rings([[0, 1, 2], [3, 4, 5]])
    assert identity(one) != identity(two)
    draw = random.Random(0)
    assert {identity(renamed(one, draw)) for _ in range(10)} == {identity(one)}
    assert {identity(renamed(two, draw)) for _ in range(10)} == {identity(two)}


def test_a_mean_of_one_linear_is_that_of_two_that_are_added() -> None:
    one = from_equations("one", "h_next = tanh(mean(linear(x, h)) + linear(x))", ["h"], "h_next")
    two = from_equations("two", "h_next = tanh(mean(linear(h) + linear(x)) + linear(x))", ["h"], "h_next")
    assert identity(one) == identity(two)


def test_a_bias_is_the_same_however_its_number_is_written() -> None:
    def cell(bias: float) -> Cell:
        return _with(LSTM, forget_gate_linear=Node(LINEAR, ("x", "h"), bias))

    assert identity(cell(1)) == identity(cell(1.0))
    assert identity(cell(-0.0)) == identity(cell(0))


def test_a_choice_among_nodes_that_only_look_alike_does_not_matter() -> None:
    """A ring of four beside one of three and one of five: no member of one is the image of a member of another."""
    cell = _rings([[0, 1, 2, 3], [4, 5, 6], [7, 8, 9, 10, 11]])
    draw = random.Random(0)
    assert {identity(renamed(cell, draw)) for _ in range(10)} == {identity(cell)}


@pytest.mark.parametrize("branches", [8, 64])
def test_the_order_of_branches_that_are_alike_does_not_matter(branches: int) -> None:
    cell = _alike(branches)
    assert identity(renamed(cell, random.Random(0))) == identity(cell)


def test_branches_that_are_alike_are_not_tried_in_every_order() -> None:
    """360,000 calls, 0.15 s on an idle core; all orders that the labelling's limit allows would be 50 times as many."""
    assert calls(lambda: identity(_alike(32))) < 1_000_000


def _changed(cell: Cell, draw: random.Random) -> Cell:
    """The cell with another bias or operand, with two states exchanged, or as it is."""
    nodes, states = dict(cell.nodes), dict(cell.states)
    name = draw.choice(list(nodes))
    operands = list(nodes[name].operands)
    match draw.randrange(4):
        case 0:
            nodes[name] = replace(nodes[name], initial_bias=0.25)
        case 1:
            operands[draw.randrange(len(operands))] = draw.choice(["x", *states, *nodes])
            nodes[name] = replace(nodes[name], operands=tuple(operands))
        case 2:
            states = dict(zip(states, draw.sample(list(states.values()), len(states)), strict=True))
    try:
        return Cell(cell.name, nodes, states, cell.output)
    except CellError:
        return cell


def _isomorphic(one: Cell, other: Cell) -> bool:
    return nx.is_isomorphic(_graph(one), _graph(other), node_match=dict.__eq__, edge_match=dict.__eq__)


def _graph(cell: Cell) -> nx.DiGraph[str]:
    """Nodes know what they are; edges from operands know their places, where the order counts, or else how many."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node("x", kind="input")
    graph.add_nodes_from(cell.states, kind="state")
    for name, node in cell.nodes.items():
        graph.add_node(name, kind=(node.op, node.initial_bias, node.constant), output=name == cell.output)
        places = [0] * len(node.operands) if node.row.commutes else range(len(node.operands))
        for operand in node.operands:
            here = [place for place, each in zip(places, node.operands, strict=True) if each == operand]
            graph.add_edge(operand, name, places=here)
    graph.add_edges_from(((following, state) for state, following in cell.states.items()), places="next")
    return graph


def _alike(branches: int) -> Cell:
    nodes: dict[str, Node] = {}
    for i in range(branches):
        nodes[f"l{i}"] = Node(LINEAR, ("x", "h"))
        nodes[f"t{i}"] = Node("tanh", (f"l{i}",))
    nodes["s"] = Node(LINEAR, tuple(f"t{i}" for i in range(branches)))
    return Cell("alike", nodes, {"h": "s"}, "s")


def _with(cell: Cell, **changes: Node) -> Cell:
    return Cell(cell.name, {**cell.nodes, **changes}, cell.states, cell.output)


def _rings(rings: list[list[int]]) -> Cell:
    """A state for each number; its next value reads the states of its two neighbours in the ring."""
    nodes, states = {}, {}
    for ring in rings:
        for place, i in enumerate(ring):
            left, right = ring[place - 1], ring[(place + 1) % len(ring)]
            nodes[f"n{i}"] = Node(LINEAR, ("x", f"s{left}", f"s{right}"))
            states[f"s{i}"] = f"n{i}"
    nodes["out"] = Node(LINEAR, tuple(states.values()))
    return Cell("rings", nodes, states, "out")
