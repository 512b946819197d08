"""What a cell costs, by formula: learned numbers, operations and waiting of one step; and the size a budget buys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Final

from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.cell.node import Node
from cellsearch.cell.ops import BLOCK_LINEAR, INPUT, LINEAR, LOW_RANK_LINEAR
from cellsearch.errors import BudgetError

__all__ = ["Complexity", "complexity", "hidden_size_for", "parameter_shapes", "shares"]

FLOAT_BYTES: Final = 4
"""Of float32."""


@dataclass(frozen=True)
class Complexity:
    """Cost of one step of one layer for one sequence.

    `parameters` counts learned numbers, `multiply_adds` those of the matrix products, `elementwise` the other
    floating-point operations (a transcendental function is one, the additions of a linear are none), `state_bytes`
    what one sequence's states take in float32, `nodes` and `states` the graph's.

    What a sequence has to wait for at every step is `depth`, the operations on the longest path from a state to a next
    value, and `dependent_products`, the longest chain of matrix products on such a path. A product of the input or
    of what comes from it alone is done for all steps at once and counts in neither; a low-rank linear is two products.
    """

    parameters: int
    multiply_adds: int
    elementwise: int
    state_bytes: int
    depth: int
    dependent_products: int
    nodes: int
    states: int


def complexity(cell: Cell, input_size: int, hidden_size: int) -> Complexity:
    """The cell's cost at these sizes."""
    expect_cell(cell)
    cell = cell.resolved(input_size, hidden_size)
    shapes = [shape for _, _, shape in parameter_shapes(cell, input_size, hidden_size)]
    return Complexity(
        parameters=sum(map(prod, shapes)),
        multiply_adds=sum(prod(shape) for shape in shapes if len(shape) == 2),
        elementwise=sum(node.row.operations * hidden_size for node in cell.nodes.values()),
        state_bytes=len(cell.states) * hidden_size * FLOAT_BYTES,
        depth=_longest(cell, lambda node: int(node.row.is_linear or node.row.operations > 0)),
        dependent_products=_longest(cell, _products),
        nodes=len(cell.nodes),
        states=len(cell.states),
    )


def hidden_size_for(cell: Cell, parameters: int, input_size: int) -> int:
    """The largest hidden size at which one layer has at most `parameters` learned numbers.

    Raises BudgetError if not even one hidden unit fits.
    """
    projection = 0 if cell.resolved(input_size, input_size + 1) is cell else input_size * (input_size + 1)

    def count(hidden_size: int) -> int:
        return complexity(cell, input_size, hidden_size).parameters

    def fits(hidden_size: int) -> bool:
        # With the projection that a raw input needs at every other hidden size, the count only grows.
        return count(hidden_size) + (projection if hidden_size == input_size else 0) <= parameters

    low, high = 0, 1
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    best = input_size if low < input_size and count(input_size) <= parameters else low
    if not best:
        raise BudgetError(
            f"a budget of {parameters} parameters is too small for cell {cell.name!r} with input size {input_size}: "
            f"with one hidden unit it has {count(1)}; allow that many"
        )
    return best


def parameter_shapes(cell: Cell, input_size: int, hidden_size: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(node, parameter, shape) of every learned array of a resolved cell: weights [H, size of operand], vectors [H].

    A block-diagonal weight is stored as `block_0`, `block_1`, ..., as even as whole numbers can be, a low-rank one as
    `left` [H, rank] times `right` [rank, size of operand]; blocks and rank are no more than H and that size.
    """
    for name, node in cell.nodes.items():
        for weight, shape in _weights(node, input_size, hidden_size):
            yield name, weight, shape
        for vector in node.row.parameters:
            yield name, vector, (hidden_size,)


def _weights(node: Node, input_size: int, hidden_size: int) -> Iterator[tuple[str, tuple[int, int]]]:
    sizes = [input_size if operand == INPUT else hidden_size for operand in node.operands]
    count = min(int(node.constant), hidden_size, sizes[0])
    if node.op == LINEAR:
        yield from ((f"weight_{i}", (hidden_size, size)) for i, size in enumerate(sizes))
    elif node.op == BLOCK_LINEAR:
        blocks = zip(shares(hidden_size, count), shares(sizes[0], count), strict=True)
        yield from ((f"block_{i}", shape) for i, shape in enumerate(blocks))
    elif node.op == LOW_RANK_LINEAR:
        yield "left", (hidden_size, count)
        yield "right", (count, sizes[0])


def shares(size: int, count: int) -> list[int]:
    """The sizes of `count` blocks that share `size` units: block i covers i * size // count and what follows."""
    return [(i + 1) * size // count - i * size // count for i in range(count)]


def _longest(cell: Cell, cost: Callable[[Node], int]) -> int:
    """The largest sum of the nodes' costs on a path from a state to a next value."""
    so_far = dict.fromkeys(cell.states, 0)
    for name in cell.order:
        arrived = [so_far[operand] for operand in cell.nodes[name].operands if operand in so_far]
        if arrived:
            so_far[name] = max(arrived) + cost(cell.nodes[name])
    return max(so_far.get(following, 0) for following in cell.states.values())


def _products(node: Node) -> int:
    return 2 if node.op == LOW_RANK_LINEAR else int(node.row.is_linear)
