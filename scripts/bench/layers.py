"""Training and inference: the LSTM, GRU and RNN as graphs beside torch's own modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN
from cellsearch_search_spaces import gated

from .measuring import Row, Settings, Size, backend_of, beside, random_sequence
from .peak import TIMES_FORWARD, bound

__all__ = ["inference_rows", "training_rows"]

SIZES = (
    (32, 64, 64, 64),
    (32, 64, 128, 128),
    (32, 64, 256, 256),
    (64, 64, 256, 256),
    (20, 35, 650, 650),
    (128, 128, 128, 128),
    (1, 256, 128, 128),
)
"""Batch, steps, input size, hidden size; 650 is the medium LSTM of the literature on words."""

PAIRS: dict[str, tuple[Cell, Callable[..., nn.Module]]] = {
    "LSTM": (gated.LSTM, nn.LSTM),
    "GRU": (gated.GRU, nn.GRU),
    "RNN": (gated.RNN, nn.RNN),
}
"""The graph and torch's module of each."""

GOALS = {("training", "LSTM"): 1.0, ("training", "GRU"): 0.6, ("training", "RNN"): 0.8, ("inference", "LSTM"): 1.0}
WIDE, WIDE_LSTM_TRAINING_GOAL = 650, 1.1


def training_rows(settings: Settings) -> Iterator[Row]:
    """One forward and backward pass."""
    return _rows("training", settings)


def inference_rows(settings: Settings) -> Iterator[Row]:
    """One forward pass under `torch.no_grad`."""
    return _rows("inference", settings)


def _rows(phase: str, settings: Settings) -> Iterator[Row]:
    for what, (cell, peer_type) in PAIRS.items():
        for size in settings.sizes(*SIZES):
            x, gradient = random_sequence(size)
            own, peer = RNN(cell, size.I, size.H), peer_type(size.I, size.H)
            for threads in settings.threads:
                torch.set_num_threads(threads)
                figures = beside(peer, own, phase, x, gradient, settings)
                goal, backend = _goal(phase, what, size), backend_of(own, x)
                note = bound(cell, size, threads, figures, TIMES_FORWARD if phase == "training" else 1)
                yield Row(phase, what, backend, figures, size, threads, f"nn.{what}", goal, note=note)


def _goal(phase: str, what: str, size: Size) -> float | None:
    if (phase, what, size.H) == ("training", "LSTM", WIDE):
        return WIDE_LSTM_TRAINING_GOAL
    return GOALS.get((phase, what))
