"""Lowering: the expressions of a group of nodes as one list of instructions over a row of hidden units.

An instruction works on vectors of neighbouring hidden units, or on scalars that a whole row shares (constants, sums
along the row). A sum along the row must be complete before anything that uses it begins, so that instructions have
stages: all of stage 0 pass over the row before stage 1 begins. Equal instructions are one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cellsearch.cell import Cell
from cellsearch.cell.expression import parse
from cellsearch.cell.functions import FUNCTIONS

__all__ = ["ALONG_ROW", "HIDDEN_SIZE", "SCANS", "Instruction", "Lowering", "foreign", "functions"]

HIDDEN_SIZE: Final = "hidden_size"
"""In definitions of functions, the number of hidden units."""

REDUCTIONS: Final = ("row_sum", "row_max")
SCANS: Final = ("running_sum", "reverse_sum", "group_mean")

ALONG_ROW: Final = (*REDUCTIONS, *SCANS)
"""Functions that look along the row: their result belongs to the stage after their operand's."""

OPERATORS: Final[Mapping[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


@dataclass(frozen=True)
class Instruction:
    """`name` is an operator, a function, `constant`, `hidden_size` or `load`; `of` is a load's place or a number."""

    name: str
    operands: tuple[int, ...] = ()
    of: object = None


class Lowering:
    """The instructions of a group, each known by its number; operands come before their users."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.stage: list[int] = []
        self.is_scalar: list[bool] = []
        self._numbers: dict[Instruction, int] = {}

    def load(self, place: object) -> int:
        """The vector at a place in memory, which the caller knows how to read."""
        return self._number(Instruction("load", of=place))

    def constant(self, value: float) -> int:
        return self._number(Instruction("constant", of=float(value)))

    def sum(self, terms: Iterable[int]) -> int:
        """The terms added in order."""
        total, *others = terms
        for term in others:
            total = self._number(Instruction("+", (total, term)))
        return total

    def lower(self, expression: str, names: Mapping[str, int]) -> int:
        """The value of an expression of the table, with instructions for its names."""
        return self._tree(parse(expression), names)

    def needed(self, results: Iterable[int]) -> list[int]:
        """Everything that the results need, operands first."""
        found: set[int] = set()
        waiting = list(results)
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting.extend(self.instructions[number].operands)
        return sorted(found)

    def _tree(self, tree: ast.expr, names: Mapping[str, int]) -> int:
        match tree:
            case ast.Name(name) if name == HIDDEN_SIZE:
                return self._number(Instruction(HIDDEN_SIZE))
            case ast.Name(name):
                return names[name]
            case ast.Constant(value):
                return self.constant(value)  # type: ignore[arg-type]
            case ast.UnaryOp(ast.USub(), operand):
                return self._number(Instruction("-", (self._tree(operand, names),)))
            case ast.BinOp(left, operator, right):
                operands = self._tree(left, names), self._tree(right, names)
                return self._number(Instruction(OPERATORS[type(operator)], operands))
            case ast.Call(ast.Name(function), arguments):
                return self._call(function, arguments, names)
        raise AssertionError(f"the table of operations has no such expression: {ast.unparse(tree)}")

    def _call(self, function: str, arguments: list[ast.expr], names: Mapping[str, int]) -> int:
        operands = tuple(self._tree(argument, names) for argument in arguments)
        definition = FUNCTIONS[function].definition
        if definition:
            return self._tree(parse(definition), {"a": operands[0]})
        return self._number(Instruction(function, operands))

    def _number(self, instruction: Instruction) -> int:
        if instruction not in self._numbers:
            self._numbers[instruction] = len(self.instructions)
            self.instructions.append(instruction)
            stages = [self.stage[operand] for operand in instruction.operands]
            self.stage.append(max(stages, default=0) + (instruction.name in ALONG_ROW))
            self.is_scalar.append(self._scalar(instruction))
        return self._numbers[instruction]

    def _scalar(self, instruction: Instruction) -> bool:
        if instruction.name in ("constant", HIDDEN_SIZE, *REDUCTIONS):
            return True
        return instruction.name not in ("load", *SCANS) and all(self.is_scalar[o] for o in instruction.operands)


@lru_cache(maxsize=1024)
def foreign(cell: Cell) -> str | None:
    """An operation whose expressions call a function that is not of the table; None if there is none."""
    rows = {node.op: node.row for node in cell.nodes.values() if not node.row.is_linear}
    return next((op for op, row in rows.items() if not _compiles([row.value, *row.derivatives.values()])), None)


def _compiles(expressions: Iterable[str]) -> bool:
    return all(FUNCTIONS[function].compiles for text in expressions for function in functions(text))


def functions(expression: str) -> Iterator[str]:
    """The functions that an expression calls."""
    for node in ast.walk(parse(expression)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
