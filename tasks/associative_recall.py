"""Associative recall: which number came with this letter; metric: share of right answers.

Ba et al. (2016), Using fast weights to attend to the recent past: pairs of a letter and a digit, no letter twice, then
two question marks and one of the letters: c9k8j3f1??c asks for 9. With four pairs and 100,000 training sequences an
LSTM errs in 60.8 % with 20 units, 1.85 % with 50 and never with 100, fast weights in 1.8 % with 20. Guessing is right
once in ten; knowing the digits but not their letters, once in `length`. Sequences are drawn without end; validation and
test are 1,000 each.

ids: [T, B] letters 0 to 25, digits 26 to 35, ? 36; targets: [T, B] the digit at the last letter
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch

from .parts.sequences import IGNORED, Sequences, SymbolTask

LETTERS: Final = 26
DIGITS: Final = 10
QUESTION: Final = LETTERS + DIGITS


@dataclass(frozen=True)
class AssociativeRecall(SymbolTask):
    """The task; `length` is the number of pairs."""

    length: int = 4
    batch: int = 128

    name: ClassVar[str] = "associative_recall"
    parameters: ClassVar[int] = 25_000
    steps: ClassVar[int] = 3_000
    learning_rate: ClassVar[float] = 1e-2
    lengths: ClassVar[tuple[int, int]] = (1, LETTERS)

    symbols: ClassVar[int] = QUESTION + 1
    answers: ClassVar[int] = DIGITS

    def examples(self, length: int, count: int, generator: torch.Generator) -> Sequences:
        """Random pairs and a question."""
        letters = torch.rand(LETTERS, count, generator=generator).argsort(0)[:length]
        digits = torch.randint(0, DIGITS, (length, count), generator=generator)
        asked = torch.randint(0, length, (1, count), generator=generator)
        ids = torch.full((2 * length + 3, count), QUESTION)
        ids[: 2 * length : 2], ids[1 : 2 * length : 2] = letters, LETTERS + digits
        ids[-1] = letters.gather(0, asked)
        targets = torch.full_like(ids, IGNORED)
        targets[-1] = digits.gather(0, asked)
        return ids, targets


TASK = AssociativeRecall()
