"""A language model of many tokens, words or others, whose embedding is its output layer too; and the tasks of it.

Press & Wolf (2016), Using the output embedding to improve language models; Inan et al. (2016). A linear layer leads
from the outputs to the embedding whatever the sizes, so that the model grows evenly with its hidden size.

ids: [T, B] time, batch; logits: [T, B, tokens]
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN

from .streams import Corpus, nats, stream_loss, windows

LOGITS: Final = 1 << 24
"""Numbers that the output layer may compute at once while scoring."""


class TokenModel(nn.Module):
    """Embedding, one recurrent layer, a linear layer to the embedding's size, the embedding as output layer."""

    def __init__(self, cell: Cell, hidden_size: int, tokens: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, embedding)
        self.rnn = RNN(cell, embedding, hidden_size)
        self.projection = nn.Linear(hidden_size, embedding)
        self.bias = nn.Parameter(torch.zeros(tokens))
        self.dropout = nn.Dropout(dropout)
        # As output layer it has the scale of torch's Linear, not of its Embedding.
        nn.init.uniform_(self.embedding.weight, -(embedding**-0.5), embedding**-0.5)

    def forward(self, ids: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        outputs, states = self.rnn(self.dropout(self.embedding(ids)), states)
        projected = self.dropout(self.projection(outputs))
        return F.linear(projected, self.embedding.weight, self.bias), states


class TokenTask(ABC):
    """What the tasks share whose model this is: dataclasses with a corpus, and options of these names."""

    name: ClassVar[str]
    metric: ClassVar[str] = "perplexity"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 300_000
    steps: ClassVar[int] = 600
    learning_rate: ClassVar[float] = 1e-2

    batch: int
    length: int
    embedding: int
    dropout: float

    @property
    @abstractmethod
    def corpus(self) -> Corpus:
        """The tokens that train, validate and test."""

    def check_options(self) -> None:
        """Raise DataError if an option is out of range."""
        if min(self.batch, self.length, self.embedding) < 1 or not 0 <= self.dropout < 1:
            raise DataError(
                f"{self.name} needs batch, length and embedding of at least 1 and dropout from 0 to below 1, "
                f"got {self.batch}, {self.length}, {self.embedding}, {self.dropout}"
            )

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model of the tokens that occur."""
        return TokenModel(cell, hidden_size, self.corpus.tokens, self.embedding, self.dropout)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """(ids [T, B], next ids [T, B], whether the streams go on from the last batch)."""
        return windows(self.corpus.train, self.batch, self.length, seed)

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, bool], carried: Any) -> tuple[Tensor, Any]:
        """Mean cross-entropy (nats a token), and the states for the next batch."""
        return stream_loss(model, batch, carried)

    def score(self, model: nn.Module, split: str) -> float:
        """Perplexity over the split, read as `batch` streams at once."""
        window = max(1, LOGITS // (self.batch * self.corpus.tokens))
        return math.exp(nats(model, getattr(self.corpus, split), self.batch, window))
