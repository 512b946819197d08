"""Next-character prediction on real English text; metric: bits per character, lower is better.

The corpus is the language reference that every CPython carries (`pydoc_data.topics`, about 465,000 characters), any
UTF-8 text file, or `tinyshakespeare` (Karpathy 2015, char-rnn; 1,115,394 characters, 65 distinct). Train, validation
and test are 90, 5 and 5 percent of it in order, which is the customary split of tiny Shakespeare. There, an LSTM of at
most 1,000,000 parameters should reach 2.2 bits on validation; on Penn Treebank characters Bai et al. (2018) publish
LSTM 1.36, GRU 1.37, RNN 1.48 with 3,000,000.

Training reads `batch` streams side by side, `length` characters a step, and carries the states from one step to the
next (see `streams`).

ids: [T, B] time, batch; logits: [T, B, characters]
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn, tensor

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN
from cellsearch.training.dataset import Dataset, Remote, locate, text_pieces
from cellsearch.training.shared import shared

from .parts.streams import SHORTEST, Corpus, characters, nats, stream_loss, windows

TINY_SHAKESPEARE = Dataset(
    "tinyshakespeare",
    (
        Remote(
            "input.txt",
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    ),
)

EMBEDDING_SIZE = 48

SPLITS = 20
"""Parts of the text: 18 to train, then one to validate and one to test."""

WINDOW = 1024
"""Steps that a score reads at once, so that a long text needs no more memory than a short one."""


class CharacterModel(nn.Module):
    """Embedding, one recurrent layer, and a linear layer to the characters; dropout on either side of the layer."""

    def __init__(self, cell: Cell, hidden_size: int, characters: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, EMBEDDING_SIZE)
        self.rnn = RNN(cell, EMBEDDING_SIZE, hidden_size)
        self.head = nn.Linear(hidden_size, characters)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        outputs, states = self.rnn(self.dropout(self.embedding(ids)), states)
        return self.head(self.dropout(outputs)), states


@dataclass(frozen=True)
class Chars:
    """The task; `data` is a text file or `tinyshakespeare`, empty for the language reference."""

    data: str = ""
    batch: int = 32
    length: int = 64
    dropout: float = 0.0

    name: ClassVar[str] = "chars"
    metric: ClassVar[str] = "bits per character"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 60_000
    steps: ClassVar[int] = 400
    learning_rate: ClassVar[float] = 2e-2

    def prepare(self) -> None:
        """Read the corpus. Raises DataError if it is missing, empty, not UTF-8 or too short to split."""
        if self.batch < 1 or self.length < 1 or not 0 <= self.dropout < 1:
            raise DataError(
                f"chars needs batch and length of at least 1 and dropout from 0 to below 1, "
                f"got {self.batch}, {self.length}, {self.dropout}"
            )
        corpus = _corpus(self.data)
        if len(corpus.test) <= SHORTEST * self.batch:
            raise DataError(
                f"data {self.data!r} has {corpus.size} characters, too few for {self.batch} streams: "
                f"use a text of {SPLITS * (SHORTEST * self.batch + 1)}, or a smaller batch"
            )

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A character model of the corpus' alphabet."""
        return CharacterModel(cell, hidden_size, _corpus(self.data).tokens, self.dropout)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """(ids [T, B], next ids [T, B], whether the streams go on from the last batch)."""
        return windows(_corpus(self.data).train, self.batch, self.length, seed)

    def read(self, text: str) -> tuple[Tensor, list[str]]:
        """A text as the model takes it, [T, 1], without the characters that the corpus has not; and what they are."""
        known = _alphabet(self.data)
        shown = [each for each in text if each in known]
        if not shown:
            raise DataError(f"text {text[:20]!r} has no character of the corpus; give one in its language")
        return tensor([[known[each]] for each in shown]), shown

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, bool], carried: Any) -> tuple[Tensor, Any]:
        """Mean cross-entropy (nats a character), and the states for the next batch."""
        return stream_loss(model, batch, carried)

    def score(self, model: nn.Module, split: str) -> float:
        """Bits per character over the split, read as `batch` streams at once."""
        return nats(model, getattr(_corpus(self.data), split), self.batch, WINDOW) / math.log(2)


TASK = Chars()


@shared
def _corpus(data: str) -> Corpus:
    tokens, ids = characters(lambda: _pieces(data))
    train, validation = (SPLITS - 2) * len(ids) // SPLITS, (SPLITS - 1) * len(ids) // SPLITS
    return Corpus(tokens, ids[:train], ids[train:validation], ids[validation:])


@shared
def _alphabet(data: str) -> dict[str, int]:
    """The place of each character of the corpus in its alphabet."""
    return {each: place for place, each in enumerate(sorted({each for piece in _pieces(data) for each in piece}))}


def _pieces(data: str) -> Iterable[str]:
    file = locate(TINY_SHAKESPEARE, data) if data else None
    return text_pieces(file) if file else [_language_reference()]


def _language_reference() -> str:
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))
