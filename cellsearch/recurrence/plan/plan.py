"""The plan: what of a cell is computed when, decided once from the graph, without a tensor.

A sequence passes through three phases. `before` holds the nodes that depend on the input alone, `after` those that
nothing recurrent depends on: both run for all steps at once. `loop` is the rest, a step at a time. That suits a
backend for which every operation of a step costs something. Where a step costs nothing but its arithmetic, all nodes
are better off in one loop, in which their values never leave the cache: the phase `step`.

All linears of a phase share one block of memory [T, B, linears * H], a column of width H each. A block begins as the
biases; what is known before the phase is then multiplied by the weights of all linears that take it in one product
for all steps (`prepared`), and inside of the phase each value is multiplied as soon as it exists. The adjoint runs
backwards through the same actions; gradients of learned arrays wait until the reverse loop is over and take one product
or one sum each, so that a backend only has to keep the gradients of linears and of nodes with learned vectors.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from cellsearch.cell import Cell
from cellsearch.cell.expression import parse

__all__ = [
    "Arrived",
    "Carried",
    "Compute",
    "Derivative",
    "Gradient",
    "Part",
    "Phase",
    "Plan",
    "Product",
    "Returned",
    "names",
    "values_read",
    "weight_names",
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
    actions: tuple[Product | Compute, ...]
    adjoint: tuple[Gradient, ...]

    @property
    def products(self) -> tuple[Product, ...]:
        """All products, those for all steps at once first."""
        return self.prepared + tuple(each for each in self.actions if isinstance(each, Product))

    @property
    def columns(self) -> Mapping[str, int]:
        """The column in which each linear, and each node that overwrites one, has its value."""
        column = {linear: i for i, linear in enumerate(self.linears)}
        overwriting = (each for each in self.actions if isinstance(each, Compute) and each.overwrites)
        return column | {each.node: column[str(each.overwrites)] for each in overwriting}

    def __str__(self) -> str:
        lines = [f"{self.name}: block [{', '.join(self.linears)}]"]
        lines += [f"  all steps  {product}" for product in self.prepared]
        lines += [f"  forward    {action}" for action in self.actions]
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


def values_read(cell: Cell, node: str, letter: str) -> dict[str, str]:
    """The values that the derivative of an operation by an operand or learned vector reads, by their letter."""
    row, operands = cell.nodes[node].row, cell.nodes[node].operands
    known = {"y": node, **dict(zip("abc", operands, strict=False))}
    return {letter: known[letter] for letter in sorted(names(row.derivatives[letter])) if letter in known}


def weight_names(cell: Cell, linear: str, operand: str) -> tuple[str, ...]:
    """The linear's weights that multiply the operand; several if it is an operand more than once."""
    return tuple(f"weight_{i}" for i, each in enumerate(cell.nodes[linear].operands) if each == operand)


def names(expression: str) -> set[str]:
    """The names of values and functions in an expression of the table."""
    return {node.id for node in ast.walk(parse(expression)) if isinstance(node, ast.Name)}
