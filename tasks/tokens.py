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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy
import torch
from torch import nn

from cellsearch.errors import DataError
from cellsearch.training.shared import shared

from .parts.streams import SHORTEST, Corpus, smallest
from .parts.token_model import TokenTask

SPLITS = 20
"""Parts of the tokens: 18 to train, then one to validate and one to test."""


@dataclass(frozen=True)
class Tokens(TokenTask):
    """The task; `data` is a .npy file; `embedding` is a token's size."""

    data: str = ""
    batch: int = 20
    length: int = 64
    embedding: int = 64
    dropout: float = 0.0

    name: ClassVar[str] = "tokens"

    def prepare(self) -> None:
        """Read the tokens. Raises DataError if they are missing, no whole numbers in a row, too few or all the same."""
        if not self.data:
            raise DataError("tokens needs a file: name --data FILE.npy, whole numbers in one dimension")
        self.check_options()
        corpus = self.corpus
        if len(corpus.test) <= SHORTEST * self.batch:
            raise DataError(
                f"data file {self.data} has {corpus.size} tokens, too few for {self.batch} streams: "
                f"use {SPLITS * (SHORTEST * self.batch + 1)} or more, or a smaller batch"
            )

    @property
    def corpus(self) -> Corpus:
        """The tokens that train, validate and test, read once."""
        return _corpus(self.data)

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
