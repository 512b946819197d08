"""Crossover: a child of two cells that keeps what they have in common where both have it.

The parents are aligned as for their `diff`: names survive edits, so that what two relatives inherited from a common
ancestor is aligned by name and by structure. The child has what is aligned, each operation with the operands of either
parent; what only one of them has comes along, as the connected piece that it is, where an operation that reads it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from cellsearch.cell.canonical.identity import identity
from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.cell.difference.alignment import NOBODY, relate
from cellsearch.cell.difference.isomorphism import NumberedCell
from cellsearch.cell.draft import Draft
from cellsearch.cell.node import Node, free_name
from cellsearch.errors import CellError

if TYPE_CHECKING:
    from cellsearch.space.space import SearchSpace

__all__ = ["crossover"]

ATTEMPTS: Final = 100

OUTPUT: Final = ""
"""What stands for the output among names."""


def crossover(first: Cell, second: Cell, space: SearchSpace, random: Random) -> tuple[Cell, str]:
    """A cell of the space with parts of both, called as the first, and in words what it has of the second.

    Where ATTEMPTS draws find no mixture in the space that neither parent is, it is one of the parents, drawn from those
    in the space. Raises CellError if none is.
    """
    expect_cell(first)
    expect_cell(second)
    parents = _Parents(first, second)
    known = {identity(first), identity(second)}
    for _ in range(ATTEMPTS if len(parents.choices) > 1 else 0):
        taken = _some(parents.choices, random)
        child = parents.child(taken)
        if child and space.contains(child) and identity(child) not in known:
            alive = [name for name in taken if name == OUTPUT or name in child.nodes or name in child.states]
            return child, f"cross with {second.name}, from there {', '.join(name or 'the output' for name in alive)}"
    fitting = [parent for parent in (first, second) if space.contains(parent)]
    if not fitting:
        raise CellError(
            f"cells {first.name!r} and {second.name!r}: neither they nor any of {ATTEMPTS} mixtures of them is in "
            f"space {space.name!r}; widen the space"
        )
    chosen = random.choice(fitting)
    return chosen.renamed(first.name), f"cross with {second.name}, all of it from {chosen.name}"


def _some(choices: Sequence[str], random: Random) -> list[str]:
    """Some choices in order, at least one and not all; all numbers of them are as likely."""
    drawn = set(random.sample(choices, random.randint(1, len(choices) - 1)))
    return [choice for choice in choices if choice in drawn]


class _Parents:
    """Two cells under common names, and the nodes, next values and output that a child may have of either."""

    def __init__(self, first: Cell, second: Cell) -> None:
        self.name = first.name
        self.first, self.second = Draft.of(first), _renamed(first, second)
        self.choices = [name for name in first.order if self._differs(name)]
        self.choices += [
            state
            for state, following in self.first.states.items()
            if self.second.states.get(state, following) != following
        ]
        self.choices += [OUTPUT] * (self.first.output != self.second.output)

    def child(self, taken: Sequence[str]) -> Cell | None:
        """The first with what is taken from the second; None if this is no cell."""
        nodes, states = {**self.first.nodes}, {**self.first.states}
        for name, node in self.second.nodes.items():
            nodes.setdefault(name, node)
        for state, following in self.second.states.items():
            states.setdefault(state, following)
        nodes |= {name: self.second.nodes[name] for name in taken if name in nodes}
        states |= {state: self.second.states[state] for state in taken if state in states}
        output = (self.second if OUTPUT in taken else self.first).output
        try:
            return Draft(nodes, states, output).cell(self.name)
        except CellError:
            return None

    def _differs(self, name: str) -> bool:
        mine, theirs = self.first.nodes[name], self.second.nodes.get(name)
        return theirs is not None and _in_order(mine) != _in_order(theirs)


def _in_order(node: Node) -> Node:
    return replace(node, operands=tuple(sorted(node.operands))) if node.row.commutes else node


def _renamed(first: Cell, second: Cell) -> Draft:
    """The second cell, what is aligned called as in the first and all else as nothing there is."""
    alignment = relate(NumberedCell(first), NumberedCell(second))
    names, others = alignment.first.names, alignment.second.names
    called = {others[j]: names[i] for i, j in enumerate(alignment.partner) if j != NOBODY}
    for other in others:
        if other not in called:
            called[other] = free_name(other, {*names, *called.values()})
    nodes = {
        called[name]: replace(node, operands=tuple(called[operand] for operand in node.operands))
        for name, node in second.nodes.items()
    }
    states = {called[state]: called[following] for state, following in second.states.items()}
    return Draft(nodes, states, called[second.output])
