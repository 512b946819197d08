"""Large buffers: fresh memory that the system hands out in large pages, where it can."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any, Final

from torch import Tensor

__all__ = ["fresh"]

LARGE: Final = 2**22
"""Bytes from which large pages pay: a fresh buffer costs a fault a page, and products walk across many."""

PAGE: Final = 4096
MADV_HUGEPAGE: Final = 14


def fresh(like: Tensor, count: int) -> Tensor:
    """So many numbers of the same kind, uninitialised."""
    made = like.new_empty(count)
    if made.nbytes >= LARGE and (advise := _madvise()):
        begin = -(-made.data_ptr() // PAGE) * PAGE
        end = (made.data_ptr() + made.nbytes) // PAGE * PAGE
        advise(begin, end - begin, MADV_HUGEPAGE)  # advice: it may be refused, and nothing is lost
    return made


@cache
def _madvise() -> Any:
    if sys.platform != "linux":
        return None
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function
