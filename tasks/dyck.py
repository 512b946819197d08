"""Dyck-k: which bracket may be closed now; metric: share of right answers.

Well-nested brackets of k kinds, at most `depth` open at once: the language on which Hewitt et al. (2020), RNNs can
generate bounded hierarchical languages with optimal memory, show that an RNN or LSTM of 3 depth ⌈log k⌉ - depth units
can do it and does it when trained, and Suzgun et al. (2019) that without that bound LSTMs fail on long sequences. After
every bracket the model answers with the kind that may be closed next, or that none is open, which is all that the
language needs of a memory: a stack. The openings are random, so nothing else can be foretold. Always answering "none"
is right about once in `depth` times. Sequences are drawn without end; validation and test are 1,000 each.

ids: [T, B] openings 0 to k-1, closings k to 2k-1; targets: [T, B] kind 0 to k-1 on top of the stack, k if it is empty
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from cellsearch.errors import DataError

from .parts.sequences import Sequences, SymbolTask


@dataclass(frozen=True)
class Dyck(SymbolTask):
    """The task; `length` counts brackets, `kinds` is k, `depth` the most brackets that are open at once."""

    length: int = 40
    batch: int = 50
    kinds: int = 2
    depth: int = 6

    name: ClassVar[str] = "dyck"
    parameters: ClassVar[int] = 8_000
    steps: ClassVar[int] = 800
    learning_rate: ClassVar[float] = 1e-2
    lengths: ClassVar[tuple[int, int]] = (1, 10_000)
    times: ClassVar[tuple[int, ...]] = (2, 4, 8)

    @property
    def symbols(self) -> int:
        """An opening and a closing bracket of each kind."""
        return 2 * self.kinds

    @property
    def answers(self) -> int:
        """A kind, or none."""
        return self.kinds + 1

    def prepare(self) -> None:
        """Nothing to load. Raises DataError if there are no such sequences."""
        super().prepare()
        if self.kinds < 1 or self.depth < 1:
            raise DataError(f"dyck needs kinds and depth of at least 1, got {self.kinds}, {self.depth}")

    def examples(self, length: int, count: int, generator: torch.Generator) -> Sequences:
        """A random walk between no and `depth` open brackets, all sequences side by side."""
        opens = torch.rand(length, count, generator=generator) < 0.5
        kinds = torch.randint(0, self.kinds, (length, count), generator=generator)
        # Place 0 is the floor of the stack: none open.
        stack = torch.full((self.depth + 1, count), self.kinds)
        height, column = torch.zeros(count, dtype=torch.long), torch.arange(count)
        ids, targets = torch.empty_like(kinds), torch.empty_like(kinds)
        for t in range(length):
            up = (opens[t] | (height == 0)) & (height < self.depth)
            ids[t] = torch.where(up, kinds[t], self.kinds + stack[height, column])
            height = height + torch.where(up, 1, -1)
            stack[height, column] = torch.where(up, kinds[t], stack[height, column])
            targets[t] = stack[height, column]
        return ids, targets


TASK = Dyck()
