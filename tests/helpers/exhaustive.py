"""How many cells a proof goes through: some of them each time, all of them where CELLSEARCH_EXHAUSTIVE is set.

CELLSEARCH_EXHAUSTIVE=1 pytest -m slow tests/cell tests/space --numprocesses auto   # some hours of one core
"""

from __future__ import annotations

import os

__all__ = ["many"]


def many(usually: int, at_most: int) -> int:
    """The one number or the other."""
    return at_most if "CELLSEARCH_EXHAUSTIVE" in os.environ else usually
