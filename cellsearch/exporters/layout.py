"""Any statement laid out within a line's length, broken as ruff does where it would be too long."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["WIDTH", "assignment", "listed", "returned"]

WIDTH: Final = 100
"""Columns of an exported file."""

INDENT: Final = 4

SIGNS: Final[Mapping[type[ast.operator], str]] = MappingProxyType(
    {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.MatMult: "@"}
)


def assignment(target: str, value: ast.expr, indent: int) -> list[str]:
    """The lines of `target = value`, broken as ruff does where they would be too long."""
    flat = " " * indent + f"{target} = {ast.unparse(value)}"
    if len(flat) <= WIDTH or not isinstance(value, ast.Call | ast.BinOp):
        return [flat]
    if isinstance(value, ast.Call):
        return _broken(value, indent, f"{target} = ", "")
    return [" " * indent + f"{target} = (", *_block(value, indent + INDENT), " " * indent + ")"]


def returned(value: ast.expr, indent: int) -> list[str]:
    """The lines of `return value`."""
    return _block(value, indent, "return ")


def listed(before: str, names: list[str], after: str) -> list[str]:
    """The lines of `before (a, b) after`, a name a line if it would be too long."""
    bare = not before and len(names) > 1
    inside = f"{', '.join(names)}{',' if len(names) == 1 else ''}"
    flat = f"        {before}{inside if bare else f'({inside})'}{after}"
    if len(flat) <= WIDTH:
        return [flat]
    return [f"        {before}(", *(f"            {name}," for name in names), f"        ){after}"]


def _block(value: ast.expr, indent: int, before: str = "", after: str = "") -> list[str]:
    """The lines of an expression inside brackets, `before` in front of the first and `after` behind the last."""
    flat = " " * indent + before + ast.unparse(value) + after
    if len(flat) <= WIDTH or not isinstance(value, ast.Call | ast.List | ast.BinOp):
        return [flat]
    return _broken(value, indent, before, after)


def _broken(value: ast.Call | ast.List | ast.BinOp, indent: int, before: str, after: str) -> list[str]:
    margin = " " * indent
    if isinstance(value, ast.List):
        inner = [line for each in value.elts for line in _block(each, indent + INDENT, after=",")]
        return [f"{margin}{before}[", *inner, f"{margin}]{after}"]
    if isinstance(value, ast.Call):
        comma = "," if len(value.args) > 1 else ""
        inner = [line for each in value.args for line in _block(each, indent + INDENT, after=comma)]
        return [f"{margin}{before}{ast.unparse(value.func)}(", *inner, f"{margin}){after}"]
    text: list[str] = []
    for sign, term in _terms(value):
        start = f"{sign} " if sign else before
        bare = f"{margin}{start}({ast.unparse(term)})"
        if isinstance(term, ast.BinOp) and _level(term) <= _level(value):
            text += (
                [bare] if len(bare) <= WIDTH else [f"{margin}{start}(", *_block(term, indent + INDENT), f"{margin})"]
            )
        else:
            text += _block(term, indent, start)
    text[-1] += after
    return text


def _terms(value: ast.BinOp) -> list[tuple[str, ast.expr]]:
    """The operands of a chain `a + b - c` with the signs in front of them."""
    sign = SIGNS[type(value.op)]
    left = value.left
    chained = isinstance(left, ast.BinOp) and _level(left) == _level(value)
    first = _terms(left) if chained and isinstance(left, ast.BinOp) else [("", left)]
    return [*first, (sign, value.right)]


def _level(value: ast.BinOp) -> int:
    return 2 if isinstance(value.op, ast.Mult | ast.Div | ast.FloorDiv | ast.MatMult) else 1
