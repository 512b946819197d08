"""A node of a cell as an expression of JAX."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from cellsearch.cell import OPS, Cell, Node
from cellsearch.cell.expression import jax_source, parse
from cellsearch.cell.ops import BLOCK_LINEAR, LOW_RANK_LINEAR
from cellsearch.exporters import expressions
from cellsearch.exporters.expressions import Language

__all__ = ["product", "tree"]


def tree(cell: Cell, name: str, variables: Mapping[str, str]) -> ast.expr:
    """The expression of a node; see `exporters.expressions`. Raises CellError if JAX has no form of it."""
    return expressions.tree(cell, name, variables, JAX)


def product(node: Node, matrix: ast.expr, operand: ast.expr) -> ast.expr:
    """A linear's matrix times an operand [.., I]: what multiplies stands transposed behind it."""
    if node.op == BLOCK_LINEAR:
        whole = ast.Call(parse("block_diag"), [ast.Starred(matrix)], [])
        return _times(operand, whole)
    if node.op == LOW_RANK_LINEAR:
        right, left = (ast.Subscript(matrix, ast.Constant(place)) for place in (0, 1))
        return _times(_times(operand, right), left)
    return _times(operand, matrix)


def _times(operand: ast.expr, matrix: ast.expr) -> ast.expr:
    return ast.BinOp(operand, ast.MatMult(), ast.Attribute(matrix, "T"))


@cache
def _in_jax(op: str) -> str:
    """The row's expression in JAX; an operand may be any expression, whose size the shape of a state tells."""
    return re.sub(r"\b[abc]\.shape", "shape", jax_source(parse(OPS[op].value)))


JAX: Final = Language(_in_jax, product)
