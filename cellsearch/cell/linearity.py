"""Which cells are linear in their states, so that all steps of a sequence can be computed at once.

If every next value is a ⊙ state + b with a and b computed from the input alone, a step is an affine function of each
hidden unit, and a composition of such functions is one again: a parallel scan over time gives all states in
logarithmically many steps (Blelloch 1990; Martin & Cundy 2018, Parallelizing linear recurrent neural nets over
sequence length). What the output makes of the states may be anything, for it is not fed back.

How a value depends on the states is read off the expressions of the table of operations.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import IntEnum

from cellsearch.cell.cell import Cell
from cellsearch.cell.expression import parse
from cellsearch.cell.ops import INPUT, OPS

__all__ = ["Dependence", "dependence", "dependence_of", "is_linear_in_state"]


class Dependence(IntEnum):
    """How a value of a step depends on the step's states, the simplest first."""

    NONE = 0
    """Computed from the input and learned arrays alone."""
    LINEAR = 1
    """Unit by unit a sum of states times such values, plus one."""
    OTHER = 2
    """Anything else: a product of states, a function of one, or a mixture of units such as a matrix product."""


def is_linear_in_state(cell: Cell) -> bool:
    """Whether each state's next value is linear in the states, unit by unit, with coefficients from the input alone."""
    depends = dependence(cell)
    return all(depends[following] <= Dependence.LINEAR for following in cell.states.values())


def dependence(cell: Cell) -> Mapping[str, Dependence]:
    """How the input, each state and each node depend on the states."""
    depends = {INPUT: Dependence.NONE, **dict.fromkeys(cell.states, Dependence.LINEAR)}
    for name in cell.order:
        node = cell.nodes[name]
        depends[name] = dependence_of(node.op, tuple(depends[operand] for operand in node.operands))
    return depends


def dependence_of(op: str, operands: tuple[Dependence, ...]) -> Dependence:
    """How an operation's value depends on the states, given how its operands do."""
    if not any(operands):
        return Dependence.NONE
    value = OPS[op].value
    if not value:  # a matrix product mixes the units
        return Dependence.OTHER
    return _of(parse(value), dict(zip("abc", operands, strict=False)))


def _of(tree: ast.expr, names: Mapping[str, Dependence]) -> Dependence:
    match tree:
        case ast.Name(name):
            return names.get(name, Dependence.NONE)
        case ast.Constant():
            return Dependence.NONE
        case ast.UnaryOp(ast.USub(), operand):
            return _of(operand, names)
        case ast.BinOp(left, ast.Add() | ast.Sub(), right):
            return max(_of(left, names), _of(right, names))
        case ast.BinOp(left, ast.Mult(), right):
            less, more = sorted((_of(left, names), _of(right, names)))
            return Dependence.OTHER if less else more
        case ast.BinOp(left, ast.Div(), right) if not _of(right, names):
            return _of(left, names)
    depends = any(_of(child, names) for child in ast.walk(tree) if isinstance(child, ast.Name))
    return Dependence.OTHER if depends else Dependence.NONE
