"""Tokens of your own, numbered by your own tokenizer: a language model of them; metric: perplexity, lower is better.

`--task tokens --data FILE.npy`, the whole numbers of one text or other sequence in order, as
`numpy.save("FILE.npy", ids)` writes them: one dimension, any integer type, 90, 5 and 5 percent to train, validate and
test. A token's number is a name, so that gaps between them cost nothing: those that occur are counted from 0. A text
needs no tokenizer: characters are the task `chars`, words the task `words`.

The model is that of `words`, and training carries its states from one step to the next (see `streams`). `details` tells
the bits per token of the test split.

ids: [T, B] time, batch; logits: [T, B, tokens]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy
import torch
from torch import Tensor, nn

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.training.shared import shared

from .parts.streams import SHORTEST, Corpus, smallest, stream_loss, windows
from .parts.token_model import TokenModel, perplexity

SPLITS = 20
"""Parts of the tokens: 18 to train, then one to validate and one to test."""


@dataclass(frozen=True)
class Tokens:
    """The task; `data` is a .npy file; `embedding` is a token's size."""

    data: str = ""
    batch: int = 20
    length: int = 64
    embedding: int = 64
    dropout: float = 0.0

    name: ClassVar[str] = "tokens"
    metric: ClassVar[str] = "perplexity"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 300_000
    steps: ClassVar[int] = 600
    learning_rate: ClassVar[float] = 1e-2

    def prepare(self) -> None:
        """Read the tokens. Raises DataError if they are missing, no whole numbers in a row, too few or all the same."""
        if not self.data:
            raise DataError("tokens needs a file: name --data FILE.npy, whole numbers in one dimension")
        if min(self.batch, self.length, self.embedding) < 1 or not 0 <= self.dropout < 1:
            raise DataError(
                f"tokens needs batch, length and embedding of at least 1 and dropout from 0 to below 1, "
                f"got {self.batch}, {self.length}, {self.embedding}, {self.dropout}"
            )
        corpus = _corpus(self.data)
        if len(corpus.test) <= SHORTEST * self.batch:
            raise DataError(
                f"data file {self.data} has {corpus.size} tokens, too few for {self.batch} streams: "
                f"use {SPLITS * (SHORTEST * self.batch + 1)} or more, or a smaller batch"
            )

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model of the tokens that occur."""
        return TokenModel(cell, hidden_size, _corpus(self.data).tokens, self.embedding, self.dropout)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """(ids [T, B], next ids [T, B], whether the streams go on from the last batch)."""
        return windows(_corpus(self.data).train, self.batch, self.length, seed)

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, bool], carried: Any) -> tuple[Tensor, Any]:
        """Mean cross-entropy (nats a token), and the states for the next batch."""
        return stream_loss(model, batch, carried)

    def score(self, model: nn.Module, split: str) -> float:
        """Perplexity over the split, read as `batch` streams at once."""
        return perplexity(model, _corpus(self.data), split, self.batch)

    def details(self, model: nn.Module) -> Mapping[str, float]:
        """Bits per token of the test split."""
        return {"bits per token": math.log2(self.score(model, "test"))}


TASK = Tokens()


@shared
def _corpus(data: str) -> Corpus:
    tokens, ids = numpy.unique(_read(data), return_inverse=True)
    if len(tokens) < 2:
        raise DataError(f"data file {data} has the token {tokens[0]} alone; name a file with different tokens")
    numbered = torch.from_numpy(ids).to(smallest(len(tokens)))
    train, validation = (SPLITS - 2) * len(ids) // SPLITS, (SPLITS - 1) * len(ids) // SPLITS
    return Corpus(len(tokens), numbered[:train], numbered[train:validation], numbered[validation:])


def _read(data: str) -> numpy.ndarray[Any, Any]:
    """The array of a file. Objects are never unpickled: a file that has some is refused."""
    wanted = "write it with numpy.save(FILE, ids), whole numbers in one dimension"
    try:
        with Path(data).expanduser().open("rb") as file:
            ids = numpy.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise DataError(f"data file {data}: {error.strerror}; name a .npy file") from None
    except ValueError as error:
        reason = "it holds pickled objects" if "Object arrays" in str(error) else "it is no whole .npy file"
        raise DataError(f"data file {data}: {reason}; {wanted}") from None
    if ids.ndim != 1 or not numpy.issubdtype(ids.dtype, numpy.integer):
        shape = " x ".join(map(str, ids.shape)) or "one single"
        raise DataError(f"data file {data} is an array of {shape} {ids.dtype}; {wanted}")
    if not len(ids):
        raise DataError(f"data file {data} is empty; {wanted}")
    return ids
