"""The program of a cell: its plan as matrix products and groups of elementwise work, forward and in reverse.

A step is a row of groups. A group begins with matrix products; then one pass over the rows of the batch computes all
that can be computed before the next product has to run. Nothing here knows a language or a device.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from typing import Final, Literal

from cellsearch.cell import INPUT, LINEAR, Cell
from cellsearch.cell.expression import parse
from cellsearch.recurrence.native.lowering import Lowering
from cellsearch.recurrence.plan import (
    Arrived,
    Carried,
    Compute,
    Derivative,
    Gradient,
    Phase,
    Plan,
    Product,
    Returned,
    plan,
    values_read,
)

__all__ = ["Call", "Group", "Place", "Program", "home", "program", "stored"]

Kind = Literal[
    "given", "input", "state", "column", "value", "vector",
    "arrived", "state_gradient", "gradient_column", "gradient", "returned", "input_gradient",
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a vector of a step lies; `shift` 1 is the following step's place.

    The input is read by products as it is `given`, by nodes as `input`, in whole vectors. A `state` is what the step
    begins with, at shift 1 what it ends with; a `state_gradient` at shift 1 is what the following step found. `column`
    and `gradient_column` belong to a linear: until the bias is added, a column is the sum of its `products`. `returned`
    belongs to the operand that a product gives its gradient to, `vector` is the learned `parameter` of a node.
    """

    kind: Kind
    of: str
    shift: int = 0
    parameter: str = ""


@dataclass(frozen=True)
class Call:
    """One matrix product: `target` gets, or with `adds` is added, `operand` times the weights of the product."""

    product: Product
    operand: Place
    target: Place
    adds: bool


@dataclass
class Group:
    """Matrix products, then one pass over the rows: what is stored where, and what is summed over batch and time.

    `names` are the nodes whose values, or the values whose gradients, come out of the pass.
    """

    names: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    lowering: Lowering = field(default_factory=Lowering)
    stores: list[tuple[Place, int]] = field(default_factory=list)
    sums: list[tuple[Place, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Program:
    """Forward and reverse groups of one step, `stored` are the values that the reverse pass loads.

    The products of the input, and those that lead gradients back to it, wait for no step: `prepared` and `returned`
    run for several steps at once, before and after these.
    """

    plan: Plan
    phase: Phase
    prepared: tuple[Call, ...]
    forward: tuple[Group, ...]
    reverse: tuple[Group, ...]
    returned: tuple[Call, ...]
    stored: frozenset[str]


LASTING: Final = ("state", "state_gradient", "gradient_column", "input_gradient")
"""Places that are read after the step."""


@lru_cache(maxsize=1024)
def program(cell: Cell) -> Program:
    """The program of a resolved cell whose linears are all plain ones."""
    made = plan(cell)
    kept = stored(made)
    forward, reverse = _Forward(made, kept).groups(), _Reverse(made, kept).groups()
    loaded = {home(made.step, cell, cell.output), *_loaded([*forward, *reverse])}
    for group in (*forward, *reverse):
        group.stores = [(place, value) for place, value in group.stores if place.kind in LASTING or place in loaded]
    prepared = tuple(
        Call(product, Place("given", INPUT), Place("column", product.linears[0]), adds=False)
        for product in made.step.prepared
    )
    found = any(place.kind == "input_gradient" for group in reverse for place, _ in group.stores)
    returned = tuple(
        Call(call.product, replace(call.target, kind="gradient_column"), Place("input_gradient", INPUT), found or i > 0)
        for i, call in enumerate(prepared)
    )
    return Program(made, made.step, prepared, tuple(forward), tuple(reverse), returned, kept)


def home(phase: Phase, cell: Cell, name: str) -> Place:
    """Where a value can be read once it is computed, for as long as anybody needs it."""
    if name == INPUT:
        return Place("input", INPUT)
    if name in cell.states:
        return Place("state", name)
    following = [state for state, node in cell.states.items() if node == name]
    if following:
        return Place("state", following[0], shift=1)
    if name in phase.columns:
        return Place("column", phase.linears[phase.columns[name]])
    return Place("value", name)


def stored(plan: Plan) -> frozenset[str]:
    """The nodes whose values the reverse pass loads. What costs a few multiplications is computed again instead."""
    cell, found, waiting = plan.cell, set[str](), [name for name in plan.saved if name in plan.cell.nodes]
    multiplied = {operand for node in cell.nodes.values() if node.op == LINEAR for operand in node.operands}
    while waiting:
        name = waiting.pop()
        cheap = not any(isinstance(each, ast.Call) for each in ast.walk(parse(cell.nodes[name].row.value or "f()")))
        if cheap and name not in multiplied and home(plan.step, cell, name).kind == "value":
            waiting.extend(operand for operand in cell.nodes[name].operands if operand in cell.nodes)
        else:
            found.add(name)
    return frozenset(found)


def _loaded(groups: Iterable[Group]) -> Iterator[Place]:
    for group in groups:
        yield from (call.operand for call in group.calls)
        results = [value for _, value in (*group.stores, *group.sums)]
        for number in group.lowering.needed(results):
            if group.lowering.instructions[number].name == "load":
                yield group.lowering.instructions[number].of  # type: ignore[misc]


class _Pass:
    """What both passes share: the groups so far, and how values are found."""

    def __init__(self, plan: Plan, stored: frozenset[str]) -> None:
        self.plan, self.cell, self.phase, self.stored = plan, plan.cell, plan.step, stored
        self.done: list[Group] = [Group()]
        self.known: dict[str, int] = {}

    @property
    def group(self) -> Group:
        return self.done[-1]

    def begin(self) -> None:
        self.done.append(Group())
        self.known = {}

    def home(self, name: str) -> Place:
        return home(self.phase, self.cell, name)

    def names(self, node: str) -> dict[str, int]:
        """The constant and the learned vectors of a node, as its expressions call them."""
        row, lowering = self.cell.nodes[node].row, self.group.lowering
        vectors = {p: lowering.load(Place("vector", node, parameter=p)) for p in row.parameters}
        constant = {} if row.constant is None else {"k": lowering.constant(self.cell.nodes[node].constant)}
        return vectors | constant

    def computed(self, node: str) -> int:
        """The value of a node, from its operands."""
        row, operands = self.cell.nodes[node].row, self.cell.nodes[node].operands
        letters = zip("abc", operands, strict=False)
        return self.group.lowering.lower(
            row.value, {letter: self.value(operand) for letter, operand in letters} | self.names(node)
        )

    def value(self, name: str) -> int:
        raise NotImplementedError


class _Forward(_Pass):
    """The forward groups: a group ends where a node waits for a product of what the group computes."""

    def groups(self) -> list[Group]:
        self.waiting: list[Call] = []
        self.made_in: dict[str, Group] = {}
        self.begun = {linear for product in self.phase.prepared for linear in product.linears}
        for step in self.phase.steps:
            if isinstance(step, Product):
                self._multiply(step)
            else:
                self._compute(step)
        return self.done

    def _multiply(self, product: Product) -> None:
        calls = self.waiting if self.made_in.get(product.operand) is self.group else self.group.calls
        for adds, linears in groupby(product.linears, self.begun.__contains__):
            part = Product(product.operand, tuple(linears))
            calls.append(Call(part, self.home(part.operand), Place("column", part.linears[0]), adds))
        self.begun.update(product.linears)

    def _compute(self, step: Compute) -> None:
        node = self.cell.nodes[step.node]
        read = {step.node} if node.op == LINEAR else set(node.operands)
        if any(linear in read for call in self.waiting for linear in call.product.linears):
            self.begin()
            self.group.calls, self.waiting = self.waiting, []
        value = self.known[step.node] = self._completed(step.node) if node.op == LINEAR else self.computed(step.node)
        self.made_in[step.node] = self.group
        self.group.names.append(step.node)
        self.group.stores += [(place, value) for place in self._places(step.node)]

    def _completed(self, linear: str) -> int:
        """The sum of the linear's products, with its bias."""
        lowering = self.group.lowering
        products = lowering.load(Place("column", linear, parameter="products"))
        return lowering.sum([products, lowering.load(Place("vector", linear, parameter="bias"))])

    def _places(self, name: str) -> Iterator[Place]:
        following = [state for state, node in self.cell.states.items() if node == name]
        yield from (Place("state", state, shift=1) for state in following)
        if not following:
            yield self.home(name)

    def value(self, name: str) -> int:
        if name not in self.known:
            incomplete = name in self.phase.linears and name not in self.made_in  # its one user takes its place
            loaded = self._completed(name) if incomplete else self.group.lowering.load(self.home(name))
            self.known[name] = loaded
        return self.known[name]


class _Reverse(_Pass):
    """The reverse groups: a group ends where a gradient waits for a product of what the group computes."""

    def groups(self) -> list[Group]:
        self.gradients: dict[str, int] = {}
        self.made_in: dict[str, Group] = {}
        sources = [gradient for gradient in self.phase.adjoint if gradient.of not in self.cell.nodes]
        for gradient in self.phase.adjoint[: -len(sources)]:
            self._gradient(gradient)
        for gradient in sorted(sources, key=self._waits):
            self._gradient(gradient)
        return self.done

    def _waits(self, gradient: Gradient) -> bool:
        return any(isinstance(part, Returned) for part in gradient.parts)

    def begin(self) -> None:
        super().begin()
        self.gradients = {}

    def _gradient(self, gradient: Gradient) -> None:
        products = [part.product for part in gradient.parts if isinstance(part, Returned)]
        if any(self.made_in.get(linear) is self.group for product in products for linear in product.linears):
            self.begin()
        others = [part for part in gradient.parts if not isinstance(part, Returned)]
        is_state = gradient.of in self.cell.states
        target = Place("state_gradient", gradient.of) if is_state and not others else Place("returned", gradient.of)
        for i, product in enumerate(products):
            operand = Place("gradient_column", product.linears[0])
            self.group.calls.append(Call(product, operand, target, adds=i > 0))
        self.made_in[gradient.of] = self.group
        if target.kind == "returned":
            self._sum(gradient, others, bool(products))

    def _sum(self, gradient: Gradient, parts: list[Arrived | Carried | Derivative], returned: bool) -> None:
        lowering = self.group.lowering
        terms = [self._part(gradient.of, part) for part in parts]
        if returned:
            terms.append(lowering.load(Place("returned", gradient.of)))
        total = self.gradients[gradient.of] = lowering.sum(terms)
        self.group.names.append(gradient.of)
        self.group.stores.append((self._place(gradient.of), total))
        if gradient.of in self.cell.nodes:
            self._learn(gradient.of, total)

    def _place(self, name: str) -> Place:
        if name == INPUT:
            return Place("input_gradient", INPUT)
        if name in self.cell.states:
            return Place("state_gradient", name)
        is_linear = self.cell.nodes[name].op == LINEAR
        return Place("gradient_column" if is_linear else "gradient", name)

    def _learn(self, name: str, gradient: int) -> None:
        node = self.cell.nodes[name]
        if node.op == LINEAR:
            self.group.sums.append((Place("vector", name, parameter="bias"), gradient))
        else:
            for parameter in node.row.parameters:
                place = Place("vector", name, parameter=parameter)
                self.group.sums.append((place, self._derivative(name, parameter)))

    def _part(self, of: str, part: Arrived | Carried | Derivative) -> int:
        match part:
            case Arrived():
                return self.group.lowering.load(Place("arrived", of))
            case Carried(state):
                return self.group.lowering.load(Place("state_gradient", state, shift=1))
            case Derivative(user, letter):
                return self._derivative(user, letter)

    def _derivative(self, user: str, letter: str) -> int:
        if user not in self.gradients:
            self.gradients[user] = self.group.lowering.load(Place("gradient", user))
        read = {k: self.value(of) for k, of in values_read(self.cell, user, letter).items()}
        names = {"g": self.gradients[user]} | read | self.names(user)
        return self.group.lowering.lower(self.cell.nodes[user].row.derivatives[letter], names)

    def value(self, name: str) -> int:
        if name not in self.known:
            loaded = name not in self.cell.nodes or name in self.stored
            self.known[name] = self.group.lowering.load(self.home(name)) if loaded else self.computed(name)
        return self.known[name]
