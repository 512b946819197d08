"""A task that misbehaves on request, `cellsearch.testing.troubled_task:TASK`: how worker pools are put to the test.

x: [T, B, 1] numbers uniform in [0, 1]; target: [B, 1], their sum. A training takes milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN

__all__ = ["TASK", "Troubled"]

TROUBLES: Final[dict[str, Callable[[], object]]] = {
    "raise": lambda: _raise(RuntimeError("two\nlines")),
    "print and raise": lambda: _print_and_raise(),
    "leave": lambda: _raise(SystemExit(4)),
    "exit": lambda: os._exit(3),
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda: _hang(),
    "hang in C": lambda: time.sleep(1000),
    "ignore SIGTERM": lambda: _ignore_and_hang(),
    "take 8 GB": lambda: torch.zeros(2**31).add_(1),
    "fork": lambda: os.fork(),
    "print 1 GB": lambda: [print("x" * 1_000_000) for _ in range(1_000)],
    "crash": lambda: ctypes.string_at(0),
    "start a child": lambda: subprocess.Popen(["sleep", "1000"]),
}


class Sum(nn.Module):
    """One recurrent layer and a linear layer on its last output."""

    def __init__(self, cell: Cell, hidden_size: int) -> None:
        super().__init__()
        self.rnn = RNN(cell, 1, hidden_size)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.rnn(x)
        total: Tensor = self.head(outputs[-1])
        return total


class Blind(nn.Module):
    """A linear layer on the mean of the input."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(1, hidden_size), nn.Linear(hidden_size, 1))

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.head(x.mean(0))
        return total


@dataclass(frozen=True)
class Troubled:
    """The task: every step takes `seconds` more, and step 2 is the one of TROUBLES that `trouble` names.

    With a `tie` every score is that number, so that no candidate is pruned. A `blind` model has no cell in it, so that
    nothing has to be compiled. A training appends a line to the file
    `diary` when it begins: process, its parent (on Ray the node), torch threads, directory.
    """

    seconds: float = 0.0
    trouble: str = ""
    diary: str = ""
    tie: float = 0.0
    blind: bool = False

    name: ClassVar[str] = "troubled"
    metric: ClassVar[str] = "squared error"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 100
    steps: ClassVar[int] = 5
    learning_rate: ClassVar[float] = 1e-2

    def prepare(self) -> None:
        """Nothing to load."""
        if self.diary:
            entry = (os.getpid(), os.getppid(), torch.get_num_threads(), Path.cwd())
            with open(self.diary, "a", encoding="utf-8") as diary:
                diary.write(" ".join(map(str, entry)) + "\n")

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model that reads the last output."""
        return Blind(hidden_size) if self.blind else Sum(cell, hidden_size)

    def batches(self, seed: int) -> Iterator[Tensor]:
        """Fresh sequences, and the trouble."""
        generator = torch.Generator().manual_seed(seed)
        for step in range(1, 1_000_000):
            time.sleep(self.seconds)
            if step == 2 and self.trouble:
                TROUBLES[self.trouble]()
            yield torch.rand(4, 8, 1, generator=generator)

    def loss(self, model: nn.Module, batch: Tensor, carried: Any) -> tuple[Tensor, None]:
        """Mean squared error."""
        return (model(batch) - batch.sum(0)).pow(2).mean(), None

    def score(self, model: nn.Module, split: str) -> float:
        """Mean squared error on one batch that is the same for every cell, or the tie."""
        if self.tie:
            return self.tie
        x = torch.rand(4, 8, 1, generator=torch.Generator().manual_seed(len(split)))
        return float((model(x) - x.sum(0)).pow(2).mean())


TASK = Troubled()


def _print_and_raise() -> None:
    print("last words")
    raise RuntimeError


def _raise(error: BaseException) -> None:
    raise error


def _ignore_and_hang() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _hang()


def _hang() -> None:
    while True:
        time.sleep(0.01)
