"""The numbers that an export is checked against: the reference backend in float64 on a fixed input.

An exported file repeats the waves and sums in its own `check`; tests keep the two in step. What is no source is run
once and held to a `Probe`.

x: [T, B, I] time, batch, input; initial and last: [layers * directions, B, H] for each state
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.errors import DivergenceError, ExportError
from cellsearch.exporters.weights import exported_arrays
from cellsearch.recurrence import RNN

__all__ = ["BATCH", "STEPS", "UNTRAINED", "Probe", "agree", "expected", "filled", "ordered", "probes", "rounding"]

STEPS, BATCH = 5, 2

ROUNDING: Final = {torch.float32: 1e-5, torch.float64: 1e-10}

UNTRAINED: Final[Any] = {"input_size": 3, "hidden_size": 2, "num_layers": 2, "bidirectional": True}
"""The module that an untrained cell is checked with: every input size differs from the hidden size."""


def filled(cell: Cell) -> RNN:
    """An RNN of the cell with sine waves for weights, which no random stream can change."""
    rnn = RNN(cell, dtype=torch.float64, **UNTRAINED)
    with torch.no_grad():
        for start, (_, weight) in enumerate(sorted(exported_arrays(rnn).items())):
            weight.copy_(_wave(*weight.shape, start=start))
    return rnn


@dataclass(frozen=True)
class Probe:
    """What the reference answers to waves, in float64; the numbers that go in are exact in the module's precision."""

    x: Tensor
    initial: tuple[Tensor, ...]
    outputs: Tensor
    last: tuple[Tensor, ...]

    def difference(self, outputs: Tensor, last: tuple[Tensor, ...]) -> float:
        """The largest difference of what another gave, relative to the largest number where that is above 1."""
        pairs = [*zip((outputs, *last), (self.outputs, *self.last), strict=True)]
        largest = max(1.0, *(wanted.abs().max().item() for _, wanted in pairs))
        return max((found.double() - wanted).abs().max().item() for found, wanted in pairs) / largest


def probes(rnn: RNN) -> Iterator[Probe]:
    """Of several steps and sequences, and of one. Raises DivergenceError if a number is not finite."""
    dtype = next(rnn.parameters()).dtype
    for steps, batch in ((STEPS, BATCH), (1, 1)):
        yield _probe(rnn, steps, batch, dtype)


def ordered(rnn: RNN, values: Tensor) -> Tensor:
    """Values [T, B, ..] as the module takes or gives them, and back: both are the same exchange."""
    return values.transpose(0, 1) if rnn.batch_first else values


def rounding(rnn: RNN) -> float:
    """How far apart two ways to compute a module in its precision may be."""
    return ROUNDING.get(next(rnn.parameters()).dtype, 0.05)


def agree(what: str, difference: float, tolerance: float) -> None:
    """Raises ExportError if an export's difference from the trained module is more than rounding."""
    if not difference <= tolerance:
        raise ExportError(
            f"{what} differs from the module that it was made of, by {difference:.1e} where {tolerance:g} is rounding; "
            "it is not written, so that nobody relies on it: export another format"
        )


def expected(rnn: RNN) -> list[list[float]]:
    """A row of BATCH sums for each step's outputs, then for each state's last values in each layer and direction.

    Raises DivergenceError if a number is not finite.
    """
    found = _probe(rnn, STEPS, BATCH, torch.float64)
    return torch.cat([_summary(values) for values in (found.outputs, *found.last)]).tolist()


def _probe(rnn: RNN, steps: int, batch: int, dtype: torch.dtype) -> Probe:
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
    x = (_wave(steps, batch, rnn.input_size) / rnn.input_size**0.5).to(dtype).double()
    waves = _wave(len(rnn.cell.states), len(rnn.layers), batch, rnn.hidden_size)
    initial = waves.to(dtype).double().unbind()
    with torch.no_grad():
        outputs, last = twin(x, initial)
    states = (last,) if isinstance(last, Tensor) else last
    if not all(values.isfinite().all() for values in (outputs, *states)):
        raise DivergenceError(f"cell {rnn.cell.name!r} leaves the finite numbers in {steps} steps; export another")
    return Probe(x, initial, outputs, states)


def _wave(*shape: int, start: int = 0) -> Tensor:
    return torch.sin(torch.arange(start, start + math.prod(shape), dtype=torch.float64)).view(shape)


def _summary(values: Tensor) -> Tensor:
    return values @ torch.linspace(1, 2, values.shape[-1], dtype=values.dtype)
