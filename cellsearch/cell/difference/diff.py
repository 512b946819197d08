"""What differs between two cells, as a short list to read.

Nodes are compared by the parts that they play, not by what they are called: two cells that are the same graph differ
in nothing, whatever their nodes' names, the order of commuting operands and the order of states. Equal names decide
between equally short lists. Cells that are the same only after rewriting (see `cell.canonical`) do differ here: the
list says how.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.cell.difference.alignment import NOBODY, Alignment, relate
from cellsearch.cell.difference.isomorphism import NumberedCell
from cellsearch.cell.node import Node

__all__ = ["Change", "ChangeKind", "Part", "changed_parts", "diff"]

ChangeKind = Literal[
    "removed",
    "added",
    "op changed",
    "rewired",
    "bias changed",
    "constant changed",
    "state removed",
    "state added",
    "next value moved",
    "output moved",
]
"""What can change; `rewired` is an operation that takes other operands, or takes them in another order."""


Part = Literal["removed", "added", "changed"]


@dataclass(frozen=True)
class Change:
    """One change from the first cell to the second: its kind, the node or state, and a line of text that says it all.

    Names are those of the first cell, but for what only the second has. A name of the second that means something else
    in the first has a prime.
    """

    kind: ChangeKind
    name: str
    text: str

    def __str__(self) -> str:
        return self.text


def diff(first: Cell, second: Cell) -> tuple[Change, ...]:
    """What to change in the first cell to get the second, none if they are the same graph under other names."""
    expect_cell(first)
    expect_cell(second)
    alignment = relate(NumberedCell(first), NumberedCell(second))
    return tuple(_ChangeReader(first, second, alignment).changes())


def changed_parts(first: Cell, second: Cell) -> tuple[dict[str, Part], dict[str, Part]]:
    """What became of the nodes and states of each cell that are not the same in both, by the cell's own names."""
    reader = _ChangeReader(first, second, relate(NumberedCell(first), NumberedCell(second)))
    theirs = {called: other for other, called in reader.called.items()}
    mine: dict[str, Part] = {}
    others: dict[str, Part] = {}
    for change in reader.changes():
        if change.kind in ("removed", "state removed"):
            mine[change.name] = "removed"
        elif change.kind in ("added", "state added"):
            others[theirs[change.name]] = "added"
        elif change.kind != "output moved":
            mine[change.name] = others[reader.partner[change.name]] = "changed"
    return mine, others


class _ChangeReader:
    """Reads the changes off an alignment, calling everything by one name."""

    def __init__(self, first: Cell, second: Cell, alignment: Alignment) -> None:
        self.first, self.second = first, second
        names, others = alignment.first.names, alignment.second.names
        self.partner = {names[i]: others[j] for i, j in enumerate(alignment.partner) if j != NOBODY}
        owner = {other: name for name, other in self.partner.items()}
        self.called = {other: owner.get(other) or other + "'" * (other in names) for other in others}

    def changes(self) -> Iterator[Change]:
        """All of them: what is gone, what is new, what has changed, and where states and output come from."""
        first, second = self.first, self.second
        owned = self.partner.values()
        for name in (state for state in first.states if state not in self.partner):
            yield Change("state removed", name, f"remove state {name}, the last {first.states[name]}")
        for name in (node for node in first.order if node not in self.partner):
            yield Change("removed", name, f"remove {name} = {_expression(first.nodes[name])}")
        for name in (state for state in second.states if state not in owned):
            yield Change(
                "state added",
                self.called[name],
                f"add state {self.called[name]}, the last {self.called[second.states[name]]}",
            )
        for name in (node for node in second.order if node not in owned):
            yield Change("added", self.called[name], f"add {self.called[name]} = {self._new(second.nodes[name])}")
        for name in (node for node in first.order if node in self.partner):
            yield from self._of_node(name, first.nodes[name], second.nodes[self.partner[name]])
        yield from self._of_ends()

    def _of_node(self, name: str, old: Node, new: Node) -> Iterator[Change]:
        text = f"{name} = {self._new(new)}, was {_expression(old)}"
        if old.op != new.op:
            yield Change("op changed", name, text)
            return
        if _arranged(old, old.operands) != _arranged(new, [self.called[o] for o in new.operands]):
            yield Change("rewired", name, text)
        if old.initial_bias != new.initial_bias:
            yield Change(
                "bias changed",
                name,
                f"{name} starts with bias {_number(new.initial_bias)}, was {_number(old.initial_bias)}",
            )
        if old.constant != new.constant:
            yield Change(
                "constant changed", name, f"{name} has constant {_number(new.constant)}, was {_number(old.constant)}"
            )

    def _of_ends(self) -> Iterator[Change]:
        first, second = self.first, self.second
        for state, following in first.states.items():
            if state in self.partner and (new := second.states[self.partner[state]]) != self.partner.get(following):
                yield Change(
                    "next value moved", state, f"{state} is the last {self.called[new]}, was the last {following}"
                )
        if second.output != self.partner.get(first.output):
            new = self.called[second.output]
            yield Change("output moved", new, f"output is {new}, was {first.output}")

    def _new(self, node: Node) -> str:
        return _expression(node, [self.called[operand] for operand in node.operands])


def _expression(node: Node, operands: Sequence[str] | None = None) -> str:
    numbers = [f"bias={_number(node.initial_bias)}"] if node.initial_bias else []
    numbers += [f"constant={_number(node.constant)}"] if node.constant != 1 else []
    return f"{node.op}({', '.join([*(operands or node.operands), *numbers])})"


def _number(value: float) -> str:
    """As short as it can be told."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _arranged(node: Node, operands: Sequence[str]) -> list[str]:
    return sorted(operands) if node.row.commutes else list(operands)
