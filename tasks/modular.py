"""Modular arithmetic: the value of a sum with products, modulo five; metric: share of right answers.

"Modular arithmetic (simple)" of Delétang et al. (2023), Neural networks and the Chomsky hierarchy: numbers 0 to 4 with
+, - and × between them, products first, modulo 5: 1 + 2 - 4 is 4. They train on up to 40 symbols and test on up to 500:
RNN and LSTM reach 100 %, a transformer 24 %. They ask at the end; here every number asks for the value so far, so that
one sequence is training for all shorter ones. Guessing is right once in five. The state holds the sum of the finished
terms and the open product with its sign: 25 states. Sequences are drawn without end; validation and test are 1,000
each.

ids: [T, B] numbers 0 to 4, + 5, - 6, × 7; targets: [T, B] the value so far at each number
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch

from .parts.sequences import IGNORED, Sequences, SymbolTask

MODULUS: Final = 5
PLUS, MINUS, TIMES = MODULUS, MODULUS + 1, MODULUS + 2


@dataclass(frozen=True)
class Modular(SymbolTask):
    """The task; `length` is the number of numbers, with an operator between any two."""

    length: int = 10
    batch: int = 50

    name: ClassVar[str] = "modular"
    parameters: ClassVar[int] = 10_000
    steps: ClassVar[int] = 1_000
    learning_rate: ClassVar[float] = 1e-2
    lengths: ClassVar[tuple[int, int]] = (1, 1_000)
    times: ClassVar[tuple[int, ...]] = (2, 5, 10)

    symbols: ClassVar[int] = TIMES + 1
    answers: ClassVar[int] = MODULUS

    def examples(self, length: int, count: int, generator: torch.Generator) -> Sequences:
        """Random numbers and operators."""
        numbers = torch.randint(0, MODULUS, (length, count), generator=generator)
        operators = torch.randint(PLUS, TIMES + 1, (length - 1, count), generator=generator)
        ids = torch.empty(2 * length - 1, count, dtype=torch.long)
        ids[::2], ids[1::2] = numbers, operators
        targets = torch.full_like(ids, IGNORED)
        targets[::2] = _values(numbers, operators)
        return ids, targets


TASK = Modular()


def _values(numbers: torch.Tensor, operators: torch.Tensor) -> torch.Tensor:
    """The value after each number [length, B]: what is summed up, and the product that may go on."""
    finished, product = torch.zeros_like(numbers[0]), numbers[0]
    values = [product]
    for number, operator in zip(numbers[1:], operators, strict=True):
        goes_on = operator == TIMES
        finished = torch.where(goes_on, finished, finished + product)
        product = torch.where(goes_on, product * number, torch.where(operator == MINUS, -number, number))
        # Python's sign convention, so that -1 is 4; small numbers all along.
        finished, product = finished % MODULUS, product % MODULUS
        values.append((finished + product) % MODULUS)
    return torch.stack(values)
