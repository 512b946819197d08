"""An encoder and a decoder around any cell, with Bahdanau's attention between them if wanted.

source: [S, B] packed; previous: [T, B] the tokens before those to write; memory: [S, B, H] the encoder's outputs
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN

EMBEDDING_SIZE = 64

Look = Callable[[Tensor], Tensor]
"""From a query [B, H] to what it finds in the memory [B, H]."""


class EncoderDecoder(nn.Module):
    """One recurrent layer reads, another of the same cell writes from its last states, a linear layer leads to tokens.

    Cho et al. (2014) and Sutskever et al. (2014); with attention Bahdanau et al. (2015), but an encoder of one
    direction, so that its last states fit the decoder of any cell.
    """

    def __init__(
        self, cell: Cell, hidden_size: int, sources: int, targets: int, attention: bool, dropout: float
    ) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(sources, EMBEDDING_SIZE)
        self.target_embedding = nn.Embedding(targets, EMBEDDING_SIZE)
        self.encoder = RNN(cell, EMBEDDING_SIZE, hidden_size)
        self.decoder = RNN(cell, EMBEDDING_SIZE + (hidden_size if attention else 0), hidden_size)
        self.attention = AdditiveAttention(hidden_size) if attention else None
        self.head = nn.Linear(hidden_size, targets)
        self.dropout = nn.Dropout(dropout)

    def forward(self, source: PackedSequence, previous: Tensor) -> Tensor:
        """Logits [T, B, tokens] of the tokens that follow the previous ones."""
        output, states, look = self._encode(source)
        x = self.dropout(self.target_embedding(previous))
        if look is None:
            outputs, _ = self.decoder(x, states)
        else:
            steps = []
            for step in x:
                output, states = self._step(step, output, states, look)
                steps.append(output)
            outputs = torch.stack(steps)
        logits: Tensor = self.head(self.dropout(outputs))
        return logits

    def write(self, source: PackedSequence, start: int, steps: int) -> Tensor:
        """The likeliest token at each step [T, B], given the likeliest before it; the first follows `start`."""
        output, states, look = self._encode(source)
        token = torch.full((len(output),), start, device=output.device)
        written = []
        for _ in range(steps):
            output, states = self._step(self.target_embedding(token), output, states, look)
            token = self.head(output).argmax(-1)
            written.append(token)
        return torch.stack(written)

    def _encode(self, source: PackedSequence) -> tuple[Tensor, Any, Look | None]:
        """Each source's last output [B, H], its last states, and the attention to its outputs."""
        x = PackedSequence(self.dropout(self.source_embedding(source.data)), *source[1:])
        outputs, states = self.encoder(x)
        memory, lengths = pad_packed_sequence(outputs)
        lengths = lengths.to(memory.device)
        last = memory[lengths - 1, torch.arange(len(lengths), device=memory.device)]
        outside = torch.arange(len(memory), device=memory.device).unsqueeze(1) >= lengths
        return last, states, None if self.attention is None else self.attention.over(memory, outside)

    def _step(self, x: Tensor, output: Tensor, states: Any, look: Look | None) -> tuple[Tensor, Any]:
        """The decoder's next output [B, H] and states, from a token's embedding [B, E] and its last output."""
        if look is not None:
            x = torch.cat([x, look(output)], -1)
        outputs, states = self.decoder(x.unsqueeze(0), states)
        return outputs[0], states


class AdditiveAttention(nn.Module):
    """score = v · tanh(W query + U key): Bahdanau, Cho & Bengio (2015), Neural machine translation."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query = nn.Linear(size, size, bias=False)
        self.key = nn.Linear(size, size)
        self.score = nn.Linear(size, 1, bias=False)

    def over(self, memory: Tensor, outside: Tensor) -> Look:
        """The attention to memory [S, B, H], blind where `outside` [S, B] is true."""
        keys = self.key(memory)

        def look(query: Tensor) -> Tensor:
            scores = self.score(torch.tanh(keys + self.query(query))).squeeze(-1).masked_fill(outside, float("-inf"))
            found: Tensor = (scores.softmax(0).unsqueeze(-1) * memory).sum(0)
            return found

        return look
