"""Alignment: cheap pairs, found by structure and decided by names."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from cellsearch.cell import Cell, Node
from cellsearch.cell.difference.alignment import NOBODY, Alignment, align, relate
from cellsearch.cell.difference.isomorphism import NumberedCell
from cellsearch.testing.cells import cells
from cellsearch.testing.scramble import renamed
from cellsearch_search_spaces.gated import GRU, LSTM


def partners(alignment: Alignment) -> dict[str, str]:
    names, others = alignment.first.names, alignment.second.names
    return {names[i]: others[j] for i, j in enumerate(alignment.partner) if j != NOBODY}


@settings(max_examples=40)
@given(cells(), st.integers(0, 2**32))
def test_the_same_graph_aligns_without_cost_whatever_its_names(cell: Cell, number: int) -> None:
    assert relate(NumberedCell(cell), NumberedCell(renamed(cell, Random(number)))).cost() == 0


@settings(max_examples=40)
@given(cells(), cells())
def test_partners_are_mutual_and_of_a_kind(first: Cell, second: Cell) -> None:
    for alignment in (
        align(NumberedCell(first), NumberedCell(second)),
        relate(NumberedCell(first), NumberedCell(second)),
    ):
        pairs = partners(alignment)
        assert pairs["x"] == "x"
        assert len(set(pairs.values())) == len(pairs)
        assert all((name in first.nodes) == (other in second.nodes) for name, other in pairs.items())
        assert all(alignment.owner[j] == i for i, j in enumerate(alignment.partner) if j != NOBODY)


@settings(max_examples=40)
@given(cells(), cells())
def test_the_cost_does_not_depend_on_the_direction(first: Cell, second: Cell) -> None:
    there = relate(NumberedCell(first), NumberedCell(second))
    assert Alignment(there.second, there.first, there.owner).cost() == there.cost()


def test_long_parallel_chains_of_one_kind_align() -> None:
    """Only a search for the isomorphism itself is sure to find which chain is which."""
    nodes, ends = {}, []
    for chain in "abcd":
        before = "x"
        for number in range(6):
            nodes[f"{chain}{number}"] = Node("tanh", (before,))
            before = f"{chain}{number}"
        ends.append(before)
    for one, (left, right) in enumerate(zip(ends, ends[1:] + ends[:1], strict=True)):
        nodes[f"product{one}"] = Node("product", (left, right))
    nodes["next"] = Node("linear", ("h", *(f"product{one}" for one in range(4))))
    cell = Cell("chains", nodes, {"h": "next"}, "next")
    for number in range(20):
        assert relate(NumberedCell(cell), NumberedCell(renamed(cell, Random(number)))).cost() == 0


def test_equal_names_decide_between_pairs_that_cost_the_same() -> None:
    twins = {f"gate{i}": Node("linear", ("x", "h")) for i in range(3)}
    cell = Cell("twins", {**twins, "next": Node("linear", tuple(twins))}, {"h": "next"}, "next")
    pairs = partners(relate(NumberedCell(cell), NumberedCell(cell)))
    assert all(name == other for name, other in pairs.items())


def test_nodes_that_share_nothing_are_no_partners() -> None:
    pairs = partners(relate(NumberedCell(LSTM), NumberedCell(GRU)))
    assert all(LSTM.nodes[a].op == GRU.nodes[b].op or _share(a, b, pairs) for a, b in pairs.items() if a in LSTM.nodes)


def _share(name: str, other: str, pairs: dict[str, str]) -> bool:
    reads = {pairs.get(operand) for operand in LSTM.nodes[name].operands} & set(GRU.nodes[other].operands)
    read = {pairs.get(user) for user in LSTM.users(name)} & set(GRU.users(other))
    return bool(reads or read) or (name, other) == (LSTM.output, GRU.output)
