"""Edits: every one leads from a valid cell to another valid cell of the space, the same way for the same draws."""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cellsearch import plugins
from cellsearch.cell import Cell, Node, from_equations, identity
from cellsearch.cell.validate import validate
from cellsearch.errors import CellError
from cellsearch.space import SearchSpace
from cellsearch.space.edits import CONSTANTS, EDITS
from cellsearch.space.mutation import mutate
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM, RNN, SPACE
from tests.helpers.exhaustive import many

SEEDS = (RNN, LSTM, GRU)
EVERY_SEED = [
    pytest.param(space, seed, id=f"{space.name}-{seed.name}")
    for space in (plugins.load(plugins.SPACES, name) for name in plugins.names(plugins.SPACES))
    for seed in space.seeds.values()
]
EDITS_OF_A_SEED = many(500, 100_000)
"""Of every seed of every space."""

ONLY_LINEAR = SearchSpace("linear", {}, ("linear",), most_nodes=2, most_states=1)


def walk(cell: Cell, steps: int, random: Random) -> Counter[str]:
    """Take random edits, hold each to the rules, and count the words that they begin with."""
    words_seen: Counter[str] = Counter()
    for _ in range(steps):
        edited, words = mutate(cell, SPACE, random)
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
    walk(seed, many(8_000, 33_334), Random(f"long walk {seed.name}"))


@pytest.mark.parametrize(("space", "seed"), EVERY_SEED)
def test_edits_of_every_seed_stay_in_its_space(space: SearchSpace, seed: Cell) -> None:
    wander(seed, space, 10, Random(f"wander {space.name} {seed.name}"))


@pytest.mark.slow
@pytest.mark.parametrize(("space", "seed"), EVERY_SEED)
def test_many_edits_of_a_seed_never_leave_its_space(space: SearchSpace, seed: Cell) -> None:
    """In walks of 100 that begin at the seed again and again."""
    for number in range(EDITS_OF_A_SEED // 100):
        wander(seed, space, 100, Random(f"wander {number} {space.name} {seed.name}"))


def wander(cell: Cell, space: SearchSpace, steps: int, random: Random) -> None:
    """Take random edits and hold each to the rules of the graph and of the space."""
    for _ in range(steps):
        edited, words = mutate(cell, space, random)
        validate(edited.name, edited.nodes, edited.states, edited.output)
        assert space.contains(edited), words
        assert edited != cell and words and "\n" not in words
        cell = edited


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda cell: cell.name)
def test_every_kind_of_edit_works_on_every_seed_that_it_fits(kind: str, seed: Cell) -> None:
    if (kind, seed.name) in (("remove state", "rnn"), ("remove state", "gru"), ("rewire operand", "rnn")):
        with pytest.raises(CellError, match=f"cell '{seed.name}': no edit of 10000 stays in space 'gated'; widen"):
            mutate(seed, SPACE, Random(0), (kind,))
        return
    for number in range(30):
        edited, words = mutate(seed, SPACE, Random(number), (kind,))
        assert SPACE.contains(edited) and identity(edited) != identity(seed)
        assert words.split()[0] == kind.split()[0]
        if kind == "delete node":  # and whatever nobody needs after it
            assert len(edited.nodes) < len(seed.nodes)


def test_removing_a_state_removes_one() -> None:
    for number in range(30):
        edited, words = mutate(LSTM, SPACE, Random(number), ("remove state",))
        assert len(edited.states) == 1
        assert words in ("remove c, the last c_next", "remove h, the last h_next")


def test_adding_a_state_adds_one_that_the_output_depends_on() -> None:
    edited, words = mutate(GRU, SPACE, Random(0), ("add state",))
    assert list(edited.states) == ["h", "state_1"]
    assert words.startswith(f"add state_1, the last {edited.states['state_1']}, read by ")


@pytest.mark.parametrize("seed", SEEDS, ids=lambda cell: cell.name)
def test_the_same_draws_give_the_same_edit(seed: Cell) -> None:
    for number in range(20):
        assert mutate(seed, SPACE, Random(number)) == mutate(seed, SPACE, Random(number))
    assert len({mutate(seed, SPACE, Random(number))[1] for number in range(20)}) > 10


def test_edits_draw_constants_for_the_operations_that_have_one() -> None:
    space = SearchSpace(
        "constants", {}, ("linear", "times_constant", "plus_constant", "low_rank_linear", "block_linear"), 8, 1
    )
    cell = Cell("least", {"next": Node("linear", ("x", "h"))}, {"h": "next"}, "next")
    seen: dict[str, set[float]] = defaultdict(set)
    for number in range(300):
        edited, words = mutate(cell, space, Random(number), ("insert node",))
        for node in edited.nodes.values():
            if node.row.constant:
                seen[node.op].add(node.constant)
                assert f"constant={node.constant:g}" in words
    assert seen["times_constant"] == seen["plus_constant"] == set(CONSTANTS[float])
    assert seen["low_rank_linear"] == seen["block_linear"] == set(CONSTANTS[int])


def test_changing_an_operation_may_change_its_constant_alone() -> None:
    space = SearchSpace("constants", {}, ("linear", "times_constant"), 8, 1)
    half = from_equations("half", "h_next = 0.5 * linear(x, h)", ["h"], "h_next")
    edits = [mutate(half, space, Random(number), ("change op",)) for number in range(100)]
    constants = {e.nodes["h_next"].constant for e, _ in edits if e.nodes["h_next"].op == "times_constant"}
    assert constants == set(CONSTANTS[float]) - {0.5}
    inside = half.nodes["h_next"].operands[0]
    words = f"change h_next from times_constant to times_constant({inside}, constant=2)"
    assert words in [each for _, each in edits]


def test_an_edit_leaves_its_cell_alone() -> None:
    before = dict(LSTM.nodes), dict(LSTM.states), LSTM.output
    mutate(LSTM, SPACE, Random(0))
    assert (dict(LSTM.nodes), dict(LSTM.states), LSTM.output) == before


def test_words_name_the_operation_and_its_place() -> None:
    words = {kind: mutate(LSTM, SPACE, Random(1), (kind,))[1] for kind in EDITS}
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
    edited = {mutate(cell, SPACE, Random(number), ("delete node",))[0].output for number in range(30)}
    assert "first" in edited and "x" not in edited


def test_a_state_may_take_the_place_of_a_deleted_node_but_never_become_its_own_next_value() -> None:
    for number in range(100):
        edited, _ = mutate(GRU, SPACE, Random(number), ("delete node",))
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
        edited, words = mutate(twins, SPACE, Random(number), ("rewire operand",))
        assert identity(edited) != identity(twins), words


def test_a_space_without_room_is_one_clear_error() -> None:
    cell = Cell("least", {"next": Node("linear", ("x", "h"))}, {"h": "next"}, "next")
    with pytest.raises(CellError, match="cell 'least': no edit of 10000 stays in space 'linear'; widen the space"):
        mutate(cell, ONLY_LINEAR, Random(0), ("change op",))


@given(cells(), st.integers(0, 2**32))
def test_edits_of_random_cells_are_valid(cell: Cell, number: int) -> None:
    assume(SPACE.contains(cell))
    edited, words = mutate(cell, SPACE, Random(number))
    assert SPACE.contains(edited) and identity(edited) != identity(cell) and words
