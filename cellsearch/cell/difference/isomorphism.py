"""A cell by numbers, and what its graph alone says: which surroundings are alike, and which graphs are the same."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

from cellsearch.cell.canonical.labelling import labelled
from cellsearch.cell.cell import Cell
from cellsearch.cell.node import Node
from cellsearch.cell.ops import INPUT, OPS

__all__ = ["NumberedCell", "isomorphism", "surroundings"]

ROUNDS: Final = 3
"""How many operations far the surroundings of a node reach."""


class NumberedCell:
    """A cell whose input is 0, whose states are 1, 2, ... and whose nodes are the numbers after them."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.names = (INPUT, *cell.states, *cell.nodes)
        number = {name: i for i, name in enumerate(self.names)}
        self.states = range(1, 1 + len(cell.states))
        self.nodes = range(1 + len(cell.states), len(self.names))
        nodes: list[Node | None] = [None] * (1 + len(cell.states)) + list(cell.nodes.values())
        self.labels = [(n.op, n.initial_bias, n.constant) if n else ("", 0.0, 1.0) for n in nodes]
        self.operands = [tuple(number[o] for o in n.operands) if n else () for n in nodes]
        self.ordered = [n is not None and len(n.operands) > 1 and not OPS[n.op].commutes for n in nodes]
        self.following = {number[state]: number[name] for state, name in cell.states.items()}
        self.output = number[cell.output]
        users: list[list[int]] = [[] for _ in self.names]
        for i in self.nodes:
            for operand in set(self.operands[i]):
                users[operand].append(i)
        self.users = users

    def in_order(self, i: int, values: Sequence[int]) -> list[int]:
        """The values of what a node or state comes from, sorted where their order does not matter."""
        if i in self.following:
            return [values[self.following[i]]]
        read = [values[operand] for operand in self.operands[i]]
        return read if self.ordered[i] else sorted(read)


def surroundings(cell: NumberedCell, numbers: dict[Hashable, int]) -> list[tuple[int, ...]]:
    """Of each node the kinds of what it is computed from and of what is computed from it, 0 to ROUNDS operations away.

    Equal surroundings have equal numbers (Weisfeiler & Leman 1968).
    """

    def numbered(keys: list[Hashable]) -> list[int]:
        return [numbers.setdefault(key, len(numbers)) for key in keys]

    everyone = range(len(cell.names))
    leaving = [(i == cell.output, i in cell.following.values()) for i in everyone]
    kinds = [(i in cell.states, i in cell.nodes, *cell.labels[i]) for i in everyone]
    before, after = numbered([("before", kind) for kind in kinds]), numbered([*zip(kinds, leaving, strict=True)])
    rounds = [before, after]
    for _ in range(ROUNDS):
        before = numbered([("from", before[i], *cell.in_order(i, before)) for i in everyone])
        after = numbered([("to", after[i], *sorted(after[user] for user in cell.users[i])) for i in everyone])
        rounds += [before, after]
    return list(zip(*rounds, strict=True))


def isomorphism(first: NumberedCell, second: NumberedCell) -> list[int] | None:
    """Partners in the same graph under other names; None if the graphs differ."""
    numbers: dict[Hashable, int] = {}
    if sorted(surroundings(first, numbers)) != sorted(surroundings(second, numbers)):
        return None
    (text, ranks), (other_text, other_ranks) = _canonical_text(first), _canonical_text(second)
    place = {rank: j for j, rank in enumerate(other_ranks)}
    return [place[rank] for rank in ranks] if text == other_text else None


def _canonical_text(cell: NumberedCell) -> tuple[str, list[int]]:
    """The graph as canonical text, and the rank of everything in it."""
    everyone = range(len(cell.names))
    edges: list[list[tuple[str, int]]] = [[] for _ in everyone]
    for i in everyone:
        for position, operand in enumerate(cell.operands[i] or ([cell.following[i]] if i in cell.following else [])):
            kind = str(position) if cell.ordered[i] else "any"
            edges[i].append((f"reads {kind}", operand))
            edges[operand].append((f"read as {kind}", i))

    def text(ranks: Sequence[int]) -> str:
        lines = [(ranks[i], cell.labels[i], cell.in_order(i, ranks)) for i in everyone]
        return f"{sorted(lines)} {ranks[cell.output]}"

    labels = [(i not in cell.states, i in cell.nodes, cell.labels[i], i == cell.output) for i in everyone]
    return labelled(labels, edges, text)
