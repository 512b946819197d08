"""Matrix products as they are read: of any width, several in a row, until rows of them become linears of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cellsearch.cell import LINEAR
from cellsearch.cell.ops import LOW_RANK_LINEAR
from cellsearch.recurrence.trace.building.lines import Line
from cellsearch.recurrence.trace.building.values import TracedNode

__all__ = ["Product", "composed", "diagonal_blocks"]


@dataclass(frozen=True)
class Product:
    """Matrix products, summed: rows of them become linears as they are used.

    weights: [rows, size of the operand], bias: [rows]. A narrow one is a pair of matrices, [rows, rank] and
    [rank, size]. `only_inside`: it is no gate, and means something within another product alone.
    """

    width: int
    operands: tuple[str, ...]
    weights: tuple[Tensor, ...]
    bias: Tensor | None = None
    narrow: tuple[tuple[str, Tensor, Tensor], ...] = ()
    only_inside: bool = False

    def is_narrow(self, rows: Tensor, hidden_size: int) -> bool:
        """Whether some rows, multiplied once more, stay a pair of matrices, which has fewer weights than one."""
        sizes = [weight.shape[1] for weight in self.weights]
        return not self.only_inside and all(len(rows) < min(hidden_size, size) for size in sizes)

    def linears(self, rows: Tensor, line: Line) -> list[TracedNode]:
        """The nodes whose sum is some rows: a linear of all operands, and a low-rank linear for each narrow one."""
        bias = {} if self.bias is None else {"bias": self.bias[rows]}
        made = []
        if self.operands:
            weights = {f"weight_{i}": weight[rows] for i, weight in enumerate(self.weights)}
            made.append(TracedNode(LINEAR, self.operands, line, {**weights, **bias}))
        for operand, left, right in self.narrow:
            arrays = {"left": left[rows], "right": right, **({} if made else bias)}
            made.append(TracedNode(LOW_RANK_LINEAR, (operand,), line, arrays, constant=len(right)))
        return made


def composed(
    width: int,
    hidden_size: int,
    matrices: Mapping[str, Tensor],
    inner: Sequence[tuple[Product, Tensor, Tensor]],
    bias: Tensor | None,
) -> Product:
    """The product of sources by matrices, and of rows of other products by theirs: two in a row are one, or a pair."""
    weights, narrow = dict(matrices), list[tuple[str, Tensor, Tensor]]()
    for product, rows, matrix in inner:
        for operand, weight in zip(product.operands, product.weights, strict=True):
            if product.is_narrow(rows, hidden_size):
                narrow.append((operand, matrix, weight[rows]))
                continue
            dense = matrix @ weight[rows]
            weights[operand] = weights[operand] + dense if operand in weights else dense
        narrow += [(operand, matrix @ left[rows], right) for operand, left, right in product.narrow]
        if product.bias is not None:
            moved = matrix @ product.bias[rows]
            bias = moved if bias is None else bias + moved
    return Product(width, tuple(weights), tuple(weights.values()), bias, tuple(narrow))


def diagonal_blocks(matrix: Tensor, weights: int) -> list[Tensor] | None:
    """The equal blocks of a block-diagonal matrix [rows, columns] that has so many weights; None if it is no such."""
    rows, columns = matrix.shape
    count = rows * columns // weights
    if count * weights != rows * columns or rows % count or columns % count:
        return None
    blocks = [strip.chunk(count, 1)[i] for i, strip in enumerate(matrix.chunk(count, 0))]
    whole: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]
    return [block.contiguous() for block in blocks] if torch.equal(whole, matrix) else None
