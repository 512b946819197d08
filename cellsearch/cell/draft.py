"""A draft: a cell under construction, which need not be valid until the last change is made.

Edits work on drafts. What they leave without influence on the output is dropped when the draft becomes a cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cellsearch.cell.cell import Cell
from cellsearch.cell.node import Node
from cellsearch.cell.ops import INPUT
from cellsearch.cell.reach import over_time, reached, readers, within_step

__all__ = ["Draft"]


@dataclass
class Draft:
    """Nodes, states with their next values, and an output, free to change."""

    nodes: dict[str, Node]
    states: dict[str, str]
    output: str

    @classmethod
    def of(cls, cell: Cell) -> Draft:
        """A draft that begins as the cell."""
        return cls(dict(cell.nodes), dict(cell.states), cell.output)

    def cell(self, name: str) -> Cell:
        """The draft as a cell, without what the output never depends on. Raises CellError if it is none."""
        useful = reached(self.output, over_time(self.nodes, self.states)) | {self.output}
        return Cell(
            name,
            {name: node for name, node in self.nodes.items() if name in useful},
            {state: following for state, following in self.states.items() if state in useful},
            self.output,
        )

    def edges(self) -> list[tuple[str, int]]:
        """(node, position) of every operand."""
        return [(name, i) for name, node in self.nodes.items() for i in range(len(node.operands))]

    def before(self, name: str) -> list[str]:
        """What `name` may take as an operand without a cycle: the input, states, and nodes not computed from it."""
        later = reached(name, readers(within_step(self.nodes))) | {name}
        return [INPUT, *self.states, *(node for node in self.nodes if node not in later)]

    def ancestors(self, name: str) -> list[str]:
        """What `name` is computed from within the step: the input, states and nodes."""
        earlier = reached(name, within_step(self.nodes))
        return [each for each in (INPUT, *self.states, *self.nodes) if each in earlier]

    def new_name(self, stem: str) -> str:
        """A free name: the stem and a number."""
        number = 1
        while f"{stem}_{number}" in self.nodes or f"{stem}_{number}" in self.states:
            number += 1
        return f"{stem}_{number}"

    def set_operand(self, name: str, position: int, operand: str) -> None:
        """Let `name` take `operand` at `position`."""
        node = self.nodes[name]
        self.nodes[name] = replace(node, operands=(*node.operands[:position], operand, *node.operands[position + 1 :]))

    def hand_over(self, name: str, heir: str) -> None:
        """Let `heir` take the place of `name` with all its users, as next value and as output."""
        for user, position in self.edges():
            if self.nodes[user].operands[position] == name:
                self.set_operand(user, position, heir)
        self.states = {state: heir if following == name else following for state, following in self.states.items()}
        self.output = heir if self.output == name else self.output
