"""Parity: is the number of ones so far odd; metric: share of right answers.

The smallest automaton that cannot forget: two states, and every one read flips them. Delétang et al. (2023), Neural
networks and the Chomsky hierarchy, train on up to 40 bits and test on up to 500: RNN and LSTM reach 100 %, a
transformer 52 %. They ask at the end; here every step asks, as in Liu et al. (2023), Transformers learn shortcuts to
automata, so that one sequence is training for all shorter ones. Guessing is right half the time. Cells whose transition
can only decay (no negative eigenvalue; Grazzi et al. 2025) learn the length of training at best. Sequences are drawn
without end; validation and test are 1,000 each.

ids: [T, B] bits; targets: [T, B] parity of the bits read
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from .parts.sequences import Sequences, SymbolTask


@dataclass(frozen=True)
class Parity(SymbolTask):
    """The task; `length` is the number of bits."""

    length: int = 40
    batch: int = 50

    name: ClassVar[str] = "parity"
    parameters: ClassVar[int] = 2_000
    steps: ClassVar[int] = 600
    final_steps: ClassVar[int] = 600
    """From 240 steps on the LSTM, at its tuned rate of 0.01, is always right (`scripts/measure_settling`, 3 seeds)."""
    learning_rate: ClassVar[float] = 1e-2
    lengths: ClassVar[tuple[int, int]] = (1, 10_000)
    times: ClassVar[tuple[int, ...]] = (2, 5, 10)

    symbols: ClassVar[int] = 2
    answers: ClassVar[int] = 2

    def examples(self, length: int, count: int, generator: torch.Generator) -> Sequences:
        """Random bits."""
        bits = torch.randint(0, 2, (length, count), generator=generator)
        return bits, bits.cumsum(0) % 2


TASK = Parity()
