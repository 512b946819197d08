"""A node of a cell as an expression of torch, and any expression laid out within a line's length."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import Final

from cellsearch.cell import INPUT, OPS, Cell
from cellsearch.cell.expression import constants, parse, substitute, torch_source
from cellsearch.cell.notation.symbols import learned
from cellsearch.exporters.names import PROJECTED
from cellsearch.exporters.source.products import ahead

__all__ = ["WIDTH", "assignment", "returned", "tree"]

WIDTH: Final = 100
"""Columns of an exported file."""

INDENT: Final = 4


def tree(cell: Cell, name: str, variables: Mapping[str, str]) -> ast.expr:
    """The expression of a node: operands that have a variable by that, the others written out in place."""
    node = cell.nodes[name]

    def operand(each: str) -> ast.expr:
        if each == INPUT and not node.row.is_linear:
            return ast.Name(PROJECTED)
        return ast.Name(variables[each]) if each in variables else tree(cell, each, variables)

    if node.row.is_linear:
        return _linear(cell, name, operand)
    operands = [operand(each) for each in node.operands]
    known = dict(zip("abc", operands, strict=False)) | constants(node.row, node.constant)
    known |= zip(node.parameters(), map(_own, learned(cell).get(name, ())), strict=True)
    return substitute(_in_torch(node.op), known)


def _linear(cell: Cell, name: str, operand: Callable[[str], ast.expr]) -> ast.expr:
    """The sum of a linear's products, by their variables where they have one, and of its bias where none holds it."""
    known, (*weights, bias) = ahead(cell), learned(cell)[name]
    terms: list[ast.expr] = []
    for place, (weight, each) in enumerate(zip(weights, cell.nodes[name].operands, strict=True)):
        product = known.get((name, place))
        terms.append(ast.Name(product.variable) if product else ast.Call(_own(weight), [operand(each)], []))
    if not any(product.has_bias for (node, _), product in known.items() if node == name):
        terms.append(_own(bias))
    return reduce(lambda total, term: ast.BinOp(total, ast.Add(), term), terms)


def _own(attribute: str) -> ast.expr:
    return ast.Attribute(ast.Name("self"), attribute)


@cache
def _in_torch(op: str) -> str:
    """The row's expression in torch, an operand's size known to be the hidden size."""
    source = torch_source(parse(OPS[op].value)).replace("torch.nn.functional.", "F.").replace("user.", "")
    source = re.sub(r"\b[abc]\.shape\[-1:\]", "[self.hidden_size]", source)
    source = re.sub(r"\b[abc]\.shape\[-1\]", "self.hidden_size", source)
    return re.sub(r"^weight \* (F\.rms_norm\(.*), None,", r"\1, weight,", source)  # which is read back as it is


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
    sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//"}[type(value.op)]
    left = value.left
    chained = isinstance(left, ast.BinOp) and _level(left) == _level(value)
    first = _terms(left) if chained and isinstance(left, ast.BinOp) else [("", left)]
    return [*first, (sign, value.right)]


def _level(value: ast.BinOp) -> int:
    return 2 if isinstance(value.op, ast.Mult | ast.Div | ast.FloorDiv) else 1
