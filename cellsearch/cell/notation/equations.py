"""Cells as equations: read a seed written like its paper, and print any cell the same way.

Reading: one Python assignment a line. Calls are operations of the table, `+ - *` are sum, difference and product,
`1 - a` is one_minus, `0.5 * a`, `a / 2`, `-a` and `a + 2` are times_constant and plus_constant, `1 / a` is reciprocal
and `a / b` is a product with one, and assigning `c_next` makes `c` a state. A call may say where its bias starts, and
give the operation's constant:

    forget = sigmoid(linear(x, h, bias=1))
    c_next = forget * c + (1 - forget) * tanh(low_rank_linear(h, constant=4) + linear(x))

Printing: W multiplies the input, U what comes from a state, ⊙ and / work elementwise, and c' is the next c.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.cell.expression import replaced
from cellsearch.cell.node import Node, free_name
from cellsearch.cell.notation.expressions import TEXT, statements, write
from cellsearch.cell.notation.latex import latex as latex_lines
from cellsearch.cell.notation.symbols import symbols
from cellsearch.cell.ops import OPS
from cellsearch.errors import CellError

__all__ = ["NEXT", "equations", "equations_in_brief", "from_equations"]

NEXT: Final = "_next"
"""Ending of the node that is a state's next value."""

KEYWORDS: Final = {"bias": "initial_bias", "constant": "constant"}
"""Number of a node by the word that sets it in a call."""

INLINED: Final = 400
"""Names, numbers and signs of a value that stands inside the line in brief, at most."""

ARITHMETIC: Final = {ast.Add: "sum", ast.Sub: "difference", ast.Mult: "product"}


def from_equations(name: str, text: str, states: Sequence[str], output: str) -> Cell:
    """The cell that a few equations describe. Raises CellError if they are not understood or break a rule."""
    try:
        lines = ast.parse("\n".join(line.strip() for line in text.splitlines())).body
    except SyntaxError as error:
        raise CellError(f"cell {name!r}: {error.msg} in equation {(error.text or '').strip()!r}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise CellError(f"cell {name!r}: its equations cannot be read: {error}; write shorter ones") from None
    reader = _EquationReader(name)
    for line in lines:
        if not (isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name)):
            raise CellError(f"cell {name!r}: {ast.unparse(line)!r} is no equation; write `name = expression`")
        target = line.targets[0].id
        reader.define(target, line.value, stem=target.removesuffix(NEXT))
    return Cell(name, reader.nodes, {state: state + NEXT for state in states}, output)


class _EquationReader:
    """Turns expressions into nodes; an inner node is named after the equation that it stands in."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.nodes: dict[str, Node] = {}
        self.open: set[str] = set()

    def define(self, target: str, expression: ast.expr, stem: str) -> None:
        op, operands, numbers = self._split(expression)
        inner = tuple(self._operand(operand, stem) for operand in operands)
        if target in self.nodes:
            raise CellError(f"cell {self.cell!r}: {target!r} is defined twice; rename one")
        self.nodes[target] = Node(op, inner, **numbers)

    def _operand(self, expression: ast.expr, stem: str) -> str:
        if isinstance(expression, ast.Name):
            return expression.id
        op, _, _ = self._split(expression)
        name = free_name(f"{stem}_{op}", self.nodes.keys() | self.open)
        self.open.add(name)
        self.define(name, expression, stem)
        return name

    def _split(self, expression: ast.expr) -> tuple[str, list[ast.expr], dict[str, float]]:
        """The expression's outermost operation, its operands, and the numbers of its node."""
        match expression:
            case ast.Name(operand):
                return "identity", [ast.Name(operand)], {}
            case ast.UnaryOp(ast.USub(), operand) if _number(operand) is None:
                return "times_constant", [operand], {"constant": -1.0}
            case ast.BinOp(left, (ast.Add() | ast.Sub() | ast.Mult()) as sign, right):
                if _number(left) is None and _number(right) is None:
                    return ARITHMETIC[type(sign)], [left, right], {}
                return self._with_constant(expression, left, sign, right)
            case ast.BinOp(left, ast.Div(), right):
                return self._quotient(expression, left, right)
            case ast.Call(ast.Name(op), operands, keywords):
                numbers = {KEYWORDS.get(each.arg or "", ""): _number(each.value) for each in keywords}
                if "" not in numbers and None not in numbers.values():
                    return op, operands, {name: float(number or 0) for name, number in numbers.items()}
        raise self._not_understood(expression)

    def _with_constant(
        self, expression: ast.expr, left: ast.expr, sign: ast.operator, right: ast.expr
    ) -> tuple[str, list[ast.expr], dict[str, float]]:
        match _number(left), sign, _number(right):
            case None, ast.Mult(), float(k):
                return "times_constant", [left], {"constant": k}
            case float(k), ast.Mult(), None:
                return "times_constant", [right], {"constant": k}
            case None, ast.Add(), float(k):
                return "plus_constant", [left], {"constant": k}
            case float(k), ast.Add(), None:
                return "plus_constant", [right], {"constant": k}
            case None, ast.Sub(), float(k):
                return "plus_constant", [left], {"constant": -k}
            case 1.0, ast.Sub(), None:
                return "one_minus", [right], {}
            case float(k), ast.Sub(), None:
                return "plus_constant", [ast.UnaryOp(ast.USub(), right)], {"constant": k}
        raise self._not_understood(expression)

    def _quotient(
        self, expression: ast.expr, left: ast.expr, right: ast.expr
    ) -> tuple[str, list[ast.expr], dict[str, float]]:
        under = ast.Call(ast.Name("reciprocal"), [right], [])
        match _number(left), _number(right):
            case None, None:
                return "product", [left, under], {}
            case None, float(k):
                return "times_constant", [left], {"constant": 1 / k if k else math.inf}
            case 1.0, None:
                return "reciprocal", [right], {}
            case float(k), None:
                return "times_constant", [under], {"constant": k}
        raise self._not_understood(expression)

    def _not_understood(self, expression: ast.expr) -> CellError:
        return CellError(
            f"cell {self.cell!r}: {ast.unparse(expression)!r} is no expression of a cell; use names, + - * /, "
            f"1 - a, or a call of {', '.join(OPS)}"
        )


def _number(expression: ast.expr) -> float | None:
    """The number that the expression is, if it is one; too large an integer is infinite, which no cell admits."""
    match expression:
        case ast.Constant(bool()):
            return None
        case ast.Constant(int() | float() as number):
            return float(number) if abs(number) < 1e300 else math.inf
        case ast.UnaryOp(ast.USub(), operand):
            positive = _number(operand)
            return None if positive is None else -positive
    return None


def equations(cell: Cell, latex: bool = False) -> tuple[str, ...]:
    """The cell as lines of text or LaTeX: one for each activation, value used twice, next value and the output.

    Arithmetic and linears used once stand inside the line that uses them. Gates are recognised and have their letter;
    `legend` tells what the letters are. LaTeX comes without dollar signs, a formula a line.
    """
    expect_cell(cell)
    if latex:
        return latex_lines(cell)
    return tuple(f"{target} = {write(tree, TEXT)}" for target, tree in statements(cell))


def equations_in_brief(cell: Cell) -> str:
    """What the cell remembers and puts out, in one line: the next values' equations, and the output's if it is none.

    Values that nobody named stand inside the line, unless they are long, and numbers have four digits.
    """
    symbol = symbols(cell)
    shown = {f"{symbol[state]}'" for state in cell.states} | {str(symbol.get(cell.output))}
    style = replace(TEXT, number=lambda number: f"{number:.4g}")
    unnamed: dict[str, ast.expr] = {}
    found = []
    for target, tree in statements(cell):
        whole = replaced(tree, unnamed)
        if target in shown:
            found.append(f"{target} = {write(whole, style)}")
        elif re.fullmatch("v[0-9]+", target) and sum(1 for _ in ast.walk(whole)) <= INLINED:
            unnamed[target] = whole
    return ",  ".join(found)
