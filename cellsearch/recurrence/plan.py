"""The plan: what of a cell is computed when, decided once from the graph, without a tensor.

A sequence passes through three phases. `before` holds the nodes that depend on the input alone, `after` those that
nothing recurrent depends on: both run for all steps at once. `loop` is the rest, a step at a time. That suits a
backend for which every operation of a step costs something. Where a step costs nothing but its arithmetic, all nodes
are better off in one loop, in which their values never leave the cache: the phase `step`.

All linears of a phase share one block of memory [T, B, linears * H], a column of width H each. A block begins as the
biases; what is known before the phase is then multiplied by the weights of all linears that take it in one product
for all steps (`prepared`), and inside of the phase each value is multiplied as soon as it exists. The adjoint runs
backwards through the same steps; gradients of learned arrays wait until the reverse loop is over and take one product
or one sum each, so that a backend only has to keep the gradients of linears and of nodes with learned vectors.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import networkx as nx

from cellsearch.cell import INPUT, LINEAR, Cell
from cellsearch.cell.expression import parse

__all__ = [
    "Arrived",
    "Carried",
    "Compute",
    "Derivative",
    "Gradient",
    "Phase",
    "Plan",
    "Product",
    "Returned",
    "plan",
    "values_read",
]


@dataclass(frozen=True)
class Product:
    """Add `operand` times the weights of `linears`, neighbouring columns of the block, to these columns."""

    operand: str
    linears: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(self.linears)} += weights @ {self.operand}"


@dataclass(frozen=True)
class Compute:
    """Node `node` gets its value; `overwrites` is the linear whose column it takes over, since nobody else reads it."""

    node: str
    overwrites: str | None = None

    def __str__(self) -> str:
        return f"{self.node}" + (f" in place of {self.overwrites}" if self.overwrites else "")


@dataclass(frozen=True)
class Derivative:
    """Part of a gradient: the table's derivative of `user` by its operand of this letter."""

    user: str
    letter: str

    def __str__(self) -> str:
        return f"d {self.user} / d {self.letter}"


@dataclass(frozen=True)
class Returned:
    """Part of a gradient: the gradients of the product's linears times their weights."""

    product: Product

    def __str__(self) -> str:
        return f"weights of {', '.join(self.product.linears)}"


@dataclass(frozen=True)
class Carried:
    """Part of a gradient: what the following step found for the state of which this is the next value."""

    state: str

    def __str__(self) -> str:
        return f"{self.state} of the next step"


@dataclass(frozen=True)
class Arrived:
    """Part of a gradient: what came from outside and from later phases, known before the phase's adjoint begins."""

    def __str__(self) -> str:
        return "later phases"


Part = Derivative | Returned | Carried | Arrived


@dataclass(frozen=True)
class Gradient:
    """The gradient of `of` within the phase is the sum of `parts`."""

    of: str
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return f"{self.of}: {' + '.join(map(str, self.parts))}"


@dataclass(frozen=True)
class Phase:
    """One phase: `states` (the loop's) and the nodes `members` are born in it, `linears` are the block's columns.

    In the adjoint the sources come last: states, whose gradients are carried to the step before, and values of
    earlier phases, which get what this phase adds to their gradients.
    """

    name: str
    states: tuple[str, ...]
    members: tuple[str, ...]
    linears: tuple[str, ...]
    prepared: tuple[Product, ...]
    steps: tuple[Product | Compute, ...]
    adjoint: tuple[Gradient, ...]

    @property
    def products(self) -> tuple[Product, ...]:
        """All products, those for all steps at once first."""
        return self.prepared + tuple(step for step in self.steps if isinstance(step, Product))

    @property
    def columns(self) -> Mapping[str, int]:
        """The column in which each linear, and each node that overwrites one, has its value."""
        column = {linear: i for i, linear in enumerate(self.linears)}
        overwriting = (step for step in self.steps if isinstance(step, Compute) and step.overwrites)
        return column | {step.node: column[str(step.overwrites)] for step in overwriting}

    def __str__(self) -> str:
        lines = [f"{self.name}: block [{', '.join(self.linears)}]"]
        lines += [f"  all steps  {product}" for product in self.prepared]
        lines += [f"  forward    {step}" for step in self.steps]
        lines += [f"  reverse    {gradient}" for gradient in self.adjoint]
        return "\n".join(lines)


@dataclass(frozen=True)
class Plan:
    """How a cell runs over a sequence.

    `saved` are the values of the forward pass that the backward pass reads, for a state its next value too.
    """

    cell: Cell
    before: Phase
    loop: Phase
    after: Phase
    step: Phase
    saved: frozenset[str]

    @property
    def phases(self) -> tuple[Phase, Phase, Phase]:
        """The phases in the order of the forward pass."""
        return self.before, self.loop, self.after

    def __str__(self) -> str:
        saved = [name for name in (*self.cell.sources, *self.cell.order) if name in self.saved]
        return "\n".join([*map(str, self.phases), f"saved: {', '.join(saved)}"])


@lru_cache(maxsize=1024)
def plan(cell: Cell) -> Plan:
    """The plan of a resolved cell whose linears are all plain ones (`structured.plain`)."""
    recurrent = set[str]().union(*(nx.descendants(cell.graph, state) for state in cell.states))
    carried = set(cell.states.values())
    feeding = carried.union(*(nx.ancestors(cell.graph, following) for following in carried))
    before = [n for n in cell.order if n not in recurrent]
    loop = [n for n in cell.order if n in recurrent and n in feeding]
    after = [n for n in cell.order if n in recurrent and n not in feeding]
    return Plan(
        cell,
        _Planner(cell, "before", (), before, later={*loop, *after}).phase(),
        _Planner(cell, "loop", tuple(cell.states), loop, later={*after}).phase(),
        _Planner(cell, "after", (), after, later=set()).phase(),
        _Planner(cell, "step", tuple(cell.states), list(cell.order), later=set()).phase(),
        _saved(cell),
    )


class _Planner:
    """Plans one phase: `states` and `members` are the values born in it, `later` the members of later phases."""

    def __init__(
        self, cell: Cell, name: str, states: tuple[str, ...], members: list[str], later: Collection[str]
    ) -> None:
        self.cell = cell
        self.name = name
        self.states = states
        self.own = {*states, *members}
        self.later = later
        levels = self._levels(members)
        self.members = sorted(members, key=levels.__getitem__)  # stable, so that operands still come first
        self.linears = self._columns()

    def phase(self) -> Phase:
        outside = dict.fromkeys(o for n in self.linears for o in self.cell.nodes[n].operands if o not in self.own)
        prepared = [product for operand in outside for product in self._products(operand)]
        steps = list(self._steps())
        adjoint = tuple(self._adjoint(steps))
        return Phase(self.name, self.states, tuple(self.members), self.linears, tuple(prepared), tuple(steps), adjoint)

    def _levels(self, members: list[str]) -> dict[str, int]:
        """How many products of the phase each member waits for, one after the other."""
        levels = dict.fromkeys(self.states, 0)
        for name in members:
            node = self.cell.nodes[name]
            waits = [levels[operand] + (node.op == LINEAR) for operand in node.operands if operand in self.own]
            levels[name] = max(waits, default=0)
        return levels

    def _columns(self) -> tuple[str, ...]:
        """The linears, those that take the same values side by side, so that a value needs few products."""
        place = {name: i for i, name in enumerate((INPUT, *self.cell.states, *self.cell.order))}

        def kinship(linear: str) -> tuple[list[int], list[int]]:
            operands = set(self.cell.nodes[linear].operands)
            own = sorted(place[operand] for operand in operands if operand in self.own)
            return own, sorted(place[operand] for operand in operands)

        return tuple(sorted((n for n in self.members if self.cell.nodes[n].op == LINEAR), key=kinship))

    def _products(self, operand: str) -> Iterator[Product]:
        taken = groupby(self.linears, lambda linear: operand in self.cell.nodes[linear].operands)
        return (Product(operand, tuple(run)) for takes, run in taken if takes)

    def _steps(self) -> Iterator[Product | Compute]:
        for state in self.states:
            yield from self._products(state)
        overwriting = {n: o for n in self.members if (o := _overwritten(self.cell, n)) in self.members}
        for name in self.members:
            if name not in overwriting.values():
                yield Compute(name, overwriting.get(name))
                yield from self._products(name)

    def _adjoint(self, steps: list[Product | Compute]) -> Iterator[Gradient]:
        products = [step for step in steps if isinstance(step, Product)]
        for step in reversed(steps):
            if isinstance(step, Compute):
                yield Gradient(step.node, (*self._arrived(step.node), *self._parts(step.node, products)))
                if step.overwrites:
                    yield Gradient(step.overwrites, (Derivative(step.node, "a"),))
        for state in self.states:
            yield Gradient(state, (*self._arrived(state), *self._parts(state, products)))
        for source in (*self.cell.sources, *self.cell.order):
            if source not in self.own and (parts := tuple(self._parts(source, products))):
                yield Gradient(source, parts)

    def _arrived(self, name: str) -> Iterator[Arrived]:
        carried_in_loop = not self.states and name in self.cell.states.values()
        if name == self.cell.output or carried_in_loop or any(user in self.later for user in self.cell.users(name)):
            yield Arrived()

    def _parts(self, name: str, products: list[Product]) -> Iterator[Part]:
        yield from (Carried(state) for state in self.states if self.cell.states[state] == name)
        for user in self.members:
            node = self.cell.nodes[user]
            if node.op != LINEAR:
                letters = zip("abc", node.operands, strict=False)
                yield from (Derivative(user, letter) for letter, operand in letters if operand == name)
        yield from (Returned(product) for product in products if product.operand == name)


def _overwritten(cell: Cell, name: str) -> str | None:
    """The linear that this function of one value is alone to read, if neither pass needs its value later."""
    node = cell.nodes[name]
    if node.op == LINEAR or not isinstance(parse(node.row.value), ast.Call) or len(node.operands) != 1:
        return None
    operand = node.operands[0]
    derivative = parse(node.row.derivatives["a"])
    in_place = isinstance(derivative, ast.BinOp) and isinstance(derivative.op, ast.Mult)
    kept = operand in cell.states.values() or operand == cell.output or cell.users(operand) != (name,)
    of_linear = operand in cell.nodes and cell.nodes[operand].op == LINEAR
    return operand if of_linear and in_place and not kept and "a" not in _names(node.row.derivatives["a"]) else None


def values_read(cell: Cell, node: str, letter: str) -> dict[str, str]:
    """The values that the derivative of an operation by an operand or learned vector reads, by their letter."""
    row, operands = cell.nodes[node].row, cell.nodes[node].operands
    known = {"y": node, **dict(zip("abc", operands, strict=False))}
    return {letter: known[letter] for letter in sorted(_names(row.derivatives[letter])) if letter in known}


def _saved(cell: Cell) -> frozenset[str]:
    saved: set[str] = set()
    for name, node in cell.nodes.items():
        for letter in node.row.derivatives:
            saved.update(values_read(cell, name, letter).values())
        if node.op == LINEAR:
            saved.update(node.operands)
    return frozenset(saved | {following for state, following in cell.states.items() if state in saved})


def _names(expression: str) -> set[str]:
    return {node.id for node in ast.walk(parse(expression)) if isinstance(node, ast.Name)}
