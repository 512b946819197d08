"""The functions of the expression language: torch computes each as its formula says, and so does its definition."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pytest
import torch
from torch import Tensor

from cellsearch.cell import OPS
from cellsearch.cell.expression import parse, torch_source
from cellsearch.cell.functions import FUNCTIONS

ELEMENTWISE: Final[Mapping[str, Callable[..., float]]] = {
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "tanh": math.tanh,
    "relu": lambda a: a if a > 0 else 0.0,
    "leaky_relu": lambda a: a if a > 0 else a / 100,
    "clip": lambda a: sorted([0.0, a, 1.0])[1],
    "exp": math.exp,
    "softplus": lambda a: math.log1p(math.exp(a)),
    "silu": lambda a: a / (1 + math.exp(-a)),
    "gelu": lambda a: a * math.erfc(-a / math.sqrt(2)) / 2,
    "sin": math.sin,
    "cos": math.cos,
    "log": lambda a: -math.inf if a == 0 else math.log(a) if a > 0 else math.nan,
    "sqrt": lambda a: math.sqrt(a) if a >= 0 else math.nan,
    "rsqrt": lambda a: math.inf if a == 0 else a**-0.5 if a > 0 else math.nan,
    "maximum": max,
    "minimum": min,
    "normal_cumulative": lambda a: math.erfc(-a / math.sqrt(2)) / 2,
    "positive": lambda a: 1.0 if a > 0 else 0.0,
    "choose": lambda a, b: b if a > 0 else a,
    "larger": lambda a, b: 1.0 if a > b else 0.5 if a == b else 0.0,
}
"""Functions of one element of each argument."""

OF_ROWS: Final[Mapping[str, Callable[[Sequence[float]], Sequence[float]]]] = {
    "row_sum": lambda row: [math.fsum(row)],
    "row_max": lambda row: [max(row)],
    "running_sum": lambda row: [math.fsum(row[: i + 1]) for i in range(len(row))],
    "reverse_sum": lambda row: [math.fsum(row[i:]) for i in range(len(row))],
    "row_mean": lambda row: [_mean(row)],
    "level": lambda row: [_mean(row)] * len(row),
    "is_positive": lambda row: [float(a > 0) for a in row],
    "group_mean": lambda row: [_mean(row[i // 2 * 2 : i // 2 * 2 + 2]) for i in range(len(row))],
    "softmax": lambda row: [1 / math.fsum(math.exp(b - a) for b in row) for a in row],
    "normalize": lambda row: [(a - _mean(row)) / math.sqrt(_variance(row) + 1e-5) for a in row],
    "inverse_deviation": lambda row: [1 / math.sqrt(_variance(row) + 1e-5)],
    "rms_normalize": lambda row: [a / math.sqrt(_mean([b * b for b in row]) + 1e-5) for a in row],
    "inverse_rms": lambda row: [1 / math.sqrt(_mean([b * b for b in row]) + 1e-5)],
}
"""Functions of a row of hidden units."""

ARGUMENTS: Final = {
    **dict.fromkeys(("maximum", "minimum", "larger"), "a, b"),
    "choose": "a, b, a",
    "group_mean": "a, 3",
}
"""What a function is applied to, if that is not a row alone."""

ROWS: Final = ((-30.0, -2.5, -1.0, 0.0, 0.5, 1.0), (0.25, -0.75, 3.5, 21.0, 2.0, 2.0))
OTHERS: Final = ((-30.0, 2.5, -1.5, 0.0, 1.0, 0.0), (0.25, -1.0, 7.0, 5.0, 2.0, -2.0))


def test_every_function_has_its_formula_here() -> None:
    assert {*ELEMENTWISE, *OF_ROWS} == set(FUNCTIONS)


def test_every_function_is_used_by_a_row_of_the_table() -> None:
    texts = [text for row in OPS.values() if row.value for text in (row.value, *row.derivatives.values())]
    texts += [function.definition for function in FUNCTIONS.values() if function.definition]
    assert {name for text in texts for name in _calls(text)} == set(FUNCTIONS)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_torch_computes_the_formula_for_each_element(name: str) -> None:
    formula, arguments = ELEMENTWISE[name], ARGUMENTS.get(name, "a")
    pairs = [list(zip(row, other, strict=True)) for row, other in zip(ROWS, OTHERS, strict=True)]
    expected = [[formula(*pair) if "b" in arguments else formula(pair[0]) for pair in row] for row in pairs]
    _check(_evaluate(f"{name}({arguments})"), expected)


@pytest.mark.parametrize("name", OF_ROWS)
def test_torch_computes_the_formula_for_each_row(name: str) -> None:
    _check(_evaluate(f"{name}({ARGUMENTS.get(name, 'a')})"), [OF_ROWS[name](row) for row in ROWS])


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.definition])
def test_a_definition_computes_the_formula(name: str) -> None:
    expected = [OF_ROWS[name](row) for row in ROWS]
    _check(_evaluate(FUNCTIONS[name].definition).expand(-1, len(expected[0])), expected)


def _check(found: Tensor, expected: Sequence[Sequence[float]]) -> None:
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-15, equal_nan=True
    )


def _evaluate(expression: str) -> Tensor:
    """The expression at ROWS and OTHERS."""
    a, b = (torch.tensor(rows, dtype=torch.float64) for rows in (ROWS, OTHERS))
    known = {"math": math, "torch": torch, "a": a, "b": b, "hidden_size": a.shape[1]}
    return eval(torch_source(parse(expression)), known)  # type: ignore[no-any-return]


def _mean(row: Sequence[float]) -> float:
    return math.fsum(row) / len(row)


def _variance(row: Sequence[float]) -> float:
    return _mean([(a - _mean(row)) ** 2 for a in row])


def _calls(text: str) -> set[str]:
    return {node.func.id for node in ast.walk(parse(text)) if isinstance(node, ast.Call)}  # type: ignore[attr-defined]
