"""Which cells are the same: a hash that all ways to write a cell share, and no other cell does.

What "the same" means is in `form.py`; there is one text for each such class of cells, and this is its hash.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cellsearch.cell.canonical.form import canonical_text
from cellsearch.cell.cell import Cell, expect_cell

__all__ = ["IDENTITY_VERSION", "canonical_text", "identity"]

IDENTITY_VERSION: Final = 1
"""Raised by whoever changes the identity of any cell: a study keeps it, and goes on under the same alone."""


def identity(cell: Cell) -> str:
    """A stable hash: 16 hexadecimal digits, equal for the same cell under other names and in other spellings."""
    expect_cell(cell)
    return hashlib.sha256(canonical_text(cell).encode()).hexdigest()[:16]
