"""Places and groups: what a program is made of, in names of the cell, without addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cellsearch.cell import INPUT, LINEAR, Cell
from cellsearch.recurrence.plan.plan import Phase, Plan, Product
from cellsearch.recurrence.program.lowering import Lowering, functions

__all__ = ["Call", "Group", "Place", "PlaceKind", "home", "stored"]

PlaceKind = Literal[
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

    kind: PlaceKind
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
        node = cell.nodes[name]
        cheap = node.op != LINEAR and not any(functions(node.row.value))
        if cheap and name not in multiplied and home(plan.step, cell, name).kind == "value":
            waiting.extend(operand for operand in node.operands if operand in cell.nodes)
        else:
            found.add(name)
    return frozenset(found)
