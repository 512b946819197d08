"""The expression language: substitution keeps precedence, and torch source means what the expression says."""

from __future__ import annotations

import ast

import torch

from cellsearch.cell import OPS
from cellsearch.cell.expression import constants, parse, substitute, torch_source


def test_a_substituted_sum_is_put_in_parentheses() -> None:
    tree = substitute("a * b", {"a": parse("p + q"), "b": ast.Name("r")})
    assert ast.unparse(tree) == "(p + q) * r"


def test_a_substituted_difference_keeps_its_place() -> None:
    tree = substitute("1 - a", {"a": parse("p - q")})
    assert ast.unparse(tree) == "1 - (p - q)"


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
