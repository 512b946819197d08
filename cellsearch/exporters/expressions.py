"""A node of a cell as an expression of a language: what the table has for it, its operands written in place."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

from cellsearch.cell import INPUT, Cell, Node
from cellsearch.cell.expression import constants, substitute
from cellsearch.cell.notation.symbols import learned
from cellsearch.exporters.names import PROJECTED
from cellsearch.exporters.products import ahead

__all__ = ["Language", "own", "tree"]


@dataclass(frozen=True)
class Language:
    """How a language writes an operation, by its name, and the product of a linear's matrix with an operand."""

    operation: Callable[[str], str]
    product: Callable[[Node, ast.expr, ast.expr], ast.expr]


def tree(cell: Cell, name: str, variables: Mapping[str, str], language: Language) -> ast.expr:
    """The expression of a node: operands that have a variable by that, the others written out in place."""
    node = cell.nodes[name]

    def operand(each: str) -> ast.expr:
        if each == INPUT and not node.row.is_linear:
            return ast.Name(PROJECTED)
        return ast.Name(variables[each]) if each in variables else tree(cell, each, variables, language)

    if node.row.is_linear:
        return _linear(cell, name, operand, language)
    operands = [operand(each) for each in node.operands]
    known = dict(zip("abc", operands, strict=False)) | constants(node.row, node.constant)
    known |= zip(node.parameters(), map(own, learned(cell).get(name, ())), strict=True)
    return substitute(language.operation(node.op), known)


def own(attribute: str) -> ast.expr:
    """An attribute of the class that is written."""
    return ast.Attribute(ast.Name("self"), attribute)


def _linear(cell: Cell, name: str, operand: Callable[[str], ast.expr], language: Language) -> ast.expr:
    """The sum of a linear's products, by their variables where they have one, and of its bias where none holds it."""
    known, (*weights, bias) = ahead(cell), learned(cell)[name]
    terms: list[ast.expr] = []
    for place, (weight, each) in enumerate(zip(weights, cell.nodes[name].operands, strict=True)):
        product = known.get((name, place))
        variable = ast.Name(product.variable) if product else None
        terms.append(variable or language.product(cell.nodes[name], own(weight), operand(each)))
    if not any(product.has_bias for (node, _), product in known.items() if node == name):
        terms.append(own(bias))
    return reduce(lambda total, term: ast.BinOp(total, ast.Add(), term), terms)
