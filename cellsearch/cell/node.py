"""A node: one operation of a cell, with what it is applied to, and a name for it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from cellsearch.cell.ops import OPS, Op

__all__ = ["Node", "free_name"]


@dataclass(frozen=True)
class Node:
    """One operation of a cell: its row in the table, its operands in order, and its numbers.

    `initial_bias` is where the learned bias starts, `constant` the number that operations such as times_constant have.
    """

    op: str
    operands: tuple[str, ...]
    initial_bias: float = 0.0
    constant: float = 1.0

    def __post_init__(self) -> None:
        for name in ("initial_bias", "constant"):
            if not isinstance(getattr(self, name), int | float):  # numpy's
                object.__setattr__(self, name, float(getattr(self, name)))

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


def free_name(stem: str, taken: Container[str]) -> str:
    """The stem where it is not taken, else the first of stem_2, stem_3, ... that is not."""
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    return name
