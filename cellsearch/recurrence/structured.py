"""Structured linears: block-diagonal and low-rank weight matrices, as themselves and as the matrices that they are.

`product` multiplies by the small matrices, which is what the reference does. `dense` makes one matrix of them before
a sequence begins, so that a backend that merges matrix products needs to know plain linears only; autograd leads the
gradients back to the small ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from cellsearch.cell import LINEAR, Cell
from cellsearch.cell.ops import BLOCK_LINEAR, LOW_RANK_LINEAR
from cellsearch.recurrence.interface import Parameters

__all__ = ["dense", "plain", "product"]


def product(op: str, operand: Tensor, learned: Mapping[str, Tensor]) -> Tensor:
    """A structured linear of operand [B, size], without its bias: [B, H]."""
    if op == LOW_RANK_LINEAR:
        return F.linear(F.linear(operand, learned["right"]), learned["left"])
    blocks = _blocks(learned)
    parts = torch.split(operand, [block.shape[1] for block in blocks], -1)
    return torch.cat([F.linear(part, block) for part, block in zip(parts, blocks, strict=True)], -1)


@lru_cache(maxsize=1024)
def plain(cell: Cell) -> Cell:
    """The cell with a plain linear in the place of each structured one, which is what a plan is made of."""
    structured = {name: node for name, node in cell.nodes.items() if node.row.is_linear and node.op != LINEAR}
    if not structured:
        return cell
    linears = {name: replace(node, op=LINEAR, constant=1.0) for name, node in structured.items()}
    return Cell(cell.name, {**cell.nodes, **linears}, cell.states, cell.output)


def dense(cell: Cell, parameters: Parameters) -> Parameters:
    """The learned arrays of the same cell with plain linears alone, `plain(cell)`."""
    made = {
        name: {"weight_0": _matrix(node.op, parameters[name]), "bias": parameters[name]["bias"]}
        for name, node in cell.nodes.items()
        if node.op in (BLOCK_LINEAR, LOW_RANK_LINEAR)
    }
    return {**parameters, **made}


def _matrix(op: str, learned: Mapping[str, Tensor]) -> Tensor:
    return learned["left"] @ learned["right"] if op == LOW_RANK_LINEAR else torch.block_diag(*_blocks(learned))  # type: ignore[no-untyped-call]


def _blocks(learned: Mapping[str, Tensor]) -> list[Tensor]:
    return [block for name, block in learned.items() if name != "bias"]
