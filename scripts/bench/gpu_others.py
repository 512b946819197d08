"""Recipes beside an interpreter, a long sequence of a linear cell node by node, and the first use of a structure."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import torch

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN, cache
from cellsearch.recurrence.gpu.source import Kernel
from cellsearch_search_spaces import nasbench_nlp
from cellsearch_search_spaces.zoo_linear import MIN_GRU

from .gpu import Row, Shape, as_called, beside, kernels_of, layer, precision, training_step
from .recipes import Interpreter, recipes_of

__all__ = ["kernels", "rows"]

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "nasbench_nlp_sample.jsonl"
SHAPE = Shape(32, 64, 256, 256)
LONG = Shape(8, 4096, 256, 256)


def sample() -> list[Cell]:
    """The sample recipes."""
    return [cell for _, cell in recipes_of(Path(os.environ.get("RECIPES", SAMPLE)))][:20]


def kernels() -> Iterator[Kernel]:
    """What has to be compiled."""
    for cell in sample():
        yield from kernels_of(cell, SHAPE, "tf32")
    yield from kernels_of(MIN_GRU, LONG, "tf32")


def rows() -> Iterator[Row]:
    """Training steps as called from Python."""
    dtype = precision("tf32")
    yield from _first_uses()
    ratios, times = [], []
    for cell in sample():
        own, x, gradient = layer(cell, SHAPE, dtype)
        interpreter = Interpreter(own).to("cuda")
        mine, peer = beside(
            partial(as_called, training_step(own, x, gradient), 5),
            partial(as_called, training_step(interpreter, x, gradient), 2),
            rounds=2,
        )
        ratios.append(mine / peer)
        times.append((mine, peer))
    middle = sorted(range(len(ratios)), key=ratios.__getitem__)[len(ratios) // 2]
    about = {"recipes": len(ratios), "slowest": f"{max(ratios):.3f}", "fastest": f"{min(ratios):.3f}"}
    yield Row("recipes", "median recipe beside the interpreter", *times[middle], 1 / 15, "ms", about)
    own, x, gradient = layer(MIN_GRU, LONG, dtype)
    steps = RNN(MIN_GRU, LONG.I, LONG.H, device="cuda", dtype=dtype, backend="reference")
    mine, peer = beside(
        partial(as_called, training_step(own, x, gradient), 5),
        partial(as_called, training_step(steps, x, gradient), 1),
        rounds=2,
    )
    yield Row("scan", "minGRU T4096 beside node by node", mine, peer, 1 / 20, "ms")


def _first_uses() -> Iterator[Row]:
    """In an empty cache."""
    before = os.environ.get("CELLSEARCH_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CELLSEARCH_CACHE"] = folder
        cache.folder.cache_clear()
        times = []
        for i, sampler in enumerate([*nasbench_nlp.SAMPLERS.values()] * 2):
            own, x, gradient = layer(sampler(Random(100 + i)), Shape(8, 2, 64, 64), torch.float32)
            step = training_step(own, x, gradient)
            first, *later = (as_called(step, 1) for _ in range(4))
            times.append(first - min(later))
        cache.folder.cache_clear()
    os.environ["CELLSEARCH_CACHE"] = before or ""
    about = {"first of the process": f"{times[0]:.0f}", "slowest of the rest": f"{max(times[1:]):.0f}"}
    yield Row("compile", "first use of a structure", statistics.median(times[1:]), None, None, "ms", about)
