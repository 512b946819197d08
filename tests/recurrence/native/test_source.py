"""The text that a compiler gets is numbers and the table's names, and the same for cells of the same structure."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

import pytest
import torch
from hypothesis import given, settings

from cellsearch.cell import INPUT, Cell, Node, from_equations
from cellsearch.cell.functions import FUNCTIONS
from cellsearch.recurrence.native.build import library
from cellsearch.recurrence.native.compiled_cell import compiled_cell
from cellsearch.recurrence.native.source import source
from cellsearch.recurrence.program.program import program
from cellsearch.recurrence.structured import plain
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import LSTM
from cellsearch_search_spaces.nasbench_nlp import SAMPLERS
from tests.helpers.recurrence.examples import KNOWN

NUMBERED = re.compile(r"[pvsw]\d+")
WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        include steps h static void const long real vector series product if for pragma omp parallel num_threads
        schedule all run T H I B t b j i r v bases sums sums_size rows scratch first last from to begin end total part
        row forward reverse forward_slice reverse_slice width chunk slices units input_width multiply multiply_steps
        weights vectors arrays scratch_size AT WIDTH LOWEST load store splat v_only v_or v_total v_largest group_mean
        """,
    )
)
"""All that a text may be made of, beside numbers, numbered variables and functions of the table."""

HOSTILE = ("int", "double", "vector", "r", "bases", "system", "exit", "v0", "p0", "forward", "main", "WIDTH", "include")
"""Names that a cell may have, which would break or change a program that they got into."""


@pytest.mark.parametrize("cell", [LSTM, *KNOWN.values()], ids=lambda cell: cell.name)
def test_a_text_is_made_of_numbers_and_the_tables_names(cell: Cell) -> None:
    _assert_plain(_text(_renamed(cell, HOSTILE)))


@given(cells())
@settings(max_examples=25)
def test_names_of_a_random_cell_never_reach_the_text(cell: Cell) -> None:
    text = _text(cell)
    _assert_plain(text)
    assert _text(_renamed(cell, HOSTILE)) == text


def test_cells_of_the_same_structure_share_one_library() -> None:
    cell = SAMPLERS[1, 7](Random(3))
    before = library.cache_info().currsize
    made, other = (compiled_cell(plain(each.resolved(4, 4)), torch.float64) for each in (cell, _renamed(cell, HOSTILE)))
    assert made is not other
    assert made.source.text == other.source.text
    assert library.cache_info().currsize <= before + 2  # the cell's and, if it is the first, that of the products


def test_a_constant_is_a_number_that_means_the_same_in_c() -> None:
    for constant in (0.1, -1e-300, 1e300, -0.0, 3.0, 1 / 3, 5e-324):
        nodes = {"a": Node("linear", ("x", "h")), "b": Node("times_constant", ("a",), constant=constant)}
        text = _text(Cell("constant", nodes, {"h": "b"}, "b"))
        _assert_plain(text)
        assert f"(real){constant!r}" in text


def test_another_structure_is_another_text() -> None:
    texts = [
        _text(from_equations("one", f"h_next = {op}(linear(x, h))", ["h"], "h_next"))
        for op in ("tanh", "sigmoid", "layer_norm", "identity")
    ]
    assert len(set(texts)) == len(texts)


def _text(cell: Cell) -> str:
    return source(program(plain(cell.resolved(4, 4)))).text


def _assert_plain(text: str) -> None:
    assert text.isascii()
    assert set(re.findall(r"#\s*\w+", text)) <= {"#include", "#pragma"}
    assert re.findall(r'"[^"]*"', text) == ['"steps.h"']
    numbers = re.compile(r"(?<![\w.])\d+(\.\d+)?(e[+-]?\d+)?")
    words = set(re.findall(r"[A-Za-z_]\w*", numbers.sub(" ", text)))
    functions = {f"v_{name}" for name in FUNCTIONS}
    assert {word for word in words if not NUMBERED.fullmatch(word)} <= WORDS | functions


def _renamed(cell: Cell, names: tuple[str, ...]) -> Cell:
    """The same cell with these names, in turn with a number behind them once all are used."""
    every = [*cell.states, *cell.nodes]
    called = {INPUT: INPUT} | {
        name: names[i] if i < len(names) else f"{names[i % len(names)]}_{i}" for i, name in enumerate(every)
    }
    nodes = {
        called[name]: replace(node, operands=tuple(called[operand] for operand in node.operands))
        for name, node in cell.nodes.items()
    }
    states = {called[state]: called[following] for state, following in cell.states.items()}
    return Cell('"; system("true"); //', nodes, states, called[cell.output])
