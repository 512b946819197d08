"""Sequence to sequence: an encoder reads, a decoder writes; metric: share of targets written without any error.

Sutskever et al. (2014): the encoder's last states are the decoder's first. With `attention` 1, Bahdanau et al. (2015):
before each step the decoder looks at the encoder's outputs, weighted by an additive score against its own last output.
Both are built around the cell. Training feeds the right previous token; a score is greedy, feeds the model's own, and
counts a target only if every token and the end are right.

By default dates in many written forms, letter by letter, to ISO: 10,000 to train, 1,000 each to validate and test, of
different days (see `dates`). `scan` (Lake & Baroni 2018; downloaded, or a folder with its files): commands to actions,
`split` `simple` (16,728 pairs to train, 4,182 to test) or `length` (16,990 up to 22 actions; 3,920 of 24 to 48); a
tenth of the training pairs, drawn once, is validation. Published: simple, 99.8 % at best, LSTM without attention
99.7 % (two layers of 200); length, the same LSTM 13.8 %, 20.8 % at best (a GRU with attention).

source: [T, B] packed; target: [T, B] from START to END, then PADDING; logits: [T, B, tokens]
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.training.dataset import Dataset, Remote, locate, read_text
from cellsearch.training.shared import shared

from .parts.dates import pairs
from .parts.encoder_decoder import EncoderDecoder
from .parts.ragged import PADDING, Ragged, by_length, ragged, shuffled

ADDRESS = "https://raw.githubusercontent.com/brendenlake/SCAN/master"

SCAN = {
    split: Dataset(
        "scan",
        tuple(
            Remote(f"tasks_{part}_{split}.txt", f"{ADDRESS}/{split}_split/tasks_{part}_{split}.txt", sha256)
            for part, sha256 in zip(("train", "test"), checksums, strict=True)
        ),
    )
    for split, checksums in {
        "simple": (
            "941bb8a088c5f53ceff12fde902dc008933cf0c4203cc672c47b5f79d73262dd",
            "1fe1c8f5a19d0dc40e41bab94278f45f66f3dc415a978bd29855a23440610fc6",
        ),
        "length": (
            "b034212dc7cf87ce62f3a067dd6ad49c4d5cd18d51d615d13825516bcb1ebbc2",
            "0760752ed34a75116ae11dcc1ee17526b7500060da1366540730fa24894d7db3",
        ),
    }.items()
}

START, END, TOKENS = 1, 2, 3
"""Numbers of the tokens around a target, and of the first token of the data; 0 is PADDING."""

TOGETHER = 500
"""Pairs that a score reads at once."""

Pair = tuple[list[str], list[str]]
"""The tokens of a source and of its target."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """A split: sources, and targets from START to END."""

    sources: Ragged
    targets: Ragged


@dataclass(frozen=True, eq=False)
class Corpus:
    """All splits, and how many token numbers sources and targets have."""

    source_tokens: int
    target_tokens: int
    train: Pairs
    validation: Pairs
    test: Pairs


@dataclass(frozen=True)
class Translate:
    """The task; `data` is `scan` or a folder with its files, empty for dates; `split` is SCAN's, `attention` 0 or 1."""

    data: str = ""
    split: str = "simple"
    attention: int = 0
    batch: int = 50
    dropout: float = 0.0

    name: ClassVar[str] = "translate"
    metric: ClassVar[str] = "sequence accuracy"
    lower_is_better: ClassVar[bool] = False
    parameters: ClassVar[int] = 100_000
    steps: ClassVar[int] = 1_500
    learning_rate: ClassVar[float] = 5e-3

    def prepare(self) -> None:
        """Read or make the pairs. Raises DataError if a file is missing, empty, or has a line that is no pair."""
        if self.batch < 1 or self.attention not in (0, 1) or not 0 <= self.dropout < 1:
            raise DataError(
                f"translate needs batch of at least 1, attention 0 or 1 and dropout from 0 to below 1, "
                f"got {self.batch}, {self.attention}, {self.dropout}"
            )
        if self.split not in SCAN:
            raise DataError(f"translate has no split {self.split!r}; use {' or '.join(SCAN)}")
        _corpus(self.data, self.split)

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """An encoder and a decoder of the corpus' tokens."""
        corpus = _corpus(self.data, self.split)
        return EncoderDecoder(
            cell, hidden_size, corpus.source_tokens, corpus.target_tokens, bool(self.attention), self.dropout
        )

    def batches(self, seed: int) -> Iterator[tuple[PackedSequence, Tensor]]:
        """(sources, targets [T, B]) of pairs whose targets have similar lengths, every pair once a pass."""
        train = _corpus(self.data, self.split).train
        for chosen in shuffled(train.targets.lengths, self.batch, seed):
            yield train.sources.packed(chosen), train.targets.padded(chosen)

    def loss(self, model: nn.Module, batch: tuple[PackedSequence, Tensor], carried: Any) -> tuple[Tensor, None]:
        """Mean cross-entropy (nats a token)."""
        source, target = batch
        logits = model(source, target[:-1])
        return F.cross_entropy(logits.flatten(0, 1), target[1:].flatten(), ignore_index=PADDING), None

    def score(self, model: nn.Module, split: str) -> float:
        """Share of pairs whose whole target is written, 0 to 1."""
        pairs_: Pairs = getattr(_corpus(self.data, self.split), split)
        return float(_right(model, pairs_).mean())

    def details(self, model: nn.Module) -> Mapping[str, float]:
        """Share of test targets written by their number of tokens, where it is more than any in training."""
        corpus = _corpus(self.data, self.split)
        lengths, longest = corpus.test.targets.lengths, int(corpus.train.targets.lengths.max())
        longer = sorted({n for n in lengths.tolist() if n > longest})
        right = _right(model, corpus.test) if longer else lengths
        return {f"accuracy at length {n - 2}": float(right[lengths == n].mean()) for n in longer}


TASK = Translate()


def _right(model: nn.Module, pairs_: Pairs) -> Tensor:
    """1 for each pair whose target is written without an error, else 0, [pairs]."""
    assert isinstance(model, EncoderDecoder)
    device = next(model.parameters()).device
    right = torch.zeros(len(pairs_.targets), dtype=torch.float64)
    for chosen in by_length(pairs_.targets.lengths, TOGETHER):
        source = pairs_.sources.packed(chosen).to(device)  # type: ignore[arg-type]  # torch wants a dtype alone
        target = pairs_.targets.padded(chosen)[1:]
        written = model.write(source, START, len(target)).cpu()
        right[chosen] = ((written == target) | (target == PADDING)).all(0).double()
    return right


@shared
def _corpus(data: str, split: str) -> Corpus:
    train, validation, test = _commands(locate(SCAN[split], data), split) if data else _dates()
    sources = _numbers(source for source, _ in train)
    targets = _numbers(target for _, target in train)

    def numbered(some: list[Pair]) -> Pairs:
        return Pairs(
            ragged([sources[token] for token in source] for source, _ in some),
            ragged([START, *(targets[token] for token in target), END] for _, target in some),
        )

    return Corpus(TOKENS + len(sources), TOKENS + len(targets), numbered(train), numbered(validation), numbered(test))


def _numbers(sequences: Iterator[list[str]]) -> dict[str, int]:
    tokens = sorted({token for sequence in sequences for token in sequence})
    return {token: TOKENS + i for i, token in enumerate(tokens)}


def _dates() -> tuple[list[Pair], list[Pair], list[Pair]]:
    made = [(list(written), list(iso)) for written, iso in pairs(12_000, seed=0)]
    return made[:10_000], made[10_000:11_000], made[11_000:]


def _commands(folder: Path, split: str) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """SCAN's files, a tenth of the training pairs held out."""
    files = [folder / remote.name for remote in SCAN[split].files]
    known, test = (_read(file) for file in files)
    if len(known) < 10:
        raise DataError(f"data file {files[0]} has {len(known)} pairs, too few to hold some out; use 10 or more")
    random.Random(0).shuffle(known)
    held_out = len(known) // 10
    train, validation = known[held_out:], known[:held_out]
    for side, name in enumerate(("source", "target")):
        vocabulary = {token for pair in train for token in pair[side]}
        unknown = sorted({token for pair in (*validation, *test) for token in pair[side]} - vocabulary)
        if unknown:
            raise DataError(f"data folder {folder}: {name} token {unknown[0]!r} is not in the training pairs; add some")
    return train, validation, test


def _read(file: Path) -> list[Pair]:
    found = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        match = re.fullmatch(r"IN: (\S.*?) OUT: (\S.*)", line)
        if match is None:
            raise DataError(f"data file {file}, line {number}: {line[:40]!r} is no pair; write IN: jump OUT: I_JUMP")
        found.append((match[1].split(), match[2].split()))
    return found
