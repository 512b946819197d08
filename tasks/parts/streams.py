"""What the language tasks share: a text as token numbers, read as streams side by side that carry their states.

A text is numbered piece by piece and kept in the smallest numbers that do, so that one of a gigabyte needs hardly more.

Truncated backpropagation through time (Williams & Peng 1990): a step of training reads `length` tokens of `batch`
streams, and the states, cut from their past, go on into the next step.

ids: [T, B] time, batch; logits: [T, B, tokens]
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHORTEST = 2
"""Tokens that each stream of a split needs, besides one that all share."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as token numbers below `tokens`, [length] each split, of the smallest type that holds them."""

    tokens: int
    train: Tensor
    validation: Tensor
    test: Tensor

    @property
    def size(self) -> int:
        """Length of all splits."""
        return len(self.train) + len(self.validation) + len(self.test)


def characters(pieces: Callable[[], Iterable[str]]) -> tuple[int, Tensor]:
    """How many different characters a text has, and for each of its own the place in the alphabet, [length].

    `pieces` gives the text, and is asked for it twice.
    """
    known, length = torch.zeros(sys.maxunicode + 1, dtype=torch.bool), 0
    for piece in pieces():
        known[_code_points(piece)] = True
        length += len(piece)
    alphabet = known.cumsum(0) - 1
    count, place = int(known.sum()), 0
    ids = torch.empty(length, dtype=smallest(count))
    for piece in pieces():
        ids[place : place + len(piece)] = alphabet[_code_points(piece)]
        place += len(piece)
    return count, ids


def _code_points(text: str) -> Tensor:
    return torch.frombuffer(bytearray(text.encode("utf-32-le")), dtype=torch.int32).long()


def words(pieces: Iterable[str], end: str) -> Iterator[list[str]]:
    """The words of a text between blanks, with `end` at the end of each line, some at a time."""
    rest = ""
    for piece in pieces:
        text = rest + piece.replace("\n", f" {end} ")
        some = text.split()
        rest = some.pop() if some and not text[-1].isspace() else ""
        yield some
    yield [rest] if rest else []


def numbers(ids: array[int], tokens: int) -> Tensor:
    """Token numbers below `tokens` as a tensor."""
    return torch.frombuffer(ids, dtype=torch.int32).to(smallest(tokens))


def smallest(tokens: int) -> torch.dtype:
    """The smallest type of numbers below `tokens`."""
    return torch.uint8 if tokens <= 1 << 8 else torch.int16 if tokens <= 1 << 15 else torch.int32


def windows(train: Tensor, batch: int, length: int, seed: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """(ids [T, B], next ids [T, B], whether the streams go on from the last batch), each pass shifted anew."""
    generator = torch.Generator().manual_seed(seed)
    stream = (len(train) - 1) // batch
    while True:
        shift = int(torch.randint(0, len(train) - stream * batch, (), generator=generator))
        rolled = torch.roll(train, -int(torch.randint(0, stream, (), generator=generator)))[shift:]
        ids = rolled[: stream * batch].view(batch, stream).t()
        for start in range(0, max(1, stream - length), length):
            window = ids[start : start + length + 1].long()
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
        logits, states = model(some.long(), states)
        total += float(F.cross_entropy(logits.flatten(0, 1), targets.long().flatten(), reduction="sum"))
    return total / following.numel()


def _detached(states: Any) -> Any:
    return states.detach() if isinstance(states, Tensor) else tuple(state.detach() for state in states)
