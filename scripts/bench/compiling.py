"""Compiling: how long the first use of a cell takes more than a later one, in a cache of its own.

That is whatever a backend does once a structure: plan, generate, compile, load. A new process with the same cache has
seen all structures before.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from random import Random

import torch

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN
from cellsearch.recurrence.cache import CACHE
from cellsearch_search_spaces import gated, nasbench_nlp

from .measuring import Figures, Row, Settings, Size, backend_of, in_new_process, random_sequence, training_step

__all__ = ["compile_rows"]

SAMPLERS = tuple(nasbench_nlp.SAMPLERS.values())
"""Draw the new structures: one of each size that NAS-Bench-NLP has."""

SIZE = Size(1, 1, 8, 8)
"""So small that the step itself takes no time."""

GOAL_NEW, GOAL_SEEN = 600.0, 5.0
"""Milliseconds."""


def compile_rows(settings: Settings) -> Iterator[Row]:
    """First uses in an empty cache, and in a second process that finds it filled."""
    count = settings.count(len(SAMPLERS))
    with tempfile.TemporaryDirectory() as folder:
        backend, new = in_new_process(first_uses, count, environment={CACHE: folder})
        _, seen = in_new_process(first_uses, count, environment={CACHE: folder})
    for what, times, goal in (("empty cache", new, GOAL_NEW), ("cache filled", seen, GOAL_SEEN)):
        lstm, *drawn = times
        yield Row("compile", f"first of a process, {what}", backend, Figures(lstm), goal=goal, note="LSTM")
        median = Figures(statistics.median(drawn))
        yield Row("compile", f"one more structure, {what}", backend, median, goal=goal, note=f"median of {count}")


def first_uses(count: int) -> tuple[str, list[float]]:
    """The backend, and milliseconds of first use: of the LSTM, then of that many cells. For a process of its own."""
    torch.set_num_threads(1)
    _first_and_later(RNN(gated.RNN, SIZE.I, SIZE.H, backend="reference"))  # what torch itself does once a process
    cells: list[Cell] = [gated.LSTM, *(sampler(Random(0)) for sampler in SAMPLERS[:count])]
    modules = [RNN(cell, SIZE.I, SIZE.H) for cell in cells]
    times = [_first_and_later(module) for module in modules]
    return backend_of(modules[0], random_sequence(SIZE)[0]), [1000 * (first - later) for first, later in times]


def _first_and_later(module: RNN) -> tuple[float, float]:
    x, gradient = random_sequence(SIZE)
    first, *later = (training_step(module, x, gradient) for _ in range(6))
    return first, min(later)
