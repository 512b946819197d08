"""A node: one operation of a cell, with what it is applied to."""

from __future__ import annotations

from dataclasses import dataclass

from cellsearch.cell.ops import OPS, Op

__all__ = ["Node"]


@dataclass(frozen=True)
class Node:
    """One operation of a cell: its row in the table, its operands in order, and its numbers.

    `initial_bias` is where the learned bias starts, `constant` the number that operations such as times_constant have.
    """

    op: str
    operands: tuple[str, ...]
    initial_bias: float = 0.0
    constant: float = 1.0

    @property
    def row(self) -> Op:
        """The operation's row in the table."""
        return OPS[self.op]

    def parameters(self) -> tuple[str, ...]:
        """Names of the node's learned arrays; linears have `weight_0`, `weight_1`, ... in operand order.

        A block-diagonal or low-rank weight is stored as the matrices that it is made of: see `parameter_shapes`.
        """
        weights = tuple(f"weight_{i}" for i in range(len(self.operands))) if self.row.is_linear else ()
        return weights + tuple(self.row.parameters)
