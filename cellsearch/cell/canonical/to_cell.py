"""A form written as a cell of the table's operations, and where the cell's learned arrays come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cellsearch.cell.canonical.terms import ANY_NUMBER, COMBINATION, Form, Origin, Term, commutes, split
from cellsearch.cell.cell import Cell
from cellsearch.cell.node import Node
from cellsearch.cell.ops import INPUT, LINEAR, OPS
from cellsearch.cell.reach import over_time, reached, readers

__all__ = ["Canonical", "to_cell"]


@dataclass(frozen=True)
class Canonical:
    """A canonical cell, and by its nodes where their learned arrays come from.

    `weights` names for each operand of a linear the (node, operand's place) whose matrix it multiplies by, for other
    nodes the node whose vectors they have; `biases` the (node, factor) whose learned biases they add up.
    """

    cell: Cell
    weights: Mapping[str, Origin]
    biases: Mapping[str, Origin]


def to_cell(form: Form, values: Sequence[int]) -> Canonical:
    """The form as a cell, its nodes named and ordered by the canonical order of its values."""
    return _CellWriter(form, values).canonical()


class _CellWriter:
    """Writes a form, its values in canonical order, as a cell of the table's operations."""

    def __init__(self, form: Form, values: Sequence[int]) -> None:
        self.form = form
        self.graph = form.graph
        self.rank = {value: i for i, value in enumerate(values)}
        self.nodes: dict[str, Node] = {}
        self.origins: dict[str, Term] = {}
        self.names: dict[int, str] = {}
        self.made: dict[Node, str] = {}
        self.states = [value for value in values if self.graph.terms[value].op == "state"]

    def canonical(self) -> Canonical:
        """The cell and the origin of its learned arrays."""
        for number, state in enumerate(self.states, 1):
            self.names[state] = f"state_{number}"
        for value in self._order():
            self._write(value)
        nexts = {self.names[s]: self._node_of(self.form.states[self._called(s)]) for s in self.states}
        nexts, output = self._reaching(nexts, self._node_of(self.form.output))
        cell = Cell("canonical", self.nodes, nexts, output)
        learned = {name: term for name, term in self.origins.items() if cell.nodes[name].parameters()}
        return Canonical(
            cell,
            {name: term.weights for name, term in learned.items()},
            {name: term.biases for name, term in learned.items()},
        )

    def _called(self, state: int) -> str:
        return self.graph.terms[state].weights[0][0]

    def _order(self) -> list[int]:
        """Operands before their users, otherwise in canonical order."""
        height: dict[int, int] = {}
        for value in self.form.reachable:
            height[value] = 1 + max((height[operand] for operand in self.graph.terms[value].operands), default=0)
        return sorted(height, key=lambda value: (height[value], self.rank[value]))

    def _write(self, value: int) -> None:
        term = self.graph.terms[value]
        if term.op in ("state", "input"):
            self.names.setdefault(value, INPUT)
        elif term.op == COMBINATION:
            self.names[value] = self._combination(*split(self.graph, value))
        elif term.op == "identity" and not term.weights:
            self.names[value] = INPUT
        elif term.op in ANY_NUMBER and not term.weights:
            first, *others = self._ranked(term.operands)
            for other in others:
                first = self._node(term.op, first, other)
            self.names[value] = first
        else:
            self.names[value] = self._learned_or_function(term)

    def _learned_or_function(self, term: Term) -> str:
        places = range(len(term.operands))
        if commutes(term.op):
            places = sorted(places, key=lambda i: self.rank[term.operands[i]])  # type: ignore[assignment]
        operands = [self._operand(term, term.operands[i]) for i in places]
        if not term.weights:
            return self._node(term.op, *operands, numbers=term.numbers)
        weights = tuple(term.weights[i] for i in places) if term.op == LINEAR else term.weights
        name = self._add(Node(term.op, tuple(operands), *term.numbers))
        self.origins[name] = term._replace(weights=weights)
        return name

    def _operand(self, user: Term, value: int) -> str:
        inside = self.names[value] == INPUT and self.graph.terms[value].op == "identity"
        return self._node("identity", INPUT) if inside and OPS[user.op].is_linear else self.names[value]

    def _combination(self, constant: float, pairs: Sequence[tuple[float, int]]) -> str:
        """Summands that are added first, those that are taken away from them then, the constant last."""
        if not pairs:
            zero = self._node("times_constant", self.names[self.states[0]], numbers=(0.0, 0.0))
            return self._plus(zero, constant)
        pairs = sorted(pairs, key=lambda pair: (pair[0] < 0, self.rank[pair[1]]))
        (k, first), *others = pairs
        if k == -1 and constant == 1:
            total, constant = self._node("one_minus", self.names[first]), 0.0
        else:
            total = self._times(self.names[first], k)
        for k, value in others:
            if k == -1:
                total = self._node("difference", total, self.names[value])
            else:
                total = self._node("sum", total, self._times(self.names[value], k))
        return self._plus(total, constant)

    def _plus(self, name: str, constant: float) -> str:
        return self._node("plus_constant", name, numbers=(0.0, constant)) if constant else name

    def _times(self, name: str, factor: float) -> str:
        return self._node("times_constant", name, numbers=(0.0, factor)) if factor != 1 else name

    def _ranked(self, values: Sequence[int]) -> list[str]:
        return [self.names[value] for value in sorted(values, key=self.rank.__getitem__)]

    def _node_of(self, value: int) -> str:
        """The value as a node, which what leaves a step has to be."""
        name = self.names[value]
        return name if name in self.nodes else self._node("identity", name)

    def _node(self, op: str, *operands: str, numbers: tuple[float, ...] = (0.0, 1.0)) -> str:
        node = Node(op, operands, *numbers)
        if node not in self.made:
            self.made[node] = self._add(node)
        return self.made[node]

    def _add(self, node: Node) -> str:
        name = f"{node.op}_{1 + sum(other.op == node.op for other in self.nodes.values())}"
        self.nodes[name] = node
        return name

    def _reaching(self, states: dict[str, str], output: str) -> tuple[dict[str, str], str]:
        """With zero times what the rules found to make no difference, since in a cell everything has an influence."""
        links = over_time(self.nodes, states)
        influenced, useful = reached(INPUT, readers(links)), reached(output, links)
        for state, following in states.items():
            if state not in influenced:
                states[state] = self._node("sum", following, self._times(INPUT, 0.0))
        if output not in influenced and not any(state in useful for state in states):
            output = self._node("sum", output, self._times(INPUT, 0.0))
        for state in states:
            if state not in useful:
                output = self._node("sum", output, self._times(state, 0.0))
        return states, output
