"""How a cell is written down: which values have a statement of their own, and what stands inside of it.

Equations and exported source ask here, so that they show the same statements.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Final

from cellsearch.cell.cell import Cell
from cellsearch.cell.expression import parse
from cellsearch.cell.ops import OPS

__all__ = ["next_of", "nodes_within", "stated"]

LONGEST: Final = 16
"""Operations and names of one line, about: a reader loses a longer one, and Python's parser a far longer one."""


def stated(cell: Cell) -> tuple[str, ...]:
    """The nodes that have a statement, a line of their own, operands before their users.

    These are each activation, value used twice, next value and the output. Arithmetic and linears used once stand
    inside the line that uses them, and so does an activation of a single named value, unless the line gets too long.
    """
    own = {*cell.states.values(), cell.output}
    length: dict[str, int] = {}
    for name in cell.order:
        node = cell.nodes[name]
        # An operand used once whose line is this one, unless the line gets too long: then the longest moves out.
        inside = [operand for operand in node.operands if operand in length and operand not in own]
        inside.sort(key=length.__getitem__)
        alone = 1 + len(node.row.parameters) + len(node.operands)
        while inside and alone + sum(length[operand] - 1 for operand in inside) > LONGEST:
            own.add(inside.pop())
        length[name] = alone + sum(length[operand] - 1 for operand in inside)
        if _mentions(cell, name) != 1 or (inside and not _is_arithmetic(node.op)):
            own.add(name)
    return tuple(name for name in cell.order if name in own)


def nodes_within(cell: Cell, line: str, own: Collection[str]) -> Iterator[str]:
    """The nodes whose operations stand on a line, operands first; `own` holds the nodes with lines of their own."""
    for operand in cell.nodes[line].operands:
        if operand in cell.nodes and operand not in own:
            yield from nodes_within(cell, operand, own)
    yield line


def next_of(cell: Cell) -> dict[str, str]:
    """The state that a node is the next value of, the first such state of each node."""
    return {following: state for state, following in reversed([*cell.states.items()])}


def _mentions(cell: Cell, name: str) -> int:
    """How often the other operations write the value down; a blend writes its first operand twice."""
    total = 0
    for user in cell.users(name):
        node = cell.nodes[user]
        times = _times(node.op)
        total += sum(times.get(i, 1) for i, operand in enumerate(node.operands) if operand == name)
    return total


@cache
def _is_arithmetic(op: str) -> bool:
    """Whether the operation is written with signs alone, so that it stands inside the line that uses it."""
    value = OPS[op].value
    return not value or not any(isinstance(node, ast.Call) for node in ast.walk(parse(value)))


@cache
def _times(op: str) -> Mapping[int, int]:
    """How often an operation's expression mentions the operand at each position; a matrix product each once."""
    if OPS[op].is_linear:
        return {}
    names = [node.id for node in ast.walk(parse(OPS[op].value)) if isinstance(node, ast.Name)]
    return {position: names.count(letter) for position, letter in enumerate("abc")}
