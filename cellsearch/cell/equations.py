"""Cells as equations: read a seed written like its paper, and print any cell the same way.

Reading: one Python assignment a line. Calls are operations of the table, `+ - *` are sum, difference and product,
`1 - a` is one_minus, and assigning `c_next` makes `c` a state. A linear may say where its bias starts:

    forget = sigmoid(linear(x, h, bias=1))
    c_next = forget * c + (1 - forget) * tanh(linear(x, h))

Printing: W multiplies the input, U a state, V another node, ⊙ is the elementwise product and c' the next c.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from cellsearch.cell.cell import Cell, Node
from cellsearch.cell.expression import substitute
from cellsearch.cell.lines import lines, matrices, next_of
from cellsearch.cell.ops import LINEAR, OPS
from cellsearch.errors import CellError

__all__ = ["NEXT", "equations", "from_equations"]

NEXT: Final = "_next"
"""Ending of the node that is a state's next value."""

ARITHMETIC: Final = {ast.Add: "sum", ast.Sub: "difference", ast.Mult: "product"}


def from_equations(name: str, text: str, states: Sequence[str], output: str) -> Cell:
    """The cell that a few equations describe. Raises CellError if they are not understood or break a rule."""
    try:
        lines = ast.parse("\n".join(line.strip() for line in text.splitlines())).body
    except SyntaxError as error:
        raise CellError(f"cell {name!r}: {error.msg} in equation {(error.text or '').strip()!r}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise CellError(f"cell {name!r}: its equations cannot be read: {error}; write shorter ones") from None
    reader = _Reader(name)
    for line in lines:
        if not (isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name)):
            raise CellError(f"cell {name!r}: {ast.unparse(line)!r} is no equation; write `name = expression`")
        target = line.targets[0].id
        reader.define(target, line.value, stem=target.removesuffix(NEXT))
    return Cell(name, reader.nodes, {state: state + NEXT for state in states}, output)


class _Reader:
    """Turns expressions into nodes; an inner node is named after the equation that it stands in."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.nodes: dict[str, Node] = {}
        self.open: set[str] = set()

    def define(self, target: str, expression: ast.expr, stem: str) -> None:
        op, operands, bias = self._split(expression)
        inner = tuple(self._operand(operand, stem) for operand in operands)
        if target in self.nodes:
            raise CellError(f"cell {self.cell!r}: {target!r} is defined twice; rename one")
        self.nodes[target] = Node(op, inner, bias)

    def _operand(self, expression: ast.expr, stem: str) -> str:
        if isinstance(expression, ast.Name):
            return expression.id
        op, _, _ = self._split(expression)
        name, number = f"{stem}_{op}", 2
        while name in self.nodes or name in self.open:
            name, number = f"{stem}_{op}_{number}", number + 1
        self.open.add(name)
        self.define(name, expression, stem)
        return name

    def _split(self, expression: ast.expr) -> tuple[str, list[ast.expr], float]:
        match expression:
            case ast.BinOp(ast.Constant(value=1), ast.Sub(), right):
                return "one_minus", [right], 0.0
            case ast.BinOp(left, (ast.Add() | ast.Sub() | ast.Mult()) as sign, right):
                return ARITHMETIC[type(sign)], [left, right], 0.0
            case ast.Call(ast.Name(op), operands, []):
                return op, operands, 0.0
            case ast.Call(ast.Name(op), operands, [ast.keyword("bias", ast.Constant(int() | float() as bias))]):
                return op, operands, float(bias)
            case ast.Call(
                ast.Name(op),
                operands,
                [ast.keyword("bias", ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as bias)))],
            ):
                return op, operands, -float(bias)
            case ast.Name(operand):
                return "identity", [ast.Name(operand)], 0.0
        raise CellError(
            f"cell {self.cell!r}: {ast.unparse(expression)!r} is no expression of a cell; use names, + - *, "
            f"1 - a, or a call of {', '.join(OPS)}"
        )


def equations(cell: Cell) -> tuple[str, ...]:
    """The cell as lines of text: a line for each activation, value used twice, next value and the output.

    Arithmetic and linears used once stand inside the line that uses them.
    """
    printer = _Printer(cell)
    text = [printer.line(name) for name in printer.lines]
    named: dict[str, str] = {}
    for state, following in cell.states.items():
        if following in named:
            text.append(f"{state}' = {named[following]}'")
        named.setdefault(following, state)
    text.append(f"output = {printer.label(cell.output)}")
    return tuple(text)


class _Printer:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.lines = lines(cell)
        self.matrices = matrices(cell)
        self.next_of = next_of(cell)

    def label(self, name: str) -> str:
        return f"{self.next_of[name]}'" if name in self.next_of else name

    def line(self, name: str) -> str:
        text = ast.unparse(self._tree(name))
        for written, read in ((" * ", " ⊙ "), (" @ ", " "), ("sigmoid(", "σ("), (" - ", " − ")):
            text = text.replace(written, read)
        return f"{self.label(name)} = {text}"

    def _tree(self, name: str) -> ast.expr:
        node = self.cell.nodes[name]
        operands = [self._operand(operand) for operand in node.operands]
        if node.op == LINEAR:
            return self._linear(name, operands)
        own = {p: ast.Name(f"{p}_{name}") for p in node.row.parameters}
        return substitute(self._readable(node), dict(zip("abc", operands, strict=False)) | own)

    def _readable(self, node: Node) -> str:
        return "weight * layer_norm(a) + bias" if node.op == "layer_norm" else node.row.value

    def _operand(self, name: str) -> ast.expr:
        if name in self.cell.sources or name in self.lines:
            return ast.Name(self.label(name))
        return self._tree(name)

    def _linear(self, name: str, operands: list[ast.expr]) -> ast.expr:
        *weights, bias = self.matrices[name]
        tree: ast.expr = ast.BinOp(ast.Name(weights[0]), ast.MatMult(), operands[0])
        for weight, operand in zip(weights[1:], operands[1:], strict=True):
            tree = ast.BinOp(tree, ast.Add(), ast.BinOp(ast.Name(weight), ast.MatMult(), operand))
        return ast.BinOp(tree, ast.Add(), ast.Name(bias))
