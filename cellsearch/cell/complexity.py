"""What a cell costs, by formula: learned numbers and operations of one step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cellsearch.cell.cell import Cell
from cellsearch.cell.ops import INPUT, LINEAR

__all__ = ["Complexity", "complexity", "parameter_shapes"]


@dataclass(frozen=True)
class Complexity:
    """Cost of one step of one layer for one sequence.

    `parameters` counts learned numbers, `multiply_adds` those of the matrix products, `elementwise` the other
    floating-point operations, `nodes` and `states` the graph's.
    """

    parameters: int
    multiply_adds: int
    elementwise: int
    nodes: int
    states: int


def complexity(cell: Cell, input_size: int, hidden_size: int) -> Complexity:
    """The cell's cost at these sizes."""
    cell = cell.resolved(input_size, hidden_size)
    shapes = [shape for _, _, shape in parameter_shapes(cell, input_size, hidden_size)]
    return Complexity(
        parameters=sum(_product(shape) for shape in shapes),
        multiply_adds=sum(_product(shape) for shape in shapes if len(shape) == 2),
        elementwise=sum(node.row.operations * hidden_size for node in cell.nodes.values()),
        nodes=len(cell.nodes),
        states=len(cell.states),
    )


def parameter_shapes(cell: Cell, input_size: int, hidden_size: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(node, parameter, shape) of every learned array of a resolved cell: weights [H, size of operand], vectors [H]."""
    for name, node in cell.nodes.items():
        for parameter in node.parameters():
            if node.op == LINEAR and parameter != "bias":
                operand = node.operands[int(parameter.removeprefix("weight_"))]
                yield name, parameter, (hidden_size, input_size if operand == INPUT else hidden_size)
            else:
                yield name, parameter, (hidden_size,)


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
