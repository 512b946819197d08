"""Text classification: which of a few classes a document of any length belongs to; metric: accuracy, higher is better.

By default passages of 8 to 40 words of the language reference that every CPython carries, the question being from
which of its SECTIONS largest sections a passage is: about 2,500 passages to train, and of each ten that follow one
another in a section one of 300 to validate and one of 300 to test. The commonest section has a fifth of them.

`trec` (Li & Roth 2002; downloaded, or a folder with its files): 5,452 questions to train and 500 to test, and what a
question asks for: description, entity, abbreviation, person, number or place. A tenth of the training questions, drawn
once, is validation. Published without pretrained vectors: CNN 91.2 % (Kim 2014), DCNN 93.0 % (Kalchbrenner et al.
2014); support vector machine on bags of words 85.8 % (Zhang & Lee 2003).

Words are in lower case; those seen once in training are unknown. The model reads both ways, packed, and takes each
output's largest value over the document (Lai et al. 2015).

batch: ids packed [tokens], labels [B]; logits: [B, classes]
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN
from cellsearch.training.dataset import Dataset, Remote, locate, read_text
from cellsearch.training.shared import shared

from .parts.ragged import Ragged, by_length, ragged, shuffled

ADDRESS = "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data"

TREC = Dataset(
    "trec",
    (
        Remote(
            "TREC.train.all",
            f"{ADDRESS}/TREC.train.all",
            "c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e",
        ),
        Remote(
            "TREC.test.all",
            f"{ADDRESS}/TREC.test.all",
            "92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566",
        ),
    ),
)

SECTIONS = 12
PASSAGE = (8, 40)
"""Fewest and most words of a passage."""

UNKNOWN = 1
WORDS = 2
"""The first number of a word; 0 is padding."""

TOGETHER = 256
"""Documents that a score reads at once."""

Document = tuple[str, list[str]]
"""A class and the words."""


@dataclass(frozen=True, eq=False)
class Documents:
    """A split: the documents as word numbers, and their classes as numbers, [documents]."""

    words: Ragged
    labels: Tensor


@dataclass(frozen=True, eq=False)
class Corpus:
    """All splits, and how many word numbers and classes there are."""

    vocabulary: int
    classes: int
    train: Documents
    validation: Documents
    test: Documents


class DocumentModel(nn.Module):
    """Embedding, one recurrent layer each way, the largest of each output over time, and a linear layer to classes."""

    def __init__(
        self, cell: Cell, hidden_size: int, vocabulary: int, embedding: int, classes: int, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.rnn = RNN(cell, embedding, hidden_size, bidirectional=True)
        self.head = nn.Linear(2 * hidden_size, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: PackedSequence) -> Tensor:
        x = PackedSequence(self.dropout(self.embedding(words.data)), *words[1:])
        outputs, _ = pad_packed_sequence(self.rnn(x)[0], padding_value=float("-inf"))
        logits: Tensor = self.head(self.dropout(outputs.amax(0)))
        return logits


@dataclass(frozen=True)
class Classify:
    """The task; `data` is `trec` or a folder with its files, empty for passages; `embedding` is a word's size."""

    data: str = ""
    batch: int = 50
    embedding: int = 64
    dropout: float = 0.0

    name: ClassVar[str] = "classify"
    metric: ClassVar[str] = "accuracy"
    lower_is_better: ClassVar[bool] = False
    parameters: ClassVar[int] = 300_000
    steps: ClassVar[int] = 400
    learning_rate: ClassVar[float] = 5e-3

    def prepare(self) -> None:
        """Read the documents. Raises DataError if a file is missing, empty, or has a line that is no document."""
        if min(self.batch, self.embedding) < 1 or not 0 <= self.dropout < 1:
            raise DataError(
                f"classify needs batch and embedding of at least 1 and dropout from 0 to below 1, "
                f"got {self.batch}, {self.embedding}, {self.dropout}"
            )
        _corpus(self.data)

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model of the corpus' words and classes."""
        corpus = _corpus(self.data)
        return DocumentModel(cell, hidden_size, corpus.vocabulary, self.embedding, corpus.classes, self.dropout)

    def batches(self, seed: int) -> Iterator[tuple[PackedSequence, Tensor]]:
        """(words, labels [B]) of documents of similar lengths, every document once a pass."""
        train = _corpus(self.data).train
        for chosen in shuffled(train.words.lengths, self.batch, seed):
            yield train.words.packed(chosen), train.labels[chosen]

    def loss(self, model: nn.Module, batch: tuple[PackedSequence, Tensor], carried: Any) -> tuple[Tensor, None]:
        """Mean cross-entropy (nats a document)."""
        words, labels = batch
        return F.cross_entropy(model(words), labels), None

    def score(self, model: nn.Module, split: str) -> float:
        """Share of documents whose class is found, 0 to 1."""
        documents: Documents = getattr(_corpus(self.data), split)
        device, right = next(model.parameters()).device, 0
        for chosen in by_length(documents.words.lengths, TOGETHER):
            words = documents.words.packed(chosen).to(device)  # type: ignore[arg-type]  # torch wants a dtype alone
            right += int((model(words).argmax(-1).cpu() == documents.labels[chosen]).sum())
        return right / len(documents.labels)


TASK = Classify()


@shared
def _corpus(data: str) -> Corpus:
    train, validation, test = _questions(locate(TREC, data)) if data else _passages()
    counts = Counter(word for _, words in train for word in words)
    vocabulary = {word: WORDS + i for i, word in enumerate(w for w, count in sorted(counts.items()) if count > 1)}
    classes = {label: i for i, label in enumerate(sorted({label for label, _ in train}))}

    def numbered(documents: list[Document]) -> Documents:
        words = ragged([vocabulary.get(word, UNKNOWN) for word in words] for _, words in documents)
        return Documents(words, torch.tensor([classes[label] for label, _ in documents]))

    size = WORDS + len(vocabulary)
    return Corpus(size, len(classes), numbered(train), numbered(validation), numbered(test))


def _questions(folder: Path) -> tuple[list[Document], list[Document], list[Document]]:
    """TREC's files: the digit that starts a line is the class, the words follow."""
    files = [folder / remote.name for remote in TREC.files]
    known, test = (_read(file) for file in files)
    missing = {label for label, _ in test} - {label for label, _ in known}
    if missing:
        raise DataError(f"data file {files[1]}: class {min(missing)} is not in {files[0].name}; use the same classes")
    if len(known) < 10:
        raise DataError(f"data file {files[0]} has {len(known)} documents, too few to hold some out; use 10 or more")
    random.Random(0).shuffle(known)
    held_out = len(known) // 10
    return known[held_out:], known[:held_out], test


def _read(file: Path) -> list[Document]:
    documents = []
    for number, line in enumerate(read_text(file, "latin-1").splitlines(), 1):
        label, *words = line.lower().split() or [""]
        if not label.isdecimal() or not words:
            raise DataError(
                f"data file {file}, line {number}: {line[:40]!r} is not a class digit and words; write both"
            )
        documents.append((label, words))
    return documents


def _passages() -> tuple[list[Document], list[Document], list[Document]]:
    """Passages of the language reference, their section's name as class."""
    cut = random.Random(0)
    splits: tuple[list[Document], list[Document], list[Document]] = ([], [], [])
    for name, text in _sections().items():
        words = re.findall(r"\w+|[^\w\s]", text.lower())
        place, number = 0, 0
        while len(words) - place >= PASSAGE[0]:
            passage = words[place : place + cut.randint(*PASSAGE)]
            splits[max(0, number % 10 - 7)].append((name, passage))
            place, number = place + len(passage), number + 1
    return splits


def _sections() -> dict[str, str]:
    """The largest sections that are no parts of larger ones."""
    from pydoc_data.topics import topics

    chosen: dict[str, str] = {}
    seen: set[str] = set()
    for name in sorted(topics, key=lambda name: (-len(topics[name]), name)):
        lines = [line for line in topics[name].splitlines() if line.strip()]
        if len(chosen) < SECTIONS and sum(line in seen for line in lines) < len(lines) / 2:
            chosen[name] = topics[name]
        seen.update(lines)
    return chosen
