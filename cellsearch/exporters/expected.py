"""The numbers that an exported file is checked against: the reference backend in float64 on a fixed input.

The exported file repeats the waves and sums in its own `check`; tests keep the two in step.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.errors import DivergenceError
from cellsearch.exporters.weights import exported_arrays
from cellsearch.recurrence import RNN

__all__ = ["BATCH", "STEPS", "UNTRAINED", "expected", "filled"]

STEPS, BATCH = 5, 2

UNTRAINED: Final[Any] = {"input_size": 3, "hidden_size": 2, "num_layers": 2, "bidirectional": True}
"""The module that an untrained cell is checked with: every input size differs from the hidden size."""


def filled(cell: Cell) -> RNN:
    """An RNN of the cell with sine waves for weights, which no random stream can change."""
    rnn = RNN(cell, dtype=torch.float64, **UNTRAINED)
    with torch.no_grad():
        for start, (_, weight) in enumerate(sorted(exported_arrays(rnn).items())):
            weight.copy_(_wave(*weight.shape, start=start))
    return rnn


def expected(rnn: RNN) -> list[list[float]]:
    """A row of BATCH sums for each step's outputs, then for each state's last values in each layer and direction.

    Raises DivergenceError if a number is not finite.
    """
    twin = RNN(
        rnn.cell,
        rnn.input_size,
        rnn.hidden_size,
        rnn.num_layers,
        bidirectional=rnn.bidirectional,
        backend="reference",
        dtype=torch.float64,
    )
    twin.load_state_dict(rnn.state_dict())
    x = _wave(STEPS, BATCH, rnn.input_size) / rnn.input_size**0.5
    initial = _wave(len(rnn.cell.states), len(rnn.layers), BATCH, rnn.hidden_size).unbind()
    with torch.no_grad():
        outputs, last = twin(x, initial)
    states = (last,) if isinstance(last, Tensor) else last
    rows = torch.cat([_summary(values) for values in (outputs, *states)])
    if not rows.isfinite().all():
        raise DivergenceError(f"cell {rnn.cell.name!r} leaves the finite numbers in {STEPS} steps; export another")
    return rows.tolist()


def _wave(*shape: int, start: int = 0) -> Tensor:
    return torch.sin(torch.arange(start, start + math.prod(shape), dtype=torch.float64)).view(shape)


def _summary(values: Tensor) -> Tensor:
    return values @ torch.linspace(1, 2, values.shape[-1], dtype=values.dtype)
