"""Delayed recall: the first symbol is asked for after a long distraction; metric: share of right answers.

The latch of Bengio, Simard & Frasconi (1994) with the noise of Hochreiter & Schmidhuber (1997), experiment 2: one of
eight symbols, then `length` distractors drawn from eight others, then a cue that asks for the first. Guessing is right
once in eight. In 1997 an LSTM solved such lags of 100 to 1,000 steps, where backpropagation through time failed from
lag 10 on. One symbol fits any state, so this tests the lag alone (copy memory tests capacity too). Sequences are drawn
without end; validation and test are 1,000 each.

ids: [T, B] symbols 0 to 7, distractors 8 to 15, cue 16; targets: [T, B] the first symbol at the cue
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch

from .parts.sequences import IGNORED, Sequences, SymbolTask

SYMBOLS: Final = 8
DISTRACTORS: Final = 8
CUE: Final = SYMBOLS + DISTRACTORS


@dataclass(frozen=True)
class DelayedRecall(SymbolTask):
    """The task; `length` is the number of distractors."""

    length: int = 20
    batch: int = 50

    name: ClassVar[str] = "delayed_recall"
    parameters: ClassVar[int] = 6_000
    steps: ClassVar[int] = 1_000
    learning_rate: ClassVar[float] = 1e-2
    lengths: ClassVar[tuple[int, int]] = (1, 10_000)

    symbols: ClassVar[int] = CUE + 1
    answers: ClassVar[int] = SYMBOLS

    def examples(self, length: int, count: int, generator: torch.Generator) -> Sequences:
        """A symbol, distractors, the cue."""
        first = torch.randint(0, SYMBOLS, (1, count), generator=generator)
        noise = torch.randint(SYMBOLS, CUE, (length, count), generator=generator)
        ids = torch.cat([first, noise, torch.full((1, count), CUE)])
        targets = torch.full_like(ids, IGNORED)
        targets[-1] = first
        return ids, targets


TASK = DelayedRecall()
