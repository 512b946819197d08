"""Arithmetic: read a sum among distracting letters, and write its value; metric: share of right characters.

Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures: after
3e36d9-h1h39f94eeh43keg3c= the model is to write 3369-13994433, which is -13991064, and a full stop. There are 40
characters, numbers of up to 8 digits and either sign, and a random number of letters after each character (how many the
paper does not say; here none to `distractors`). While it writes, the model reads the right characters so far. With
`distractors=0` this is the addition of Zaremba & Sutskever (2014), Learning to execute, whose curriculum is kept: every
number has its own number of digits, one to `length` with equal chance ("mix").

Published (2015, 8 digits, up to 1 M parameters): tanh RNN 0.295, LSTM 0.892, LSTM with forget bias 0.902, GRU 0.896,
MUT1 0.921, MUT2 0.897, MUT3 0.907. Sequences are drawn without end; validation and test are 1,000 each.

ids: [T, B] characters; targets: [T, B] the next character, from the first of the answer on
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from cellsearch.errors import DataError

from .parts.sequences import IGNORED, Sequences, SymbolTask

CHARACTERS: Final = "0123456789+-=.abcdefghijklmnopqrstuvwxyz"
PLUS, MINUS, EQUALS, STOP, LETTER = (CHARACTERS.index(character) for character in "+-=.a")


@dataclass(frozen=True)
class Arithmetic(SymbolTask):
    """The task; `length` is the most digits of a number, `distractors` the most letters after a character."""

    length: int = 3
    batch: int = 50
    distractors: int = 2

    name: ClassVar[str] = "arithmetic"
    parameters: ClassVar[int] = 60_000
    steps: ClassVar[int] = 2_000
    learning_rate: ClassVar[float] = 5e-3
    lengths: ClassVar[tuple[int, int]] = (1, 15)

    symbols: ClassVar[int] = len(CHARACTERS)
    answers: ClassVar[int] = len(CHARACTERS)

    def prepare(self) -> None:
        """Nothing to load. Raises DataError if there are no such sequences."""
        super().prepare()
        if self.distractors < 0:
            raise DataError(f"arithmetic needs distractors of at least 0, got {self.distractors}")

    def examples(self, length: int, count: int, generator: torch.Generator) -> Sequences:
        """Write every character in a column of its own, present or not; then close up the ranks."""
        first, second = _number(length, count, generator), _number(length, count, generator)
        negative, minus = torch.rand(2, count, generator=generator) < 0.5
        result = torch.where(negative, -first, first) + torch.where(minus, -second, second)
        question = [
            (torch.full((1, count), MINUS), negative[None]),
            _digits(first, length),
            (torch.where(minus, MINUS, PLUS)[None], torch.ones(1, count, dtype=torch.bool)),
            _digits(second, length),
        ]
        answer = [
            (torch.full((1, count), MINUS), result[None] < 0),
            _digits(result.abs(), length + 1),
            _always(STOP, count),
        ]
        asked, written = self._distracted(*_rows(question), generator), _rows(answer)
        ids, present = _rows([asked, _always(EQUALS, count), written])
        answers = torch.zeros_like(present)
        answers[-len(written[0]) :] = True
        return _closed_up(ids, present, answers)

    def _distracted(self, ids: Tensor, present: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Letters after each character, none to `distractors` of them."""
        shape = (len(ids), self.distractors, ids.shape[1])
        letters = torch.randint(LETTER, len(CHARACTERS), shape, generator=generator)
        many = torch.randint(0, self.distractors + 1, ids.shape, generator=generator)
        shown = (torch.arange(self.distractors)[None, :, None] < many[:, None]) & present[:, None]
        ids, present = torch.cat([ids[:, None], letters], 1), torch.cat([present[:, None], shown], 1)
        return ids.flatten(0, 1), present.flatten(0, 1)


TASK = Arithmetic()


def _number(length: int, count: int, generator: torch.Generator) -> Tensor:
    """Numbers [B] of one to `length` digits, each count of digits as often, uniform among those that have it."""
    digits = torch.randint(1, length + 1, (count,), generator=generator)
    low = torch.where(digits == 1, 0, 10 ** (digits - 1))
    share = torch.rand(count, dtype=torch.float64, generator=generator)
    return low + (share * (10**digits - low)).long()


def _digits(number: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The decimal digits [width, B] of numbers [B], and which are no leading zeros."""
    powers = 10 ** torch.arange(width - 1, -1, -1)[:, None]
    present = (number >= powers) | (powers == 1)
    return number // powers % 10, present


def _always(character: int, count: int) -> tuple[Tensor, Tensor]:
    return torch.full((1, count), character), torch.ones(1, count, dtype=torch.bool)


def _rows(parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    ids, present = zip(*parts, strict=True)
    return torch.cat(ids), torch.cat(present)


def _closed_up(ids: Tensor, present: Tensor, answers: Tensor) -> Sequences:
    """Move what is present to the front of each sequence, and ask for the next character of the answers."""
    order = present.argsort(dim=0, descending=True, stable=True)[: int(present.sum(0).max())]
    ids = torch.where(present, ids, STOP).gather(0, order)
    asked = (present & answers).gather(0, order)
    return ids[:-1], torch.where(asked, ids, IGNORED)[1:]
