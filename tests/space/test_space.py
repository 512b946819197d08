"""A search space knows which cells belong to it."""

from __future__ import annotations

import dataclasses
from random import Random

import pytest

from cellsearch.cell import Node
from cellsearch.cell.cell import Cell
from cellsearch.cell.draft import Draft
from cellsearch.errors import CellError
from cellsearch.space import SearchSpace
from cellsearch.space.edits import EDITS
from cellsearch.space.mutation import mutate
from cellsearch_search_spaces.gated import LSTM, RNN, SPACE


def test_the_seeds_belong_to_their_space() -> None:
    assert all(SPACE.contains(cell) for cell in SPACE.seeds.values())


def test_a_cell_with_another_operation_does_not_belong() -> None:
    narrow = SearchSpace("narrow", {"rnn": RNN}, ("linear", "tanh"), most_nodes=24, most_states=3)
    assert narrow.contains(RNN)
    assert not narrow.contains(LSTM)


def test_the_bounds_on_nodes_and_states_hold() -> None:
    assert not dataclasses.replace(SPACE, seeds={}, most_nodes=len(LSTM.nodes) - 1).contains(LSTM)
    assert dataclasses.replace(SPACE, seeds={}, most_nodes=len(LSTM.nodes)).contains(LSTM)
    assert not dataclasses.replace(SPACE, seeds={}, most_states=1).contains(LSTM)


def test_a_seed_outside_of_its_space_is_refused() -> None:
    with pytest.raises(CellError, match="search space 'one': seed 'lstm' lies outside of it; widen the space"):
        SearchSpace("one", {"lstm": LSTM}, ("linear", "tanh"), most_nodes=24, most_states=3)


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(
        CellError, match=r"search space 'odd': unknown operation 'swish'; use one of cellsearch\.cell\.OPS"
    ):
        SearchSpace("odd", {}, ("linear", "swish"), most_nodes=24, most_states=3)


def test_a_raw_input_belongs_to_the_space() -> None:
    assert SPACE.contains(Cell("raw", {"s": Node("sum", ("x", "h"))}, {"h": "s"}, "s"))


def test_a_rule_of_its_own_holds() -> None:
    deep = dataclasses.replace(SPACE, seeds={}, admits=lambda cell: len(cell.order) > 5)
    assert deep.contains(LSTM) and not deep.contains(RNN)
    with pytest.raises(CellError, match="search space 'gated': seed 'rnn' lies outside of it; widen the space"):
        dataclasses.replace(deep, seeds={"rnn": RNN})


def test_edits_are_those_of_the_table_unless_a_space_says_otherwise() -> None:
    assert SPACE.edits is EDITS
    narrow = dataclasses.replace(SPACE, edits={kind: EDITS[kind] for kind in ("insert node", "delete node")})
    words = {mutate(LSTM, narrow, Random(number))[1].split()[0] for number in range(30)}
    assert words == {"insert", "delete"}


def test_an_edit_of_the_spaces_own_is_drawn_like_the_others() -> None:
    def to_tanh(draft: Draft, space: SearchSpace, random: Random) -> str:
        gates = [name for name, node in draft.nodes.items() if node.op == "sigmoid"]
        name = random.choice(gates)
        draft.nodes[name] = dataclasses.replace(draft.nodes[name], op="tanh")
        return f"let {name} be a tanh"

    own = dataclasses.replace(SPACE, edits={"to tanh": to_tanh})
    edited, words = mutate(LSTM, own, Random(0))
    assert edited.nodes[words.split()[1]].op == "tanh"


def test_a_space_without_edits_is_refused() -> None:
    with pytest.raises(CellError, match="search space 'gated': it has no edits; allow some of insert node, "):
        dataclasses.replace(SPACE, edits={})
