"""The canonical form: one cell for all the ways to write the same cell.

Two cells are the same if they compute the same step, states and output, from the same learned arrays: rewritten by
`rules.py` and `joining.py`, then renamed and reordered. The arithmetic of a step (sums, differences, products,
constants, blends) is compared as a polynomial, whatever its brackets. Where training starts is part of a cell: an
initial bias counts, and no rule changes what a weight matrix is drawn from.

Not covered, so that such cells count as different: equations between functions (tanh as a sigmoid), weights whose
sign, scale or product another weight could absorb, states that always hold the same. A cell whose polynomials would
not fit is compared without multiplying out; one that still does not is compared as it is written, up to names, order
of operands and states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import networkx as nx

from cellsearch.cell.cell import Cell, Node
from cellsearch.cell.joining import joinable
from cellsearch.cell.labelling import labelled
from cellsearch.cell.ops import INPUT, LINEAR, OPS
from cellsearch.cell.rules import EXPANDING, RULES
from cellsearch.cell.signs import sign_choices
from cellsearch.cell.terms import (
    ANY_NUMBER,
    COMBINATION,
    Form,
    Graph,
    Origin,
    Rule,
    Term,
    TooLarge,
    commutes,
    rebuilt,
    split,
)
from cellsearch.cell.validate import MOST_NODES

__all__ = ["Canonical", "canonical", "canonical_form", "canonical_text"]

PASSES: Final = 2 * MOST_NODES
"""Times that joining rules are tried, at most: each pass that finds something leaves less to find."""


def canonical(cell: Cell) -> Cell:
    """The cell that all cells with the same identity become, named `canonical`; its own canonical form."""
    return canonical_form(cell).cell


def canonical_text(cell: Cell) -> str:
    """The canonical form as the text that identity hashes, equal for the same cell."""
    return _smallest(cell)[0]


@dataclass(frozen=True)
class Canonical:
    """A canonical cell, and by its nodes where their learned arrays come from.

    `weights` names for each operand of a linear the (node, operand's place) whose matrix it multiplies by, for other
    nodes the node whose vectors they have; `biases` the (node, factor) whose learned biases they add up.
    """

    cell: Cell
    weights: Mapping[str, Origin]
    biases: Mapping[str, Origin]


def canonical_form(cell: Cell) -> Canonical:
    """The canonical cell with the origin of its learned arrays."""
    _, values, form = _smallest(cell)
    return _Writer(form, values).canonical()


def _smallest(cell: Cell) -> tuple[str, list[int], Form]:
    forms = sign_choices(_form(cell, {}), lambda salts: _form(cell, salts))
    return min(((*_ordered(form), form) for form in forms), key=lambda ordered: ordered[0])


def _form(cell: Cell, salts: Mapping[str, int]) -> Form:
    forms = []
    try:
        forms.append(_joined(_read(cell, RULES, salts), RULES))
        terms = forms[0].graph.terms
        if any(t.op == "product" and any(terms[o].op == COMBINATION for o in t.operands) for t in terms):
            forms.append(_joined(rebuilt(forms[0], EXPANDING, {}), EXPANDING))
    except TooLarge:
        pass
    fitting = [form for form in forms if _size(form) <= MOST_NODES]
    return fitting[-1] if fitting else _read(cell, {}, {})


def _read(cell: Cell, rules: Mapping[str, Sequence[Rule]], salts: Mapping[str, int]) -> Form:
    """The cell as values; without rules every node is one of its own, as those with learned arrays always are."""
    graph = Graph(rules, salts)
    values = {INPUT: graph.settled(Term("input"))}
    # What is no linear reads the input in the cell's size, which may take a projection: another value than the input.
    inside = graph.settled(Term("identity", (values[INPUT],), (0.0, 1.0)))
    for state in cell.states:
        values[state] = graph.settled(Term("state", weights=((state, 0),)))
    for name in cell.order:
        node, row = cell.nodes[name], cell.nodes[name].row
        weights: Origin = ()
        if node.op == LINEAR:
            weights = tuple((name, place) for place in range(len(node.operands)))
        elif node.parameters() or not rules:
            weights = ((name, 0),)
        operands = tuple(inside if o == INPUT and not row.is_linear else values[o] for o in node.operands)
        numbers = (float(node.initial_bias) + 0.0, float(node.constant) + 0.0)
        biases: Origin = ((name, 1.0),) if "bias" in row.parameters else ()
        values[name] = graph.value(Term(node.op, operands, numbers, weights, biases))
    return Form(graph, {state: values[n] for state, n in cell.states.items()}, values[cell.output])


def _joined(form: Form, rules: Mapping[str, Sequence[Rule]]) -> Form:
    for _ in range(PASSES):
        instead = joinable(form)
        if not instead:
            return form
        form = rebuilt(form, rules, instead)
    raise TooLarge


def _size(form: Form) -> int:
    """Nodes and states of the form as a cell, no less than it takes."""
    size = 4 + 4 * len(form.states)
    for value in form.reachable:
        term = form.graph.terms[value]
        if term.op == COMBINATION:
            size += 2 + sum(1 + (abs(k) != 1) for k in term.numbers[1:])
        else:
            size += max(1, len(term.operands) - 1) if term.op in ANY_NUMBER else 1
    return size


def _ordered(form: Form) -> tuple[str, list[int]]:
    """The form as text, and its values in canonical order, states that nothing reads among them."""
    graph = form.graph
    states = [value for value, term in enumerate(graph.terms) if term.op == "state"]
    values = [*states, *(value for value in form.reachable if graph.terms[value].op != "state")]
    place = {value: i for i, value in enumerate(values)}
    following = [(place[v], place[form.states[graph.terms[v].weights[0][0]]]) for v in states]
    edges: list[list[tuple[str, int]]] = [[] for _ in values]
    for i, value in enumerate(values):
        for kind, operand in _operands(graph.terms[value]):
            edges[i].append((f"reads {kind}", place[operand]))
            edges[place[operand]].append((f"read as {kind}", i))
    for state, n in following:
        edges[state].append(("next", n))
        edges[n].append(("next of", state))

    def text(ranks: Sequence[int]) -> str:
        lines = sorted((ranks[i], _line(graph.terms[value], ranks, place)) for i, value in enumerate(values))
        lines += sorted((ranks[state], f"next {ranks[n]}") for state, n in following)
        return "\n".join([*(f"{rank} {line}" for rank, line in lines), f"output {ranks[place[form.output]]}"])

    # What tells signs apart is gone from a form that is compared with others.
    looks = (lambda v: f"{graph.terms[v].op} {sorted(graph.terms[v].numbers)}") if graph.salts else graph.shape
    labels = [(looks(value), value == form.output) for value in values]
    found, ranks = labelled(labels, edges, text)
    return found, sorted(values, key=lambda value: ranks[place[value]])


def _operands(term: Term) -> Iterator[tuple[str, int]]:
    """(kind, value) of each operand; operands of the same kind may change places."""
    if term.op == COMBINATION:
        yield from ((repr(k), operand) for k, operand in zip(term.numbers[1:], term.operands, strict=True))
    elif commutes(term.op):
        yield from (("any", operand) for operand in term.operands)
    else:
        yield from ((str(i), operand) for i, operand in enumerate(term.operands))


def _line(term: Term, ranks: Sequence[int], place: Mapping[int, int]) -> str:
    operands = [ranks[place[operand]] for operand in term.operands]
    if term.op == COMBINATION:
        factors = sorted(zip(operands, map(repr, term.numbers[1:]), strict=True))
        return f"{term.op} {term.numbers[0]!r} {factors}"
    return f"{term.op} {term.numbers} {sorted(operands) if commutes(term.op) else operands}"


class _Writer:
    """Writes a form, its values in canonical order, as a cell of the table's operations."""

    def __init__(self, form: Form, values: Sequence[int]) -> None:
        self.form = form
        self.graph = form.graph
        self.rank = {value: i for i, value in enumerate(values)}
        self.nodes: dict[str, Node] = {}
        self.origins: dict[str, Term] = {}
        self.names: dict[int, str] = {}
        self.written: dict[Node, str] = {}
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
        """Terms that are added first, those that are taken away from them then, the constant last."""
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
        if node not in self.written:
            self.written[node] = self._add(node)
        return self.written[node]

    def _add(self, node: Node) -> str:
        name = f"{node.op}_{1 + sum(other.op == node.op for other in self.nodes.values())}"
        self.nodes[name] = node
        return name

    def _reaching(self, states: dict[str, str], output: str) -> tuple[dict[str, str], str]:
        """With zero times what the rules found to make no difference, since in a cell everything has an influence."""
        over_time: nx.DiGraph[str] = nx.DiGraph()
        over_time.add_nodes_from([INPUT, *states])
        over_time.add_edges_from((operand, name) for name, node in self.nodes.items() for operand in node.operands)
        over_time.add_edges_from((following, state) for state, following in states.items())
        influenced, useful = nx.descendants(over_time, INPUT), nx.ancestors(over_time, output)
        for state, following in states.items():
            if state not in influenced:
                states[state] = self._node("sum", following, self._times(INPUT, 0.0))
        if output not in influenced and not any(state in useful for state in states):
            output = self._node("sum", output, self._times(INPUT, 0.0))
        for state in states:
            if state not in useful:
                output = self._node("sum", output, self._times(state, 0.0))
        return states, output
