"""A graph grows from expressions: safe names, each value once, constants once, 1 / a as what it is."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from cellsearch.cell import OPS
from cellsearch.cell.expression import onnx_source, parse
from cellsearch.exporters.onnx.graph import Graph, Names


def graph() -> Graph:
    return Graph(np.dtype("float32"), 6)


def tree(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def test_names_are_letters_digits_and_lines_and_differ() -> None:
    names = Names()
    assert [names.new(each) for each in ("h", "h", 'a"\n.b', "h_2", "\u65e5")] == ["h", "h_2", "a___b", "h_2_2", "_"]


def test_what_is_written_twice_is_computed_once_and_a_number_is_one_array() -> None:
    made = graph()
    made.expression(tree("Tanh(a + 1) * Tanh(a + 1) + 1"), {"a": "a"}, "v")
    assert [node.op for node in made.nodes] == ["Add", "Tanh", "Mul", "Add"]
    assert [array.tolist() for array in made.arrays.values()] == [1.0]


def test_a_list_holds_whole_numbers_of_the_hidden_size() -> None:
    made = graph()
    made.expression(tree("Reshape(a, [0, math.gcd(4, hidden_size), -1])"), {"a": "a"}, "v")
    (array,) = made.arrays.values()
    assert array.tolist() == [0, 2, -1] and array.dtype == np.int64


def test_the_body_of_a_loop_shares_names_and_arrays_and_no_values() -> None:
    outer = graph()
    outer.expression(tree("a + 1"), {"a": "a"}, "v")
    body = Graph(outer.dtype, 6, outer)
    assert body.expression(tree("a + 1"), {"a": "a"}, "v") == "v_2"
    assert len(outer.arrays) == 1


def test_a_reciprocal_is_no_division() -> None:
    made = graph()
    made.expression(tree("1 / a"), {"a": "a"}, "v")
    assert [node.op for node in made.nodes] == ["Reciprocal"]


@pytest.mark.parametrize("op", [row.name for row in OPS.values() if not row.is_linear])
def test_every_row_of_the_table_has_a_form(op: str) -> None:
    row, made = OPS[op], graph()
    source = (
        parse(onnx_source(parse(row.value.replace("k", "2")))) if row.constant else parse(onnx_source(parse(row.value)))
    )
    made.expression(source, {letter: letter for letter in ("a", "b", "c", *row.parameters)}, "v")
    assert made.nodes or op == "identity"
