"""Scan: a long sequence of a cell that is linear in its state, against the same cell a step at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from cellsearch.recurrence import BACKENDS, RNN
from search_spaces.zoo_linear import MIN_GRU

from .measuring import Row, Settings, backend_of, beside, random_sequence

__all__ = ["scan_rows"]

SIZE = (8, 1024, 256, 256)
GOAL, GOAL_THREADS = 1 / 4, 2


def sequential_backend() -> str:
    """The fastest backend that goes a step at a time. To change here if that one comes to choose the scan by itself."""
    return "native" if any(backend.name == "native" for backend in BACKENDS) else "eager"


def scan_rows(settings: Settings) -> Iterator[Row]:
    """One forward and backward pass; the goal is for two threads."""
    (size,) = settings.sizes(SIZE)
    x, gradient = random_sequence(size)
    own = RNN(MIN_GRU, size.I, size.H)
    peer = RNN(MIN_GRU, size.I, size.H, backend=sequential_backend())
    for threads in settings.threads:
        torch.set_num_threads(threads)
        figures = beside(peer, own, "training", x, gradient, settings)
        goal, backend = GOAL if threads == GOAL_THREADS else None, backend_of(own, x)
        yield Row("scan", "minGRU", backend, figures, size, threads, f"{peer.backend}, by step", goal)
