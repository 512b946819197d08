"""How many cells a proof goes through: some of them each time, all of them where CELLSEARCH_EXHAUSTIVE is set.

CELLSEARCH_EXHAUSTIVE=1 pytest -m slow --numprocesses auto  # hours
"""

from __future__ import annotations

import os

__all__ = ["many"]


def many(usually: int, exhaustively: int) -> int:
    """The one number or the other."""
    return exhaustively if "CELLSEARCH_EXHAUSTIVE" in os.environ else usually
