"""Next-character prediction on real English text; metric: bits per character, lower is better.

The corpus is the language reference that every CPython carries (`pydoc_data.topics`, about 465,000 characters), or
any UTF-8 text file. Train, validation and test are 90, 5 and 5 percent of it in order. Training reads `batch` streams
side by side, `length` characters a step, and carries the states from one step to the next (truncated
backpropagation through time, Williams & Peng 1990).

ids: [T, B] time, batch; logits: [T, B, characters]
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN

EMBEDDING_SIZE = 48

SPLITS = 20
"""Parts of the text: 18 to train, then one to validate and one to test."""

WINDOW = 1024
"""Steps that a score reads at once, so that a long text needs no more memory than a short one."""


@dataclass(frozen=True)
class Corpus:
    """A text as character numbers, [characters] each split."""

    characters: int
    train: Tensor
    validation: Tensor
    test: Tensor

    @property
    def size(self) -> int:
        """Characters of all splits."""
        return len(self.train) + len(self.validation) + len(self.test)


class CharacterModel(nn.Module):
    """Embedding, one recurrent layer, and a linear layer to the characters."""

    def __init__(self, cell: Cell, hidden_size: int, characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, EMBEDDING_SIZE)
        self.rnn = RNN(cell, EMBEDDING_SIZE, hidden_size)
        self.head = nn.Linear(hidden_size, characters)

    def forward(self, ids: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        outputs, states = self.rnn(self.embedding(ids), states)
        return self.head(outputs), states


@dataclass(frozen=True)
class Chars:
    """The task; `data` is a text file, empty for the language reference."""

    data: str = ""
    batch: int = 32
    length: int = 64

    name: ClassVar[str] = "chars"
    metric: ClassVar[str] = "bits per character"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 60_000
    steps: ClassVar[int] = 400
    learning_rate: ClassVar[float] = 2e-2

    def prepare(self) -> None:
        """Read the corpus. Raises DataError if it is missing, empty, not UTF-8 or too short to split."""
        if self.batch < 1 or self.length < 1:
            raise DataError(f"chars needs batch and length of at least 1, got {self.batch}, {self.length}")
        corpus = _corpus(self.data)
        if len(corpus.test) <= 2 * self.batch:
            raise DataError(
                f"data {self.data!r} has {corpus.size} characters, too few for {self.batch} streams: "
                f"use a text of {SPLITS * (2 * self.batch + 1)}, or a smaller batch"
            )

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A character model of the corpus' alphabet."""
        return CharacterModel(cell, hidden_size, _corpus(self.data).characters)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """(ids [T, B], next ids [T, B], whether the streams go on from the last batch), each pass shifted anew."""
        train = _corpus(self.data).train
        generator = torch.Generator().manual_seed(seed)
        stream = (len(train) - 1) // self.batch
        while True:
            shift = int(torch.randint(0, len(train) - stream * self.batch, (), generator=generator))
            rolled = torch.roll(train, -int(torch.randint(0, stream, (), generator=generator)))[shift:]
            ids = rolled[: stream * self.batch].view(self.batch, stream).t()
            for start in range(0, max(1, stream - self.length), self.length):
                window = ids[start : start + self.length + 1]
                yield window[:-1], window[1:], start > 0

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, bool], carried: Any) -> tuple[Tensor, Any]:
        """Mean cross-entropy (nats a character), and the states for the next batch."""
        ids, following, goes_on = batch
        logits, states = model(ids, carried if goes_on else None)
        loss = F.cross_entropy(logits.flatten(0, 1), following.flatten())
        return loss, _detached(states)

    def score(self, model: nn.Module, split: str) -> float:
        """Bits per character over the split, read as `batch` streams at once."""
        text: Tensor = getattr(_corpus(self.data), split).to(next(model.parameters()).device)
        stream = (len(text) - 1) // self.batch
        ids = text[: stream * self.batch].view(self.batch, stream).t()
        following = text[1 : stream * self.batch + 1].view(self.batch, stream).t()
        total, states = 0.0, None
        for window, targets in zip(torch.split(ids, WINDOW), torch.split(following, WINDOW), strict=True):
            logits, states = model(window, states)
            total += float(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
        return total / following.numel() / math.log(2)


TASK = Chars()


@lru_cache(maxsize=2)
def _corpus(data: str) -> Corpus:
    text = _read(Path(data)) if data else _language_reference()
    alphabet = {character: i for i, character in enumerate(sorted(set(text)))}
    # Models may be built under another default device (`meta`, to count their parameters); the corpus never is.
    ids = torch.tensor([alphabet[character] for character in text], device="cpu")
    train, validation = (SPLITS - 2) * len(ids) // SPLITS, (SPLITS - 1) * len(ids) // SPLITS
    return Corpus(len(alphabet), ids[:train], ids[train:validation], ids[validation:])


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"data file {path}: {error.strerror}; name a text file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"data file {path}: not UTF-8 text (byte {error.start}); convert it") from None
    if not text.strip():
        raise DataError(f"data file {path} is empty; name a file with text")
    return text


def _language_reference() -> str:
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))


def _detached(states: Any) -> Any:
    return states.detach() if isinstance(states, Tensor) else tuple(state.detach() for state in states)
