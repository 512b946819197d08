"""A cell: one step of a recurrent network as an immutable graph.

The graph is a NetworkX MultiDiGraph. Its sources are the input `x` [B, I] and the states [B, H]; every other node is
an operation of the table with result [B, H]. An edge leads from an operand to the node that takes it and carries the
operand's position, so that one node may be an operand twice. Each state names the node that is its next value, and
one node is the cell's output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

import networkx as nx

from cellsearch.cell.node import Node, free_name
from cellsearch.cell.ops import INPUT, LINEAR
from cellsearch.cell.reach import in_order
from cellsearch.cell.untrusted import short
from cellsearch.cell.validate import validate
from cellsearch.errors import CellError
from cellsearch.shown import Drawn

__all__ = ["Cell", "expect_cell"]


class Cell(Drawn):
    """An immutable, valid cell.

    `nodes` maps a name to its operation, `states` a state to the node of its next value (the order is that of the
    states given to and returned by `RNN`), `output` names the node whose value a sequence of outputs collects.
    Raises CellError, which names the node and the remedy, if the graph breaks a rule (see `validate`).

    >>> Cell("rnn", {"sum": Node("linear", ("x", "h")), "h_next": Node("tanh", ("sum",))}, {"h": "h_next"}, "h_next")
    Cell('rnn', 2 nodes, states h)
    """

    def __init__(self, name: str, nodes: Mapping[str, Node], states: Mapping[str, str], output: str) -> None:
        validate(name, nodes, states, output)
        self._name = name
        self._nodes = MappingProxyType(dict(nodes))
        self._states = MappingProxyType(dict(states))
        self._output = output
        self._order = tuple(in_order(nodes))

    @property
    def name(self) -> str:
        """What people call the cell; no part of its identity."""
        return self._name

    @cached_property
    def graph(self) -> nx.MultiDiGraph[str]:
        """The frozen graph: node attribute `op` (`input`, `state` or a row's name), edge attribute `position`."""
        return _graph(self.nodes, self.states)

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The operations by name."""
        return self._nodes

    @property
    def states(self) -> Mapping[str, str]:
        """The node of each state's next value."""
        return self._states

    @property
    def output(self) -> str:
        """The node that is the cell's output."""
        return self._output

    @property
    def order(self) -> tuple[str, ...]:
        """The operations' names, operands before their users."""
        return self._order

    @property
    def sources(self) -> tuple[str, ...]:
        """The input and the states."""
        return (INPUT, *self.states)

    def users(self, name: str) -> tuple[str, ...]:
        """The nodes that take `name` as an operand, each once."""
        return tuple(self.graph.successors(name))

    def renamed(self, name: str) -> Cell:
        """The same cell under another name."""
        return Cell(name, self.nodes, self.states, self.output)

    def resolved(self, input_size: int, hidden_size: int) -> Cell:
        """The cell with every operand of the size that it needs.

        Where the sizes differ, an input used outside of a linear passes through one linear of its own,
        `x_projected`; otherwise the cell itself. Backends, the counter and the exporter see resolved cells only.
        """
        raw = [n for n, node in self.nodes.items() if not node.row.is_linear and INPUT in node.operands]
        if not raw or input_size == hidden_size:
            return self
        projected = free_name("x_projected", self.graph)
        nodes = {projected: Node(LINEAR, (INPUT,))}
        for name, node in self.nodes.items():
            operands = tuple(projected if o == INPUT and name in raw else o for o in node.operands)
            nodes[name] = replace(node, operands=operands)
        return Cell(self.name, nodes, self.states, self.output)

    def __eq__(self, other: object) -> bool:
        """Equal to the letter, names of nodes included; for the same graph under other names see `identity`."""
        if not isinstance(other, Cell):
            return NotImplemented
        mine = (self.name, dict(self.nodes), list(self.states.items()), self.output)
        return mine == (other.name, dict(other.nodes), list(other.states.items()), other.output)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, frozenset(self.nodes.items()), tuple(self.states.items()), self.output))

    def __repr__(self) -> str:
        return f"Cell({self.name!r}, {len(self.nodes)} nodes, states {' '.join(self.states)})"

    def __reduce__(self) -> tuple[object, ...]:
        return Cell, (self.name, dict(self.nodes), dict(self.states), self.output)


def _graph(nodes: Mapping[str, Node], states: Mapping[str, str]) -> nx.MultiDiGraph[str]:
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    graph.add_node(INPUT, op="input")
    graph.add_nodes_from(states, op="state")
    graph.add_nodes_from((name, {"op": node.op}) for name, node in nodes.items())
    for name, node in nodes.items():
        graph.add_edges_from((operand, name, {"position": i}) for i, operand in enumerate(node.operands))
    nx.freeze(graph)
    return graph


def expect_cell(given: object) -> None:
    """Raise CellError, which tells how to come by a cell, if something else is given."""
    if not isinstance(given, Cell):
        way = f"cellsearch.find_cell({given!r}) finds one" if isinstance(given, str) else "find_cell finds one by name"
        raise CellError(f"a Cell is expected, got {short(given)}; {way}")
