"""Edits: every one leads from a valid cell to another valid cell of the space, the same way for the same draws."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cellsearch.cell import Cell, Node, SearchSpace, from_equations, identity
from cellsearch.cell.edits import EDITS, edit
from cellsearch.cell.validate import validate
from cellsearch.errors import CellError
from cellsearch.testing.cells import cells
from search_spaces.gated import GRU, LSTM, RNN, SPACE

SEEDS = (RNN, LSTM, GRU)
ONLY_LINEAR = SearchSpace("linear", {}, ("linear",), most_nodes=2, most_states=1)


def walk(cell: Cell, steps: int, random: Random) -> Counter[str]:
    """Take random edits, hold each to the rules, and count the words that they begin with."""
    words_seen: Counter[str] = Counter()
    for _ in range(steps):
        edited, words = edit(cell, SPACE, random)
        validate(edited.name, edited.nodes, edited.states, edited.output)
        assert SPACE.contains(edited), words
        assert identity(edited) != identity(cell), words
        assert edited.name == cell.name
        words_seen[words.split()[0]] += 1
        cell = edited
    return words_seen


@pytest.mark.parametrize("seed", SEEDS, ids=lambda cell: cell.name)
def test_a_walk_of_edits_never_leaves_the_space_and_never_stands_still(seed: Cell) -> None:
    seen = walk(seed, 500, Random(f"walk {seed.name}"))
    assert set(seen) == {"insert", "delete", "change", "rewire", "add", "remove"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS, ids=lambda cell: cell.name)
def test_a_long_walk_of_edits_never_leaves_the_space(seed: Cell) -> None:
    walk(seed, 33_334, Random(f"long walk {seed.name}"))


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda cell: cell.name)
def test_every_kind_of_edit_works_on_every_seed_that_it_fits(kind: str, seed: Cell) -> None:
    if (kind, seed.name) in (("remove state", "rnn"), ("remove state", "gru"), ("rewire operand", "rnn")):
        with pytest.raises(CellError, match=f"cell '{seed.name}': no edit of 1000 stays in space 'gated'; widen"):
            edit(seed, SPACE, Random(0), (kind,))
        return
    for number in range(30):
        edited, words = edit(seed, SPACE, Random(number), (kind,))
        assert SPACE.contains(edited) and identity(edited) != identity(seed)
        assert words.split()[0] == kind.split()[0]
        if kind == "delete node":  # and whatever nobody needs after it
            assert len(edited.nodes) < len(seed.nodes)


def test_removing_a_state_removes_one() -> None:
    for number in range(30):
        edited, words = edit(LSTM, SPACE, Random(number), ("remove state",))
        assert len(edited.states) == 1
        assert words in ("remove c, the last c_next", "remove h, the last h_next")


def test_adding_a_state_adds_one_that_the_output_depends_on() -> None:
    edited, words = edit(GRU, SPACE, Random(0), ("add state",))
    assert list(edited.states) == ["h", "state_1"]
    assert words.startswith(f"add state_1, the last {edited.states['state_1']}, read by ")


@pytest.mark.parametrize("seed", SEEDS, ids=lambda cell: cell.name)
def test_the_same_draws_give_the_same_edit(seed: Cell) -> None:
    for number in range(20):
        assert edit(seed, SPACE, Random(number)) == edit(seed, SPACE, Random(number))
    assert len({edit(seed, SPACE, Random(number))[1] for number in range(20)}) > 10


def test_an_edit_leaves_its_cell_alone() -> None:
    before = dict(LSTM.nodes), dict(LSTM.states), LSTM.output
    edit(LSTM, SPACE, Random(0))
    assert (dict(LSTM.nodes), dict(LSTM.states), LSTM.output) == before


def test_words_name_the_operation_and_its_place() -> None:
    words = {kind: edit(LSTM, SPACE, Random(1), (kind,))[1] for kind in EDITS}
    assert words["insert node"].split(" = ")[1].split("(")[0] in SPACE.operations
    assert words["insert node"].rpartition(" before ")[2] in LSTM.nodes
    deleted, operation = words["delete node"].removeprefix("delete ").split(")")[0].split(" (")
    assert LSTM.nodes[deleted].op == operation
    changed, _, was = words["change op"].removeprefix("change ").partition(" from ")
    assert LSTM.nodes[changed].op == was.split(" to ")[0]
    user, _, moved = words["rewire operand"].removeprefix("rewire ").partition(" from ")
    assert moved.split(" to ")[0] in LSTM.nodes[user].operands


def test_deleting_the_output_hands_its_part_to_an_operand() -> None:
    equations = "first = tanh(linear(x, h))\nlast = sigmoid(first)\nh_next = tanh(last)"
    cell = from_equations("three", equations, states=["h"], output="last")
    edited = {edit(cell, SPACE, Random(number), ("delete node",))[0].output for number in range(30)}
    assert "first" in edited and "x" not in edited


def test_a_state_may_take_the_place_of_a_deleted_node_but_never_become_its_own_next_value() -> None:
    for number in range(100):
        edited, _ = edit(GRU, SPACE, Random(number), ("delete node",))
        assert all(following in edited.nodes for following in edited.states.values())


def test_an_edit_that_only_swaps_twins_is_drawn_again() -> None:
    """`one` and `other` are alike, so that `one + one * other` rewired to `other + one * other` is the same cell."""
    twins = from_equations(
        "twins",
        """
        one = linear(x, h)
        other = linear(x, h)
        h_next = one + one * other
        """,
        states=["h"],
        output="h_next",
    )
    for number in range(200):
        edited, words = edit(twins, SPACE, Random(number), ("rewire operand",))
        assert identity(edited) != identity(twins), words


def test_a_space_without_room_is_one_clear_error() -> None:
    cell = Cell("least", {"next": Node("linear", ("x", "h"))}, {"h": "next"}, "next")
    with pytest.raises(CellError, match="cell 'least': no edit of 1000 stays in space 'linear'; widen the space"):
        edit(cell, ONLY_LINEAR, Random(0), ("change op",))


@given(cells(), st.integers(0, 2**32))
def test_edits_of_random_cells_are_valid(cell: Cell, number: int) -> None:
    assume(SPACE.contains(cell))
    edited, words = edit(cell, SPACE, Random(number))
    assert SPACE.contains(edited) and identity(edited) != identity(cell) and words
