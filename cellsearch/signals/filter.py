"""The filter: which cells need no training, because it would diverge or teach them nothing.

A cell is rejected for what its equations do with fresh weights on random input, never for being mediocre: signals rank
good cells poorly, but tell the hopeless ones in a fifth of a second. `scripts/measure_signals` says how well.

It is no promise that training stays finite, which depends on the learning rate. Of 297 mutants of four spaces' seeds
it refused 38, none of which learned characters at the task's rate, a half or an eighth of it. Of the other 259, 30
diverged at the task's rate, the median after 5 steps, and 14 of these learn at an eighth. A further check, of growth
beyond 1e4 with weights twice as large, would have met 15 of the 30, 9 of which learn at a lower rate: training tells
as cheaply.
"""

from __future__ import annotations

from math import isinf
from typing import Final

import torch

from cellsearch.cell import Cell
from cellsearch.signals.probe import Probe, probe
from cellsearch.signals.states import growth, output_variance

__all__ = ["will_fail"]

LONG: Final = 1000
"""Steps of a cell that runs on: where states are carried from batch to batch, slow growth shows late."""

EXPLOSIVE: Final = 10.0
"""log10 of the largest number within LONG steps with fresh weights, above which training diverges."""

DEAF: Final = -10.0
"""log10 of the outputs' variance over sequences, below which a cell does not hear its input."""

GROWN: Final = 1.25
"""Training makes weights grow: a cell that overflows once they are this many times as large has no room to learn."""


def will_fail(cell: Cell, input_size: int = 24, hidden_size: int = 24, seed: int = 0) -> str | None:
    """Why training the cell would fail, in words; None if nothing speaks against it. Deterministic for a seed."""
    largest = growth(probe(cell, input_size, hidden_size, steps=LONG, batch=2, seed=seed))
    if largest > EXPLOSIVE:
        reached = "overflow" if isinf(largest) else f"reach 1e{largest:.0f}"
        return f"with fresh weights its values {reached} within {LONG} steps"
    fresh = probe(cell, input_size, hidden_size, seed=seed)
    # A cell may be deaf at its first weights alone, where biases of 0 hold its states at 0, and learn to hear.
    if output_variance(fresh) < DEAF and output_variance(fresh.shaken()) < DEAF:
        return "its output does not depend on the input"
    if isinf(growth(fresh, GROWN)):
        return f"with weights {GROWN:g} times as large its values overflow within {len(fresh.x)} steps"
    if not _has_finite_gradients(fresh):
        return "its gradients are not finite"
    return None


def _has_finite_gradients(fresh: Probe) -> bool:
    weights = list(fresh.rnn.parameters())
    if not weights:
        return True
    outputs, _ = fresh.outputs()
    gradients = torch.autograd.grad(outputs.square().sum(), weights, allow_unused=True, materialize_grads=True)
    return all(bool(torch.isfinite(gradient).all()) for gradient in gradients)
