"""Scan: a long sequence of a cell that is linear in its state, beside what a scan over time could gain.

A step of such a cell has no matrix product, so that the native backend divides batch and hidden units among the
threads and lets every unit run through time alone. Whatever order a scan took instead, the products for all steps
would remain: the first row holds the whole training step against these alone. The second takes one sequence, which
leaves the threads nothing but hidden units to divide, against one thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from cellsearch.cell import LINEAR
from cellsearch.recurrence import RNN
from cellsearch_search_spaces.zoo_linear import MIN_GRU

from .measuring import Row, Settings, alternate, backend_of, compared, random_sequence, training_step

__all__ = ["scan_rows"]

BATCHED, ALONE = (8, 1024, 256, 256), (1, 1024, 256, 256)
GOAL, GOAL_THREADS = 1 / 4, 2
"""Of the step by a scan over the step by step; no arrangement reaches it that takes longer than its products."""


def scan_rows(settings: Settings) -> Iterator[Row]:
    """One forward and backward pass."""
    (size,) = settings.sizes(BATCHED)
    x, gradient = random_sequence(size)
    own = RNN(MIN_GRU, size.I, size.H)
    linears = sum(node.op == LINEAR for node in MIN_GRU.nodes.values())
    weights = torch.randn(linears * size.H, size.I)
    for threads in settings.threads:
        torch.set_num_threads(threads)
        step, products = partial(training_step, own, x, gradient), partial(_products, x.detach().flatten(0, 1), weights)
        times = alternate({"own": step, "peer": products}, settings)
        goal, figures = GOAL if threads == GOAL_THREADS else None, compared(times["own"], times["peer"])
        yield Row("scan", "minGRU", backend_of(own, x), figures, size, threads, "its products", goal)
    (size,) = settings.sizes(ALONE)
    x, gradient = random_sequence(size)
    works = {str(threads): partial(_in_threads, threads, own, x, gradient) for threads in (1, GOAL_THREADS)}
    times = alternate(works, settings)
    figures = compared(times[str(GOAL_THREADS)], times["1"])
    yield Row("scan", "minGRU", backend_of(own, x), figures, size, GOAL_THREADS, "one thread")


def _products(x: Tensor, weights: Tensor) -> float:
    """Seconds of the products of a training step by torch: of the input, and its and the weights' gradients."""
    begun = time.perf_counter()
    gates = torch.mm(x, weights.t())
    torch.mm(gates, weights)
    torch.mm(gates.t(), x)
    return time.perf_counter() - begun


def _in_threads(threads: int, module: RNN, x: Tensor, gradient: Tensor) -> float:
    torch.set_num_threads(threads)
    return training_step(module, x, gradient)
