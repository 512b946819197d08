"""A probe: an untrained cell beside random input, on which the signals of this folder are read.

x: [T, B, I] time, batch, input; states: [B, H]
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN

__all__ = ["Probe", "probe"]

SHAKE: Final = 0.1


@dataclass(frozen=True, eq=False)
class Probe:
    """A cell with fresh weights in float64, and the input that it is read on: standard normal, [T, B, I]."""

    rnn: RNN
    x: Tensor

    @property
    def cell(self) -> Cell:
        """The cell."""
        return self.rnn.cell

    def outputs(self, gain: float = 1.0) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs [T, B, H] and last states [B, H] from zero states, all weights multiplied by `gain`."""
        arrays = {name: array * gain for name, array in self.rnn.named_parameters()} if gain != 1 else {}
        outputs, last = torch.func.functional_call(self.rnn, arrays, (self.x,))
        states = (last,) if isinstance(last, Tensor) else last
        return outputs, tuple(state[0] for state in states)

    def shaken(self) -> Probe:
        """The same with noise of SHAKE times a standard normal on every learned number, biases among them."""
        rnn, generator = deepcopy(self.rnn), torch.Generator().manual_seed(0)
        with torch.no_grad():
            for array in rnn.parameters():
                array.add_(torch.randn(array.shape, generator=generator, dtype=array.dtype), alpha=SHAKE)
        return Probe(rnn, self.x)


def probe(
    cell: Cell, input_size: int = 24, hidden_size: int = 24, steps: int = 50, batch: int = 24, seed: int = 0
) -> Probe:
    """A probe of the cell; the same for the same arguments, and torch's own generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rnn = RNN(cell, input_size, hidden_size, dtype=torch.float64)
        return Probe(rnn, torch.randn(steps, batch, input_size, dtype=torch.float64))
