"""Crossover: a child of the space with parts of both parents, and all that they have in common."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cellsearch.cell import OPS, Cell, Node, identity
from cellsearch.errors import CellError
from cellsearch.space import SearchSpace
from cellsearch.space.crossover import crossover
from cellsearch.space.mutation import mutate
from cellsearch.testing.cells import cells
from cellsearch.testing.scramble import renamed
from cellsearch_search_spaces.gated import GRU, LSTM, SPACE
from cellsearch_search_spaces.zoo import SPACE as ZOO

ALL = SearchSpace("all", {}, tuple(OPS), most_nodes=30, most_states=6)


@settings(max_examples=40)
@given(cells(), cells(), st.integers(0, 2**32))
def test_a_child_is_a_cell_of_the_space(first: Cell, second: Cell, number: int) -> None:
    child, words = crossover(first, second, ALL, Random(number))
    assert ALL.contains(child)
    assert child.name == first.name
    assert words.startswith(f"cross with {second.name}, ") and "\n" not in words


@settings(max_examples=40)
@given(cells(), cells(), st.integers(0, 2**32))
def test_the_same_draws_give_the_same_child(first: Cell, second: Cell, number: int) -> None:
    assert crossover(first, second, ALL, Random(number)) == crossover(first, second, ALL, Random(number))


@settings(max_examples=40)
@given(cells(), st.integers(0, 2**32))
def test_what_relatives_have_in_common_their_child_has(cell: Cell, number: int) -> None:
    """Nodes that neither parent has changed are in the child as they were, unless nothing needs them any more."""
    assume(ALL.contains(cell))
    random = Random(number)
    first, second = mutate(cell, ALL, random)[0], mutate(cell, ALL, random)[0]
    child, _ = crossover(first, second, ALL, random)
    for name, node in child.nodes.items():
        if first.nodes.get(name) == second.nodes.get(name) == cell.nodes.get(name):
            assert cell.nodes.get(name) in (node, None)


def test_a_child_mixes_its_parents_changes() -> None:
    """Two mutants of the LSTM, changed in different places: their children have one change, the other, or both."""
    one = _with(LSTM, h_tanh=Node("relu", ("c_next",)), candidate=Node("sigmoid", ("candidate_linear",)))
    other = _with(LSTM, output_gate=Node("relu", ("output_gate_linear",)))
    known = {identity(one), identity(other)}
    children = [crossover(one, other, SPACE, Random(number)) for number in range(40)]
    assert all(identity(child) not in known and set(child.nodes) == set(LSTM.nodes) for child, _ in children)
    seen = {
        (child.nodes["h_tanh"].op, child.nodes["candidate"].op, child.nodes["output_gate"].op) for child, _ in children
    }
    assert len(seen) == 2**3 - 2
    assert {words for _, words in children} >= {"cross with lstm, from there output_gate"}


def test_names_do_not_matter_where_structure_tells() -> None:
    one = _with(LSTM, h_tanh=Node("relu", ("c_next",)))
    other = renamed(_with(LSTM, output_gate=Node("relu", ("output_gate_linear",))), Random(1))
    child, _ = crossover(one, other, SPACE, Random(0))
    assert set(child.nodes) == set(LSTM.nodes)
    assert (child.nodes["h_tanh"].op, child.nodes["output_gate"].op) in (("tanh", "sigmoid"), ("relu", "relu"))


def test_words_leave_out_what_nothing_in_the_child_needs() -> None:
    for number in range(40):
        child, words = crossover(LSTM, GRU, SPACE, Random(number))
        listed = words.removeprefix("cross with gru, from there ").split(", ")
        assert all(name in child.nodes or name in child.states or name == "the output" for name in listed)


def test_what_one_parent_has_alone_comes_as_a_piece() -> None:
    gated = _with(
        LSTM,
        extra_linear=Node("linear", ("x",)),
        extra=Node("sigmoid", ("extra_linear",)),
        h_tanh=Node("product", ("extra", "c_next")),
        forget_gate_linear=Node("linear", ("x", "h")),
    )
    for number in range(20):
        child, words = crossover(LSTM, gated, SPACE, Random(number))
        whole = {"extra_linear", "extra"} <= set(child.nodes)
        assert whole == ("h_tanh" in words.partition("from there ")[2])
        assert len(child.nodes) == len(LSTM.nodes) + 2 * whole


def test_parents_without_a_mixture_have_one_of_them_as_child() -> None:
    one_change = _with(LSTM, h_tanh=Node("relu", ("c_next",)))
    children = {crossover(LSTM, one_change, SPACE, Random(number)) for number in range(10)}
    assert {words for _, words in children} == {"cross with lstm, all of it from lstm"}
    assert {identity(child) for child, _ in children} == {identity(LSTM), identity(one_change)}


def test_a_mixture_that_is_a_parent_in_another_spelling_is_none() -> None:
    spelled = _with(
        LSTM,
        same=Node("identity", ("c_next",)),
        h_tanh=Node("tanh", ("same",)),
        output_gate=Node("relu", ("output_gate_linear",)),
    )
    words = {crossover(LSTM, spelled.renamed("spelled"), SPACE, Random(number))[1] for number in range(10)}
    assert words == {"cross with spelled, all of it from lstm", "cross with spelled, all of it from spelled"}


def test_parents_outside_of_the_space_may_have_no_child() -> None:
    tiny = SearchSpace("tiny", {}, ("linear",), most_nodes=1, most_states=1)
    with pytest.raises(
        CellError, match=r"cells 'lstm' and 'gru': neither they nor any of 100 mixtures .* space 'tiny'"
    ):
        crossover(LSTM, GRU, tiny, Random(0))


def test_most_pairs_of_the_zoo_have_mixed_children() -> None:
    random = Random(0)
    seeds = [cell for cell in ZOO.seeds.values() if len(cell.nodes) <= 20]
    words = [crossover(*random.sample(seeds, 2), ZOO, random)[1] for _ in range(40)]
    assert sum("all of it" in each for each in words) <= 4


def _with(cell: Cell, **nodes: Node) -> Cell:
    return Cell(cell.name, {**cell.nodes, **nodes}, cell.states, cell.output)
