"""The processor's peak: the multiply-adds a second that no arrangement of a recurrence goes beyond."""

from __future__ import annotations

import ctypes
import time
from functools import cache

import torch

from cellsearch.cell import Cell, complexity
from cellsearch.errors import BackendError
from cellsearch.recurrence.native.build import compiler, library

from .measuring import Figures, Size

__all__ = ["TIMES_FORWARD", "bound"]

TIMES_FORWARD = 3
"""Products of a training step by those of its forward pass: the backward pass has two for each."""

CHAINS, LOOPS, TRIES = 12, 2_000_000, 5
"""Sums that do not wait for each other, enough to fill every pipeline; multiply-adds of each; runs, the best counts."""

SOURCE = f"""
#include "vector.h"
long lanes(void) {{ return WIDTH; }}
void spin(long threads, long loops, real *numbers)
{{
    #pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (long i = 0; i < threads; i++) {{
        vector factor = splat(numbers[0]), term = splat(numbers[1]), sums[{CHAINS}];
        for (int k = 0; k < {CHAINS}; k++)
            sums[k] = splat(k + i);
        for (long n = 0; n < loops; n++) {{
            #pragma GCC unroll {CHAINS}
            for (int k = 0; k < {CHAINS}; k++)
                sums[k] = sums[k] * factor + term;
        }}
        vector total = sums[0];
        for (int k = 1; k < {CHAINS}; k++)
            total = total + sums[k];
        numbers[2 + i] = v_total(total);
    }}
}}
"""


def bound(cell: Cell, size: Size, threads: int, figures: Figures, products: int) -> str:
    """The least ratio to the peer that the peak allows `products` times the forward multiply-adds; empty if unknown."""
    rate = peak(threads)
    if rate is None or not figures.peer:
        return ""
    multiply_adds = products * size.T * size.B * complexity(cell, size.I, size.H).multiply_adds
    return f"at the peak {1000 * multiply_adds / rate / figures.peer:.2f}"


@cache
def peak(threads: int) -> float | None:
    """Multiply-adds a second in float32; None without a compiler."""
    if compiler() is None:
        return None
    try:
        spun = library(SOURCE, torch.float32)
    except BackendError:
        return None
    numbers = (ctypes.c_float * (2 + threads))(0.5, 1.0)
    seconds = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        spun.spin(ctypes.c_long(threads), ctypes.c_long(LOOPS), numbers)
        seconds.append(time.perf_counter() - begun)
    return threads * CHAINS * LOOPS * int(spun.lanes()) / min(seconds)
