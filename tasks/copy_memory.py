"""Copy memory: ten symbols are read, and given back after a long silence; metric: cross-entropy in nats a step.

Hochreiter & Schmidhuber (1997) asked for such a memory first; this is the form of Arjovsky, Shah & Bengio (2016). Ten
of eight symbols, `length - 1` blanks, a mark that says "now", ten blanks; the answer is blank until the mark has been
read and then the ten symbols in their order, so T = length + 20 steps. Whoever remembers nothing answers blank and
then guesses: 10 ln 8 / (length + 20) nats a step (0.297 at length 50, 0.0945 at 200), where Arjovsky et al. and Bai et
al. (2018) see LSTM, GRU and RNN stay at long lengths for thousands of steps. The ten symbols wait in the state alone,
so the test is of capacity and of lag. Sequences are drawn without end; validation and test are 1,000 each.

ids: [T, B] blank 0, symbols 1 to 8, mark 9; targets: [T, B] blank 0, symbols 1 to 8
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import nn
from torch.nn import functional as F

from .parts.sequences import HELD_OUT, IGNORED, TOGETHER, Sequences, SymbolTask, accuracy

REMEMBERED: Final = 10
SYMBOLS: Final = 8
BLANK: Final = 0
MARK: Final = SYMBOLS + 1


@dataclass(frozen=True)
class CopyMemory(SymbolTask):
    """The task; `length` is the number of steps between the last symbol and the first answer."""

    length: int = 50
    batch: int = 50

    name: ClassVar[str] = "copy_memory"
    metric: ClassVar[str] = "nats a step"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 16_000
    steps: ClassVar[int] = 1_500
    learning_rate: ClassVar[float] = 1e-2
    lengths: ClassVar[tuple[int, int]] = (1, 10_000)

    symbols: ClassVar[int] = SYMBOLS + 2
    answers: ClassVar[int] = SYMBOLS + 1

    def examples(self, length: int, count: int, generator: torch.Generator) -> Sequences:
        """Random symbols, and the same later."""
        symbols = torch.randint(1, SYMBOLS + 1, (REMEMBERED, count), generator=generator)
        ids = torch.full((length + 2 * REMEMBERED, count), BLANK)
        targets = ids.clone()
        ids[:REMEMBERED] = symbols
        ids[length + REMEMBERED - 1] = MARK
        targets[-REMEMBERED:] = symbols
        return ids, targets

    def score(self, model: nn.Module, split: str) -> float:
        """Cross-entropy a step, over all steps as published."""
        device = next(model.parameters()).device
        ids, targets = (torch.split(each.to(device), TOGETHER, 1) for each in self.held_out(self.length, split))
        losses = [
            F.cross_entropy(model(part)[0].flatten(0, 1), target.flatten(), reduction="sum")
            for part, target in zip(ids, targets, strict=True)
        ]
        return float(sum(losses)) / (HELD_OUT * (self.length + 2 * REMEMBERED))

    def details(self, model: nn.Module) -> Mapping[str, float]:
        """Share of the remembered symbols that come back right, at the length of training and at longer ones."""
        return {f"recall at length {n}": self._recall(model, n) for n in (self.length, 2 * self.length)}

    def _recall(self, model: nn.Module, length: int) -> float:
        ids, targets = self.held_out(length, "test")
        targets[:-REMEMBERED] = IGNORED
        return accuracy(model, ids, targets)


TASK = CopyMemory()
