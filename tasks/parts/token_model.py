"""A language model of many tokens, words or others, whose embedding is its output layer too; and its perplexity.

Press & Wolf (2016), Using the output embedding to improve language models; Inan et al. (2016). A linear layer leads
from the outputs to the embedding whatever the sizes, so that the model grows evenly with its hidden size.

ids: [T, B] time, batch; logits: [T, B, tokens]
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN

from .streams import Corpus, nats

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


def perplexity(model: nn.Module, corpus: Corpus, split: str, batch: int) -> float:
    """The model's perplexity over a split, read as `batch` streams at once."""
    window = max(1, LOGITS // (batch * corpus.tokens))
    return math.exp(nats(model, getattr(corpus, split), batch, window))
