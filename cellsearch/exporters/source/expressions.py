"""A node of a cell as an expression of torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from cellsearch.cell import OPS, Cell
from cellsearch.cell.expression import parse, torch_source
from cellsearch.exporters import expressions
from cellsearch.exporters.expressions import Language

__all__ = ["tree"]


def tree(cell: Cell, name: str, variables: Mapping[str, str]) -> ast.expr:
    """The expression of a node; see `exporters.expressions`."""
    return expressions.tree(cell, name, variables, TORCH)


@cache
def _in_torch(op: str) -> str:
    """The row's expression in torch, an operand's size known to be the hidden size."""
    source = torch_source(parse(OPS[op].value)).replace("torch.nn.functional.", "F.").replace("user.", "")
    source = re.sub(r"\b[abc]\.shape\[-1:\]", "[self.hidden_size]", source)
    source = re.sub(r"\b[abc]\.shape\[-1\]", "self.hidden_size", source)
    return re.sub(r"^weight \* (F\.rms_norm\(.*), None,", r"\1, weight,", source)  # which is read back as it is


TORCH: Final = Language(_in_torch, lambda node, matrix, operand: ast.Call(matrix, [operand], []))
