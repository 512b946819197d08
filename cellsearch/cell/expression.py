"""The expression language of the table of operations, as Python syntax trees: substitute, then print as needed."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from cellsearch.cell.functions import FUNCTIONS
from cellsearch.cell.ops import Op
from cellsearch.errors import CellError

__all__ = ["constants", "jax_source", "onnx_source", "parse", "replaced", "substitute", "torch_source"]


@cache
def parse(expression: str) -> ast.expr:
    """The syntax tree of one expression. Trees are shared: never change one, `substitute` makes a new one."""
    return ast.parse(expression, mode="eval").body


def substitute(expression: str, names: Mapping[str, ast.expr]) -> ast.expr:
    """The expression's tree with every name of `names` replaced; functions and other names stay."""
    return replaced(ast.parse(expression, mode="eval").body, names)


def replaced(tree: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """A tree that nobody shares with every name of `names` replaced, in place; functions and other names stay."""
    return _Substitution(names).visit(tree)  # type: ignore[no-any-return]


def torch_source(tree: ast.expr) -> str:
    """The tree as torch source: `sigmoid(a)` becomes `torch.sigmoid(a)`."""
    return _source("torch", tree)


def jax_source(tree: ast.expr) -> str:
    """The tree as JAX source: `sigmoid(a)` becomes `jax.nn.sigmoid(a)`."""
    return _source("jax", tree)


def onnx_source(tree: ast.expr) -> str:
    """The tree by ONNX's operators: `softmax(a)` becomes `Softmax(a, axis=-1)` (see `functions`)."""
    return _source("onnx", tree)


def _source(language: str, tree: ast.expr) -> str:
    return ast.unparse(_Functions(language).visit(ast.parse(ast.unparse(tree), mode="eval").body))


def constants(row: Op, constant: float) -> dict[str, ast.expr]:
    """The constant of a node with this row, by the letter that stands for it in the row's expressions."""
    return {} if row.constant is None else {"k": ast.Constant(constant)}


class _Substitution(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


class _Functions(ast.NodeTransformer):
    def __init__(self, language: str) -> None:
        self.language = language

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        function = FUNCTIONS[node.func.id]
        arguments = [self.visit(argument) for argument in node.args]
        text: str = getattr(function, self.language)
        if text:
            return ast.parse(text.format(*map(ast.unparse, arguments)), mode="eval").body
        if not function.definition:
            known = "it is written for torch alone, so that source and torch are what it can be exported as"
            raise CellError(f"operation {node.func.id!r} has no form in {self.language}: {known}")
        defined: ast.expr = self.visit(ast.parse(function.definition, mode="eval").body)
        return replaced(defined, {"a": arguments[0]})
