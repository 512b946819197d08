"""The table of operations: every row is complete, and its derivatives are those of its value."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from cellsearch.cell import LINEAR, OPS
from cellsearch.cell.expression import parse, torch_source
from cellsearch.cell.ops import Op

EXPRESSIONS = [row for row in OPS.values() if not row.is_linear]
OVER_HIDDEN_UNITS = ("layer_norm", "rms_norm", "normalize", "cumulative_softmax", "mean", "group_mean", "softmax")
K = {float: -1.5, int: 2, None: None}
every_row = pytest.mark.parametrize("row", OPS.values(), ids=list(OPS))
every_expression = pytest.mark.parametrize("row", EXPRESSIONS, ids=lambda row: row.name)


@every_row
def test_a_row_is_complete(row: Op) -> None:
    assert row.name.isidentifier()
    assert row.meaning
    assert row.arity().endswith("operand") or row.arity().endswith("operands")
    assert row.takes(row.least)
    assert not row.takes(row.least - 1)
    assert row.operations >= 0


@every_expression
def test_a_row_has_a_derivative_for_each_operand_and_parameter_and_for_nothing_else(row: Op) -> None:
    assert row.most == row.least
    assert set(row.derivatives) == {*"abc"[: row.least], *row.parameters}


@every_expression
def test_a_row_speaks_the_language_of_expressions(row: Op) -> None:
    known = {*"abc"[: row.least], *row.parameters, *("k" if row.constant else "")}
    assert _names(row.value) == known
    for text in row.derivatives.values():
        assert _names(text) <= known | {"y", "g"}


@every_expression
@pytest.mark.parametrize("seed", range(5))
def test_derivatives_are_those_of_autograd(row: Op, seed: int) -> None:
    """At values of some size, so that a hard sigmoid is at its ends, too."""
    torch.manual_seed(seed)
    operands = {letter: 3 * _drawn(row) for letter in "abc"[: row.least]}
    learned = {name: torch.randn(6, dtype=torch.float64) for name in row.parameters}
    inputs = {name: tensor.requires_grad_() for name, tensor in (operands | learned).items()}
    y = _evaluate(row.value, inputs | {"k": K[row.constant]})
    g = torch.randn_like(y)
    expected = dict(zip(inputs, torch.autograd.grad(y, list(inputs.values()), g, materialize_grads=True), strict=True))
    with torch.no_grad():
        for name, text in row.derivatives.items():
            gradient = _evaluate(text, {**inputs, "y": y, "g": g, "k": K[row.constant]})
            gradient = gradient.sum(0) if name in learned else gradient
            torch.testing.assert_close(gradient, expected[name], rtol=1e-12, atol=1e-12)


@every_expression
def test_operands_commute_exactly_where_the_row_says_so(row: Op) -> None:
    torch.manual_seed(0)
    values = {letter: _drawn(row) for letter in "abc"[: row.least]}
    learned = {name: torch.randn(6, dtype=torch.float64) for name in row.parameters}
    forward = _evaluate(row.value, values | learned | {"k": K[row.constant]})
    mirrored = dict(zip(values, reversed(values.values()), strict=True))
    backward = _evaluate(row.value, mirrored | learned | {"k": K[row.constant]})
    assert row.commutes == (row.least > 1 and torch.equal(forward, backward))


# One function over the hidden units stands for several operations.
@pytest.mark.parametrize(
    "row", [row for row in EXPRESSIONS if row.name not in OVER_HIDDEN_UNITS], ids=lambda row: row.name
)
def test_operations_count_what_the_expression_does(row: Op) -> None:
    steps = [node for node in ast.walk(parse(row.value)) if isinstance(node, ast.BinOp | ast.Call)]
    assert row.operations == len(steps)


def _drawn(row: Op) -> Tensor:
    """Numbers for which the operation is defined, [4, 6]."""
    drawn = torch.randn(4, 6, dtype=torch.float64)
    return drawn.abs() + 0.1 if row.domain == "positive" else drawn


def test_arity_in_words() -> None:
    assert OPS["tanh"].arity() == "1 operand"
    assert OPS["blend"].arity() == "3 operands"
    assert OPS[LINEAR].arity() == "1 or more operands"


def test_linear_takes_any_number_of_operands() -> None:
    assert [OPS[LINEAR].takes(count) for count in (0, 1, 2, 50)] == [False, True, True, True]


def test_the_linears_have_no_expression() -> None:
    assert [row.name for row in OPS.values() if row.is_linear] == [LINEAR, "block_linear", "low_rank_linear"]


def test_derivatives_of_equal_operands_are_those_of_autograd() -> None:
    a, b, g = torch.randn(3, 5).requires_grad_(), torch.randn(3, 5).requires_grad_(), torch.randn(3, 5)
    with torch.no_grad():
        b[:, ::2] = a[:, ::2]
    for op in ("maximum", "minimum"):
        expected = torch.autograd.grad(_evaluate(OPS[op].value, {"a": a, "b": b}), [a, b], g)
        found = [_evaluate(OPS[op].derivatives[letter], {"a": a, "b": b, "g": g}) for letter in "ab"]
        torch.testing.assert_close(found, list(expected))


def test_cumulative_softmax_rises_to_one() -> None:
    y = _evaluate(OPS["cumulative_softmax"].value, {"a": torch.tensor([[0.0, 1.0, -1.0]])})
    parts = torch.tensor([1, math.e, 1 / math.e])
    torch.testing.assert_close(y[0], torch.stack([parts[: i + 1].sum() for i in range(3)]) / parts.sum())


def test_gelu_is_the_exact_one() -> None:
    a = torch.tensor([-1.0, 0.5], dtype=torch.float64)
    expected = a * (1 + torch.erf(a / math.sqrt(2))) / 2
    torch.testing.assert_close(_evaluate(OPS["gelu"].value, {"a": a}), expected)


def _evaluate(text: str, names: Mapping[str, Tensor | float]) -> Tensor:
    value = eval(torch_source(parse(text)), {"math": math, "torch": torch, **names})
    shapes = [each.shape for each in names.values() if isinstance(each, Tensor)]
    return torch.broadcast_to(value, torch.broadcast_shapes(value.shape, *shapes))


def _calls(text: str) -> set[str]:
    return {node.func.id for node in ast.walk(parse(text)) if isinstance(node, ast.Call)}  # type: ignore[attr-defined]


def _names(text: str) -> set[str]:
    return {node.id for node in ast.walk(parse(text)) if isinstance(node, ast.Name)} - _calls(text)
