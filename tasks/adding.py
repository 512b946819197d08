"""The adding problem: the sum of two marked numbers of a long sequence; metric: mean squared error, lower is better.

Hochreiter & Schmidhuber (1997), Long short-term memory, experiment 4, in the form of Le, Jaitly & Hinton (2015): of
`length` numbers uniform in [0, 1], one in each half is marked, and the target is the sum of the two. Predicting 1
always has an error of 1/6 (0.167). Sequences are drawn without end; validation and test are 1,000 each.

Published: Le et al. (2015) see an LSTM solve length 150 and more and a tanh RNN stay at 1/6 there; Arjovsky, Shah &
Bengio (2016) the same at 200. Bai et al. (2018), length 600, 70 K parameters: LSTM 0.164, GRU 5.3e-5, RNN 0.177.

x: [T, B, 2] number and mark; target: [B]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN

HELD_OUT = 1000
SEEDS = {"validation": 20_001, "test": 20_002}


class SumModel(nn.Module):
    """One recurrent layer and a linear layer on its last output."""

    def __init__(self, cell: Cell, hidden_size: int) -> None:
        super().__init__()
        self.rnn = RNN(cell, 2, hidden_size)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.rnn(x)
        prediction: Tensor = self.head(outputs[-1])
        return prediction.squeeze(-1)


@dataclass(frozen=True)
class Adding:
    """The task; `length` is the number of steps."""

    length: int = 30
    batch: int = 50

    name: ClassVar[str] = "adding"
    metric: ClassVar[str] = "mean squared error"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 5_000
    steps: ClassVar[int] = 600
    learning_rate: ClassVar[float] = 2e-2

    def prepare(self) -> None:
        """Nothing to load. Raises DataError if the sequence has no two halves."""
        if self.length < 2 or self.batch < 1:
            raise DataError(f"adding needs length at least 2 and batch at least 1, got {self.length}, {self.batch}")

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model that reads the last output."""
        return SumModel(cell, hidden_size)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Fresh sequences without end."""
        generator = _generator(seed)
        while True:
            yield _sequences(self.length, self.batch, generator)

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor], carried: Any) -> tuple[Tensor, None]:
        """Mean squared error."""
        x, target = batch
        return F.mse_loss(model(x), target), None

    def score(self, model: nn.Module, split: str) -> float:
        """Mean squared error on HELD_OUT sequences that are the same for every cell."""
        return _error(model, self.length, split)

    def details(self, model: nn.Module) -> Mapping[str, float]:
        """Mean squared error on longer sequences of the test split, by their length."""
        return {f"error at length {n}": _error(model, n, "test") for n in (2 * self.length, 4 * self.length)}


TASK = Adding()


def _error(model: nn.Module, length: int, split: str) -> float:
    device = next(model.parameters()).device
    x, target = (t.to(device) for t in _sequences(length, HELD_OUT, _generator(SEEDS[split])))
    return float(F.mse_loss(model(x), target))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _sequences(length: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    numbers = torch.rand(length, batch, generator=generator)
    first = torch.randint(0, length // 2, (batch,), generator=generator)
    second = torch.randint(length // 2, length, (batch,), generator=generator)
    marks = torch.zeros(length, batch)
    column = torch.arange(batch)
    marks[first, column] = 1
    marks[second, column] = 1
    target = (numbers * marks).sum(0)
    return torch.stack([numbers, marks], -1), target
