"""A cell's lines as expressions, and an expression as text or LaTeX with the parentheses that it needs.

The expressions are Python's syntax trees: `*` multiplies elementwise, `@` is a matrix or a number times a vector, and
a name is a symbol's text.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Final

from cellsearch.cell.cell import Cell
from cellsearch.cell.expression import constants, substitute
from cellsearch.cell.notation.statements import next_of, stated
from cellsearch.cell.notation.symbols import OUTPUT, learned, symbols

__all__ = ["TEXT", "TEXT_FUNCTIONS", "Style", "statements", "value", "write"]

SUM, PRODUCT, APPLICATION, ATOM = range(1, 5)
"""How tightly an expression holds together."""


def statements(cell: Cell) -> list[tuple[str, ast.expr]]:
    """(what is defined, its expression) of each line, in the symbols' text; h' is the next value of h."""
    following = next_of(cell)
    named = {name: str(symbol) for name, symbol in symbols(cell).items()}
    named |= {name: f"{named[state]}'" for name, state in following.items()}

    def tree(name: str) -> ast.expr:
        return value(cell, name, [ast.Name(named[o]) if o in named else tree(o) for o in cell.nodes[name].operands])

    found = [(named[line], tree(line)) for line in stated(cell)]
    shared = [(state, name) for state, name in cell.states.items() if following[name] != state]
    found += [(f"{named[state]}'", ast.Name(named[name])) for state, name in shared]
    return found if named[cell.output] == OUTPUT else [*found, (OUTPUT, ast.Name(named[cell.output]))]


def value(cell: Cell, name: str, operands: list[ast.expr]) -> ast.expr:
    """What a node computes of its operands, in the symbols of its learned arrays."""
    node, arrays = cell.nodes[name], learned(cell)
    if node.row.is_linear:
        return _linear(operands, [ast.Name(array) for array in arrays[name]])
    vectors = dict(zip(node.parameters(), map(ast.Name, arrays.get(name, ())), strict=True))
    return substitute(
        node.row.value, dict(zip("abc", operands, strict=False)) | vectors | constants(node.row, node.constant)
    )


def _linear(operands: list[ast.expr], arrays: list[ast.Name]) -> ast.expr:
    """The matrices times their operands, plus the bias."""
    *matrices, bias = arrays
    products = [ast.BinOp(matrix, ast.MatMult(), each) for matrix, each in zip(matrices, operands, strict=True)]
    return reduce(lambda left, right: ast.BinOp(left, ast.Add(), right), [*products, bias])


@dataclass(frozen=True)
class Style:
    """How signs, names, numbers and functions look; `{}` is the place of an argument."""

    name: Callable[[str], str]
    number: Callable[[float], str]
    call: Callable[[str, list[str]], str]
    parentheses: str
    plus: str
    minus: str
    times: str
    over: str
    applied: str


TEXT_FUNCTIONS: Final = {"sigmoid": "σ", "maximum": "max", "minimum": "min", "choose": "where", "level": "mean"}

TEXT: Final = Style(
    name=str,
    number=lambda number: repr(number).removesuffix(".0"),
    call=lambda function, arguments: f"{TEXT_FUNCTIONS.get(function, function)}({', '.join(arguments)})",
    parentheses="({})",
    plus=" + ",
    minus=" − ",
    times=" ⊙ ",
    over=" / ",
    applied=" ",
)
"""Equations for a terminal or a docstring."""


def write(tree: ast.expr, style: Style) -> str:
    """The expression in a style."""
    return _written(tree, style)[0]


def _written(tree: ast.expr, style: Style) -> tuple[str, int]:
    """The expression and how tightly it holds together."""

    def within(operand: ast.expr, least: int) -> str:
        text, level = _written(operand, style)
        return text if level >= least else style.parentheses.format(text)

    match _tidied(tree):
        case ast.Name(name):
            return style.name(name), ATOM
        case ast.Constant(int() | float() as number):
            return style.number(number), ATOM
        case ast.Call(ast.Name(function), arguments):
            return style.call(function, [write(argument, style) for argument in arguments]), ATOM
        case ast.UnaryOp(ast.USub(), operand):
            return f"{style.minus.strip()}{within(operand, PRODUCT)}", SUM
        case ast.BinOp(left, ast.Add(), right):
            added, negative = within(right, SUM), style.minus.strip()
            sign = style.minus if added.startswith(negative) else style.plus
            return f"{within(left, SUM)}{sign}{added.removeprefix(negative)}", SUM
        case ast.BinOp(left, ast.Sub(), right):
            return f"{within(left, SUM)}{style.minus}{within(right, PRODUCT)}", SUM
        case ast.BinOp(left, ast.Mult(), right):
            return f"{within(left, PRODUCT)}{style.times}{within(right, PRODUCT)}", PRODUCT
        case ast.BinOp(left, ast.Div(), right):
            return f"{within(left, PRODUCT)}{style.over}{within(right, ATOM)}", PRODUCT
        case ast.BinOp(left, ast.MatMult(), right):
            scaled = isinstance(left, ast.Constant) and not isinstance(
                getattr(_tidied(right), "left", None), ast.Constant
            )
            least = APPLICATION if scaled else ATOM
            return f"{within(left, ATOM)}{style.applied}{within(right, least)}", APPLICATION
    raise AssertionError(f"no expression of the table: {ast.dump(tree)}")


def _tidied(tree: ast.expr) -> ast.expr:
    """The expression with a number in front of a product applied to it, quotients, and no two signs in a row."""
    match tree:
        case ast.Constant(int() | float() as number) if number < 0:
            return ast.UnaryOp(ast.USub(), ast.Constant(-number))
        case ast.BinOp(
            ast.Constant(int() | float() as number), ast.Mult(), ast.BinOp(ast.Constant(1), ast.Div(), below)
        ):
            quotient = ast.BinOp(ast.Constant(abs(number)), ast.Div(), below)
            return ast.UnaryOp(ast.USub(), quotient) if number < 0 else quotient
        case ast.BinOp(ast.Constant(int() | float() as number), ast.Mult(), right):
            size = right if abs(number) == 1 else ast.BinOp(ast.Constant(abs(number)), ast.MatMult(), right)
            return _tidied(ast.UnaryOp(ast.USub(), size) if number < 0 else size)
        case ast.BinOp(above, ast.Mult(), ast.BinOp(ast.Constant(1), ast.Div(), below)) | ast.BinOp(
            ast.BinOp(ast.Constant(1), ast.Div(), below), ast.Mult(), above
        ):
            return ast.BinOp(above, ast.Div(), below)
        case ast.BinOp(left, ast.Sub(), right):
            match _tidied(right):
                case ast.UnaryOp(ast.USub(), positive):
                    return ast.BinOp(left, ast.Add(), positive)
        case ast.UnaryOp(ast.USub(), operand):
            match _tidied(operand):
                case ast.UnaryOp(ast.USub(), positive):
                    return _tidied(positive)
    return tree
