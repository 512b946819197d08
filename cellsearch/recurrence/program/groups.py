"""Groups from a plan: all that can be computed before the next matrix product has to run, forward and in reverse."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from cellsearch.cell import INPUT, LINEAR
from cellsearch.recurrence.plan.plan import (
    Arrived,
    Carried,
    Compute,
    Derivative,
    Gradient,
    Plan,
    Product,
    Returned,
    values_read,
)
from cellsearch.recurrence.program.places import Call, Group, Place, home

__all__ = ["ForwardGroups", "ReverseGroups"]


class _Groups:
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


class ForwardGroups(_Groups):
    """The forward groups: a group ends where a node waits for a product of what the group computes."""

    def groups(self) -> list[Group]:
        self.waiting: list[Call] = []
        self.made_in: dict[str, Group] = {}
        self.begun = {linear for product in self.phase.prepared for linear in product.linears}
        for action in self.phase.actions:
            if isinstance(action, Product):
                self._multiply(action)
            else:
                self._compute(action)
        return self.done

    def _multiply(self, product: Product) -> None:
        calls = self.waiting if self.made_in.get(product.operand) is self.group else self.group.calls
        for adds, linears in groupby(product.linears, self.begun.__contains__):
            part = Product(product.operand, tuple(linears))
            calls.append(Call(part, self.home(part.operand), Place("column", part.linears[0]), adds))
        self.begun.update(product.linears)

    def _compute(self, action: Compute) -> None:
        node = self.cell.nodes[action.node]
        read = {action.node} if node.op == LINEAR else set(node.operands)
        if any(linear in read for call in self.waiting for linear in call.product.linears):
            self.begin()
            self.group.calls, self.waiting = self.waiting, []
        value = self.known[action.node] = (
            self._completed(action.node) if node.op == LINEAR else self.computed(action.node)
        )
        self.made_in[action.node] = self.group
        self.group.names.append(action.node)
        self.group.stores += [(place, value) for place in self._places(action.node)]

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


class ReverseGroups(_Groups):
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
