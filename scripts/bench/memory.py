"""Memory: how much a training step adds to the resident memory of a process at its peak, beside `nn.LSTM`.

A process of its own a figure; Linux counts the peak, and starts anew when 5 is written to `clear_refs`.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import nn

from cellsearch.recurrence import RNN
from cellsearch_search_spaces.gated import LSTM

from .measuring import Figures, Row, Settings, Size, backend_of, in_new_process, random_sequence, skip, training_step

__all__ = ["memory_rows"]

SIZES = ((64, 64, 256, 256), (128, 128, 128, 128))
SMALL = Size(2, 2, 16, 16)
PROCESSES = 3
GOAL = 1.2

MAKERS: dict[str, Callable[..., nn.Module]] = {"peer": nn.LSTM, "own": partial(RNN, LSTM)}


def memory_rows(settings: Settings) -> Iterator[Row]:
    """The LSTM, with the most threads asked for."""
    if not Path("/proc/self/clear_refs").exists():
        skip("memory", "it needs Linux's /proc")
        return
    threads = max(settings.threads)
    for size in settings.sizes(*SIZES):
        figures: dict[str, list[float]] = {who: [] for who in MAKERS}
        for _ in range(1 if settings.quick else PROCESSES):
            for who, found in figures.items():
                found.append(in_new_process(step_memory, who, size, threads))
        own, peer = statistics.median(figures["own"]), statistics.median(figures["peer"])
        backend = backend_of(RNN(LSTM, size.I, size.H), random_sequence(size)[0])
        yield Row("memory", "LSTM", backend, Figures(own, peer, own / peer), size, threads, "nn.LSTM", GOAL, "MB")


def step_memory(who: str, size: Size, threads: int) -> float:
    """Megabytes that one training step needs beyond its module, input and gradient. For a process of its own.

    A tiny step goes before, so that loading and compiling code is no part of it.
    """
    torch.set_num_threads(threads)
    training_step(MAKERS[who](SMALL.I, SMALL.H), *random_sequence(SMALL))
    module, (x, gradient) = MAKERS[who](size.I, size.H), random_sequence(size)
    Path("/proc/self/clear_refs").write_text("5")
    before = _megabytes("VmRSS")
    training_step(module, x, gradient)
    return _megabytes("VmHWM") - before


def _megabytes(what: str) -> float:
    found = re.search(rf"^{what}:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found, f"no {what} in /proc/self/status"
    return int(found[1]) / 1024
