"""The expression language: substitution keeps precedence, and torch source means what the expression says."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

import torch
from hypothesis import given
from hypothesis import strategies as st

from cellsearch.cell import OPS
from cellsearch.cell.expression import constants, parse, substitute, torch_source

VALUES = {"a": 0.5, "b": -2.0, "c": 3.0}

PLAIN = {"tanh": math.tanh, "maximum": max, "relu": lambda a: max(a, 0.0)}
"""Functions of the language as Python has them."""


def expressions() -> st.SearchStrategy[str]:
    """Expressions in a, b and c, with brackets wherever they are drawn."""
    leaves = st.sampled_from(list(VALUES))
    return st.recursive(leaves, _larger, max_leaves=8)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(
        ["{} + {}", "{} - {}", "{} * {}", "({} - {})", "({} + {})", "2 * -{} * {}", "maximum({}, {})", "{} - 0.25 - {}"]
    )
    pairs = st.builds(str.format, signs, inner, inner)
    return pairs | st.builds("tanh({})".format, inner) | st.builds("relu({})".format, inner)


def _value(text: str, names: Mapping[str, float]) -> float:
    return float(eval(text, {**PLAIN, **names}))


def test_a_substituted_sum_is_put_in_parentheses() -> None:
    tree = substitute("a * b", {"a": parse("p + q"), "b": ast.Name("r")})
    assert ast.unparse(tree) == "(p + q) * r"


def test_a_substituted_difference_keeps_its_place() -> None:
    tree = substitute("1 - a", {"a": parse("p - q")})
    assert ast.unparse(tree) == "1 - (p - q)"


@given(expressions(), expressions(), expressions())
def test_a_substituted_expression_has_the_value_that_its_name_had(text: str, first: str, second: str) -> None:
    tree = substitute(text, {"a": parse(first), "b": parse(second), "c": ast.Name("q")})
    expected = _value(text, {"a": _value(first, VALUES), "b": _value(second, VALUES), "c": -1.25})
    assert _value(ast.unparse(tree), {**VALUES, "q": -1.25}) == expected


@given(expressions())
def test_torch_source_has_the_value_of_the_expression(text: str) -> None:
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in VALUES.items()}
    found = eval(torch_source(parse(text)), {"torch": torch, **tensors})
    torch.testing.assert_close(found, torch.tensor(_value(text, VALUES), dtype=torch.float64))


def test_functions_are_not_substituted() -> None:
    tree = substitute("tanh(a)", {"a": ast.Name("tanh"), "tanh": ast.Name("wrong")})
    assert ast.unparse(tree) == "tanh(tanh)"


def test_substitution_leaves_the_expression_as_it_was() -> None:
    before = ast.unparse(parse("a + b"))
    substitute("a + b", {"a": ast.Name("p")})
    torch_source(parse("a + b"))
    assert ast.unparse(parse("a + b")) == before


def test_torch_source_of_nested_functions() -> None:
    assert torch_source(parse("sigmoid(tanh(a) * b)")) == "torch.sigmoid(torch.tanh(a) * b)"


def test_a_function_of_an_expression_treats_it_as_one_value() -> None:
    a, b = torch.randn(2, 3), torch.randn(2, 3)
    value = eval(torch_source(parse("normalize(a + b)")), {"torch": torch, "a": a, "b": b})
    torch.testing.assert_close(value, torch.nn.functional.layer_norm(a + b, [3]))


def test_a_function_of_two_arguments_has_a_place_for_each() -> None:
    assert torch_source(parse("maximum(a, b) * larger(a - b, tanh(b))")) == (
        "torch.maximum(a, b) * torch.heaviside(a - b - torch.tanh(b), torch.full_like(a - b, 0.5))"
    )


def test_the_constant_of_a_node_stands_for_k() -> None:
    row = OPS["times_constant"]
    assert ast.unparse(substitute(row.value, constants(row, -0.5))) == "-0.5 * a"
    assert constants(OPS["tanh"], 1.0) == {}
