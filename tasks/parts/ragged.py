"""Sequences of different lengths: kept as one flat tensor, batched by indexing, with similar lengths side by side.

ids: [T, B] time, batch, PADDING after a sequence's end
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

PADDING: Final = 0
"""The number that stands for no token."""

SPREAD: Final = 0.5
"""How much a length counts more, at random, when sequences of similar lengths are put together."""


@dataclass(frozen=True, eq=False)
class Ragged:
    """Sequences of token numbers: all in one row, [tokens], and where each starts and how long it is, [sequences]."""

    flat: Tensor
    starts: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.lengths)

    def padded(self, chosen: Tensor) -> Tensor:
        """The chosen sequences as ids [T, B]."""
        lengths = self.lengths[chosen]
        steps = torch.arange(int(lengths.max())).unsqueeze(1)
        places = (self.starts[chosen] + steps).clamp_(max=len(self.flat) - 1)
        return self.flat[places].masked_fill_(steps >= lengths, PADDING)

    def packed(self, chosen: Tensor) -> PackedSequence:
        """The chosen sequences without padding."""
        return pack_padded_sequence(self.padded(chosen), self.lengths[chosen], enforce_sorted=False)

    def part(self, chosen: Tensor) -> Ragged:
        """The chosen sequences as a collection of their own, over the same tokens."""
        return Ragged(self.flat, self.starts[chosen], self.lengths[chosen])


def ragged(sequences: Iterable[list[int]]) -> Ragged:
    """Sequences, none of them empty, as tensors."""
    kept = list(sequences)
    lengths = torch.tensor([len(each) for each in kept])
    flat = torch.tensor(list(chain.from_iterable(kept)))
    return Ragged(flat, lengths.cumsum(0) - lengths, lengths)


def shuffled(lengths: Tensor, batch: int, seed: int) -> Iterator[Tensor]:
    """Batches of sequence numbers without end, every sequence once a pass, those of similar lengths together."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.argsort(lengths * (1 + SPREAD * torch.rand(len(lengths), generator=generator)))
        batches = order.tensor_split(math.ceil(len(order) / batch))
        for i in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[i]


def by_length(lengths: Tensor, batch: int) -> Iterator[Tensor]:
    """Batches of sequence numbers, every sequence once, the shortest first."""
    yield from torch.split(torch.argsort(lengths, stable=True), batch)
