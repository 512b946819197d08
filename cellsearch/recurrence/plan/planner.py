"""From the graph to a plan: in which phase each node is computed, in which order, and what its gradient is a sum of."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import groupby

import networkx as nx

from cellsearch.cell import INPUT, LINEAR, Cell
from cellsearch.cell.expression import parse
from cellsearch.recurrence.plan.plan import (
    Arrived,
    Carried,
    Compute,
    Derivative,
    Gradient,
    Part,
    Phase,
    Plan,
    Product,
    Returned,
    names,
    values_read,
)

__all__ = ["plan"]


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
        actions = list(self._actions())
        adjoint = tuple(self._adjoint(actions))
        return Phase(
            self.name, self.states, tuple(self.members), self.linears, tuple(prepared), tuple(actions), adjoint
        )

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

    def _actions(self) -> Iterator[Product | Compute]:
        for state in self.states:
            yield from self._products(state)
        overwriting = {n: o for n in self.members if (o := _overwritten(self.cell, n)) in self.members}
        for name in self.members:
            if name not in overwriting.values():
                yield Compute(name, overwriting.get(name))
                yield from self._products(name)

    def _adjoint(self, actions: list[Product | Compute]) -> Iterator[Gradient]:
        products = [action for action in actions if isinstance(action, Product)]
        for action in reversed(actions):
            if isinstance(action, Compute):
                yield Gradient(action.node, (*self._arrived(action.node), *self._parts(action.node, products)))
                if action.overwrites:
                    yield Gradient(action.overwrites, (Derivative(action.node, "a"),))
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
    return operand if of_linear and in_place and not kept and "a" not in names(node.row.derivatives["a"]) else None


def _saved(cell: Cell) -> frozenset[str]:
    saved: set[str] = set()
    for name, node in cell.nodes.items():
        for letter in node.row.derivatives:
            saved.update(values_read(cell, name, letter).values())
        if node.op == LINEAR:
            saved.update(node.operands)
    return frozenset(saved | {following for state, following in cell.states.items() if state in saved})
