"""What the language tasks share: a text as token numbers, read as streams side by side that carry their states.

Truncated backpropagation through time (Williams & Peng 1990): a step of training reads `length` tokens of `batch`
streams, and the states, cut from their past, go on into the next step.

ids: [T, B] time, batch; logits: [T, B, tokens]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHORTEST = 2
"""Tokens that each stream of a split needs, besides one that all share."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as token numbers below `tokens`, [length] each split."""

    tokens: int
    train: Tensor
    validation: Tensor
    test: Tensor

    @property
    def size(self) -> int:
        """Length of all splits."""
        return len(self.train) + len(self.validation) + len(self.test)


def windows(train: Tensor, batch: int, length: int, seed: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """(ids [T, B], next ids [T, B], whether the streams go on from the last batch), each pass shifted anew."""
    generator = torch.Generator().manual_seed(seed)
    stream = (len(train) - 1) // batch
    while True:
        shift = int(torch.randint(0, len(train) - stream * batch, (), generator=generator))
        rolled = torch.roll(train, -int(torch.randint(0, stream, (), generator=generator)))[shift:]
        ids = rolled[: stream * batch].view(batch, stream).t()
        for start in range(0, max(1, stream - length), length):
            window = ids[start : start + length + 1]
            yield window[:-1], window[1:], start > 0


def stream_loss(model: nn.Module, batch: tuple[Tensor, Tensor, bool], carried: Any) -> tuple[Tensor, Any]:
    """Mean cross-entropy (nats a token), and the states for the next batch."""
    ids, following, goes_on = batch
    logits, states = model(ids, carried if goes_on else None)
    loss = F.cross_entropy(logits.flatten(0, 1), following.flatten())
    return loss, _detached(states)


def nats(model: nn.Module, text: Tensor, batch: int, window: int) -> float:
    """Mean cross-entropy over a split, read as `batch` streams, `window` steps at once."""
    text = text.to(next(model.parameters()).device)
    stream = (len(text) - 1) // batch
    ids = text[: stream * batch].view(batch, stream).t()
    following = text[1 : stream * batch + 1].view(batch, stream).t()
    total, states = 0.0, None
    for some, targets in zip(torch.split(ids, window), torch.split(following, window), strict=True):
        logits, states = model(some, states)
        total += float(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
    return total / following.numel()


def _detached(states: Any) -> Any:
    return states.detach() if isinstance(states, Tensor) else tuple(state.detach() for state in states)
