"""XML modelling: the next character of nested tags with random names; metric: share foretold, higher is better.

Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures, and their
generator: at each of at most 50 turns, with probability one half, the tag that was opened last is closed, or the
document ends if none is open; else a tag is opened whose name is 2 to 10 random letters. After 50 turns all that is
open is closed. (A document that ends at its first turn is empty, and is none.) There are 29 characters. As in the
paper, 20 streams are read side by side, 35 characters a step, and the states go on from step to step.

Names cannot be foretold when they are opened, and must be remembered until they are closed: whoever remembers all of
them foretells 0.61 of the characters, whoever remembers none 0.24. Published, up to 1 M parameters: tanh RNN
0.321, LSTM 0.425, LSTM with forget bias 0.444, GRU 0.460, MUT1 0.475, MUT2 0.473, MUT3 0.465. Sizes: 2,000,000
characters to train, 50 streams of 1,000 each to validate and test.

ids: [T, B] characters; logits: [T, B, 29]
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.training.shared import shared

from .parts.sequences import SymbolModel
from .parts.streams import stream_loss

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
CHARACTERS: Final = "</>" + LETTERS
TURNS: Final = 50

SIZES: Final = {"train": (2_000_000, 1), "validation": (1_000, 50), "test": (1_000, 50)}
"""Characters of a stream, and streams, each begun with a document."""
SEEDS: Final = {"train": 20_000, "validation": 20_001, "test": 20_002}

DEPTHS: Final = {"1": (1, 1), "2 to 3": (2, 3), "4 to 7": (4, 7), "8 and deeper": (8, TURNS)}


@dataclass(frozen=True)
class Xml:
    """The task; `length` is the number of characters that a step of training reads."""

    length: int = 35
    batch: int = 20

    name: ClassVar[str] = "xml"
    metric: ClassVar[str] = "accuracy"
    lower_is_better: ClassVar[bool] = False
    parameters: ClassVar[int] = 60_000
    steps: ClassVar[int] = 2_000
    learning_rate: ClassVar[float] = 5e-3

    def prepare(self) -> None:
        """Write the documents. Raises DataError if they cannot be read as asked."""
        longest = SIZES["train"][0] // max(1, self.batch) - 1
        if self.batch < 1 or not 1 <= self.length <= longest:
            raise DataError(f"xml needs batch at least 1 and length 1 to {longest}, got {self.batch}, {self.length}")
        _corpus("train")

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model that answers at every step with the next character."""
        return SymbolModel(cell, hidden_size, len(CHARACTERS), len(CHARACTERS))

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """(ids [T, B], next ids [T, B], whether the streams go on from the last batch), begun anywhere."""
        ids = _corpus("train")[0].flatten()
        start = int(torch.randint(0, len(ids), (), generator=torch.Generator().manual_seed(seed)))
        steps = len(ids) // self.batch
        streams = torch.roll(ids, -start)[: steps * self.batch].view(self.batch, steps).t()
        while True:
            for first in range(0, len(streams) - self.length, self.length):
                window = streams[first : first + self.length + 1]
                yield window[:-1], window[1:], first > 0

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, bool], carried: Any) -> tuple[Tensor, Any]:
        """Mean cross-entropy (nats a character), and the states for the next batch."""
        return stream_loss(model, batch, carried)

    def score(self, model: nn.Module, split: str) -> float:
        """Share of the characters that are foretold, 0 to 1."""
        return float(_foretold(model, split).mean())

    def details(self, model: nn.Module) -> Mapping[str, float]:
        """Share foretold of the names in closing tags of the test split, by how many tags are open."""
        right, depth = _foretold(model, "test"), _corpus("test")[1][1:]
        return {
            f"closing tags at depth {name}": float(right[(depth >= low) & (depth <= high)].mean())
            for name, (low, high) in DEPTHS.items()
        }


TASK = Xml()


@shared
def _corpus(split: str) -> tuple[Tensor, Tensor]:
    """Characters and depths [size, streams] of documents one after the other; see `document`."""
    generator, (size, streams) = random.Random(SEEDS[split]), SIZES[split]
    place = {character: i for i, character in enumerate(CHARACTERS)}
    ids, depths = list[list[int]](), list[list[int]]()
    for _ in range(streams):
        text, depth = list[str](), list[int]()
        while len(depth) < size:
            more, deep = document(generator)
            text += more
            depth += deep
        ids.append([place[character] for character in text[:size]])
        depths.append(depth[:size])
    return torch.tensor(ids).t(), torch.tensor(depths).t()


def document(generator: random.Random) -> tuple[str, list[int]]:
    """One document; and for each of its characters 0, or in a closing tag's name and end how many tags are open."""
    open_tags: list[str] = []
    text, depths = "", list[int]()
    for turn in range(2 * TURNS):
        if turn == 0 or (turn < TURNS and generator.random() < 0.5):
            tag = "".join(generator.choices(LETTERS, k=generator.randint(2, 10)))
            open_tags.append(tag)
            text += f"<{tag}>"
            depths += [0] * (len(tag) + 2)
        elif open_tags:
            depth, tag = len(open_tags), open_tags.pop()
            text += f"</{tag}>"
            depths += [0, 0] + [depth] * (len(tag) + 1)
        else:
            break
    return text, depths


def _foretold(model: nn.Module, split: str) -> Tensor:
    """1 where the likeliest next character is the right one, else 0: [size - 1, streams]."""
    ids = _corpus(split)[0].to(next(model.parameters()).device)
    right: Tensor = model(ids[:-1])[0].argmax(-1) == ids[1:]
    return right.float().cpu()
