"""The reference backend: one torch call a node, one step after the other, differentiated by autograd.

It is the definition of what a cell means; every other backend is tested against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from cellsearch.cell import INPUT, LINEAR, OPS, Cell
from cellsearch.cell.expression import parse, torch_source
from cellsearch.recurrence.custom import USER
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.structured import product

__all__ = ["REFERENCE", "operation", "prepare"]


class Reference:
    """x: [T, B, I] time, batch, input; states and outputs: [.., B, H]."""

    name = "reference"

    def refuses(self, cell: Cell, x: Tensor) -> str | None:
        """Nothing: it runs every cell in every precision on every device."""
        return None

    def run(self, cell: Cell, parameters: Parameters, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Outputs and last states, a step and a node at a time."""
        outputs = []
        for x_t in x.unbind(0):
            output, states = _step(cell, parameters, x_t, states)
            outputs.append(output)
        return torch.stack(outputs), states


REFERENCE = Reference()


def _step(cell: Cell, parameters: Parameters, x: Tensor, states: States) -> tuple[Tensor, States]:
    values = {INPUT: x, **dict(zip(cell.states, states, strict=True))}
    for name in cell.order:
        node = cell.nodes[name]
        operands = [values[operand] for operand in node.operands]
        learned = parameters.get(name, {})
        if node.op == LINEAR:
            values[name] = _linear(operands, learned)
        elif node.row.is_linear:
            values[name] = product(node.op, operands[0], learned) + learned["bias"]
        else:
            values[name] = operation(node.op)(*operands, *learned.values(), k=node.constant)
    return values[cell.output], tuple(values[following] for following in cell.states.values())


def _linear(operands: list[Tensor], learned: Mapping[str, Tensor]) -> Tensor:
    products = [F.linear(operand, learned[f"weight_{i}"]) for i, operand in enumerate(operands)]
    return sum(products[1:], products[0]) + learned["bias"]


def operation(op: str) -> Callable[..., Tensor]:
    """The torch function of a row of the table: operands in order, learned vectors in order, the constant as `k`."""
    if op not in _OPERATIONS:
        _OPERATIONS[op] = _written(op)
    return _OPERATIONS[op]


def prepare(cell: Cell) -> None:
    """Write the functions of a cell's operations, which no compiler that is tracing could."""
    for node in cell.nodes.values():
        if not node.row.is_linear:
            operation(node.op)


_OPERATIONS: Final[dict[str, Callable[..., Tensor]]] = {}
"""Written so far; a dictionary, since a compiler that is tracing sees through one and not through a cache."""


def _written(op: str) -> Callable[..., Tensor]:
    row = OPS[op]
    arguments = ", ".join(["a", "b", "c"][: row.least] + list(row.parameters))
    # The text comes from the table of operations alone, never from a cell.
    source = f"lambda {arguments}, *, k=1.0: {torch_source(parse(row.value))}"
    return eval(source, {"math": math, "torch": torch, "user": USER})  # type: ignore[no-any-return]
