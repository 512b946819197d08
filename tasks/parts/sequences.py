"""What the tasks of symbols share: read a symbol a step, answer where an answer is asked; train short, test long.

A task says which sequences there are, and nothing else: `examples(length, count, generator)` draws them all at once.
Training data never ends; validation and test are HELD_OUT sequences that are the same for every cell.

ids: [T, B] symbol read at each step; targets: [T, B] the answer asked at that step, IGNORED where none is asked
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN

IGNORED: Final = -100
"""The target of a step that asks nothing; torch's cross-entropy leaves it out."""

HELD_OUT: Final = 1000
SEEDS: Final = {"validation": 20_001, "test": 20_002}

AHEAD: Final = 20
"""Batches that are drawn in one go."""

TOGETHER: Final = 250
"""Sequences that a score reads at once, so that long ones need no more memory."""

Sequences = tuple[Tensor, Tensor]
"""ids [T, B] and targets [T, B]."""


class SymbolModel(nn.Module):
    """The symbol as one of `symbols` (one-hot), one recurrent layer, a linear layer to the `answers`."""

    def __init__(self, cell: Cell, hidden_size: int, symbols: int, answers: int) -> None:
        super().__init__()
        self.symbols = symbols
        self.rnn = RNN(cell, symbols, hidden_size)
        self.head = nn.Linear(hidden_size, answers)

    def forward(self, ids: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        x = F.one_hot(ids, self.symbols).to(self.head.weight.dtype)
        outputs, states = self.rnn(x, states)
        return self.head(outputs), states


@dataclass(frozen=True)
class SymbolTask(ABC):
    """A task of this kind, but for its sequences; `length` is what its file says, `batch` counts sequences."""

    length: int
    batch: int

    name: ClassVar[str]
    metric: ClassVar[str] = "accuracy"
    lower_is_better: ClassVar[bool] = False
    parameters: ClassVar[int]
    steps: ClassVar[int]
    learning_rate: ClassVar[float]
    lengths: ClassVar[tuple[int, int]]
    """The shortest and the longest length that a sequence can have."""
    times: ClassVar[tuple[int, ...]] = (2, 4)
    """How many times longer than in training the sequences are on which length extrapolation is measured."""

    @property
    @abstractmethod
    def symbols(self) -> int:
        """Different symbols that are read."""

    @property
    @abstractmethod
    def answers(self) -> int:
        """Different answers."""

    @abstractmethod
    def examples(self, length: int, count: int, generator: torch.Generator) -> Sequences:
        """`count` random sequences."""

    def prepare(self) -> None:
        """Nothing to load. Raises DataError if there are no such sequences."""
        shortest, longest = self.lengths
        if not shortest <= self.length <= longest or self.batch < 1:
            raise DataError(
                f"{self.name} needs length {shortest} to {longest} and batch at least 1, "
                f"got {self.length}, {self.batch}"
            )

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model that answers at every step."""
        return SymbolModel(cell, hidden_size, self.symbols, self.answers)

    def batches(self, seed: int) -> Iterator[Sequences]:
        """Fresh sequences without end."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            ids, targets = self.examples(self.length, AHEAD * self.batch, generator)
            yield from zip(torch.split(ids, self.batch, 1), torch.split(targets, self.batch, 1), strict=True)

    def loss(self, model: nn.Module, batch: Sequences, carried: Any) -> tuple[Tensor, None]:
        """Mean cross-entropy of the answers, nats."""
        ids, targets = batch
        logits, _ = model(ids)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), None

    def score(self, model: nn.Module, split: str) -> float:
        """Share of right answers, 0 to 1."""
        return accuracy(model, *self.held_out(self.length, split))

    def details(self, model: nn.Module) -> Mapping[str, float]:
        """Share of right answers on longer sequences of the test split, by their length."""
        longer = [times * self.length for times in self.times if times * self.length <= self.lengths[1]]
        return {f"accuracy at length {n}": accuracy(model, *self.held_out(n, "test")) for n in longer}

    def held_out(self, length: int, split: str) -> Sequences:
        """The sequences of a split."""
        return self.examples(length, HELD_OUT, torch.Generator().manual_seed(SEEDS[split]))


def accuracy(model: nn.Module, ids: Tensor, targets: Tensor) -> float:
    """Share of the asked answers that the model gives."""
    device = next(model.parameters()).device
    parts = [model(part.to(device))[0].argmax(-1).cpu() for part in torch.split(ids, TOGETHER, 1)]
    asked = targets != IGNORED
    return float((torch.cat(parts, 1)[asked] == targets[asked]).float().mean())
