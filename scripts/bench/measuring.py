"""What every section shares: the settings, a row of the table, and how two things are timed side by side.

x: [T, B, I]  time, batch, input; gradient: [T, B, H]  of the outputs
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from cellsearch.recurrence import RNN, choose

__all__ = [
    "Figures",
    "Row",
    "Settings",
    "Size",
    "alternate",
    "backend_of",
    "beside",
    "compared",
    "in_new_process",
    "inference",
    "random_sequence",
    "skip",
    "training_step",
]

Result = TypeVar("Result")

SECONDS = 0.5
"""Quick works go on for so long, however few rounds are asked for."""


class Size(NamedTuple):
    """Batch, steps, input size, hidden size."""

    B: int
    T: int
    I: int  # noqa: E741
    H: int


@dataclass(frozen=True)
class Settings:
    """What the command line asks for; `quick` shrinks all sizes and counts, to see that everything runs."""

    threads: tuple[int, ...]
    rounds: int
    recipes: Path
    quick: bool

    def sizes(self, *full: tuple[int, int, int, int]) -> list[Size]:
        """These sizes, or a tiny one if the run is quick."""
        return [Size(2, 3, 8, 8)] if self.quick else [Size(*size) for size in full]

    def count(self, full: int) -> int:
        """That many repetitions, or two if the run is quick."""
        return min(full, 2) if self.quick else full


class Figures(NamedTuple):
    """Ours, the peer's, and ours by the peer's: below 1 is faster or smaller. Ours alone where there is no peer."""

    own: float
    peer: float | None = None
    ratio: float | None = None

    @property
    def judged(self) -> float:
        """What a goal speaks of: the ratio, or our own figure where there is no peer."""
        return self.own if self.ratio is None else self.ratio


@dataclass(frozen=True)
class Row:
    """One line of the table; the goal is the most that its judged figure may be."""

    section: str
    what: str
    backend: str
    figures: Figures
    size: Size | None = None
    threads: int | None = None
    peer_name: str = ""
    goal: float | None = None
    unit: str = "ms"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None if there is none."""
        return None if self.goal is None else self.figures.judged <= self.goal

    def as_json(self) -> dict[str, Any]:
        """The row as plain data."""
        return {
            "section": self.section,
            "row": self.what,
            "peer_name": self.peer_name,
            "backend": self.backend,
            **(self.size._asdict() if self.size else {}),
            "threads": self.threads,
            "peer": self.figures.peer,
            "self": self.figures.own,
            "unit": self.unit,
            "ratio": self.figures.ratio,
            "goal": self.goal,
            "met": self.met,
            "note": self.note,
        }


def alternate(works: Mapping[str, Callable[[], float]], settings: Settings, rounds: int = 0) -> dict[str, list[float]]:
    """The seconds that each of the works reports, a round of all at a time, every other round in reverse order.

    At least `rounds` rounds (the settings' if 0), after two that do not count, and quick works go on for half a second.
    """
    for _ in range(2):
        for work in works.values():
            work()
    times: dict[str, list[float]] = {name: [] for name in works}
    order = list(works)
    end = time.perf_counter() + (0 if settings.quick else SECONDS)
    done = 0
    while done < (rounds or settings.rounds) or time.perf_counter() < end:
        for name in order:
            times[name].append(works[name]())
        order.reverse()
        done += 1
    return times


def compared(mine: list[float], others: list[float]) -> Figures:
    """Medians in milliseconds, and the median over the rounds of our time by the other's in the same round."""
    ratio = statistics.median(a / b for a, b in zip(mine, others, strict=True))
    return Figures(1000 * statistics.median(mine), 1000 * statistics.median(others), ratio)


def beside(peer: nn.Module, own: nn.Module, phase: str, x: Tensor, gradient: Tensor, settings: Settings) -> Figures:
    """Two modules' times of a training step, or of inference, as `phase` says."""
    modules = {"peer": peer, "own": own}
    if phase == "training":
        times = alternate({n: partial(training_step, m, x, gradient) for n, m in modules.items()}, settings)
    else:
        times = alternate({n: partial(inference, m, x.detach()) for n, m in modules.items()}, settings)
    return compared(times["own"], times["peer"])


def random_sequence(size: Size) -> tuple[Tensor, Tensor]:
    """A random x that wants its gradient, and a random gradient of the outputs."""
    x = torch.randn(size.T, size.B, size.I, requires_grad=True)
    return x, torch.randn(size.T, size.B, size.H)


def training_step(module: nn.Module, x: Tensor, gradient: Tensor) -> float:
    """Seconds of one forward and backward pass."""
    module.zero_grad()
    x.grad = None
    begun = time.perf_counter()
    outputs, _ = module(x)
    outputs.backward(gradient)
    return time.perf_counter() - begun


def inference(module: nn.Module, x: Tensor) -> float:
    """Seconds of one forward pass of which nothing is kept."""
    with torch.no_grad():
        begun = time.perf_counter()
        module(x)
        return time.perf_counter() - begun


def backend_of(rnn: RNN, x: Tensor) -> str:
    """The name of the backend that runs the module on such an input."""
    return choose(rnn.layers[0].cell, x, rnn.backend).name  # type: ignore[arg-type]


def in_new_process(
    function: Callable[..., Result], *arguments: object, environment: Mapping[str, str] | None = None
) -> Result:
    """What a function of a module returns in a Python process of its own, in which nothing ran before."""
    with (
        _environment(environment or {}),
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        return pool.submit(function, *arguments).result()


@contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def skip(section: str, reason: str) -> None:
    """Say on standard error why a section has no rows."""
    print(f"{section}: left out, {reason}", file=sys.stderr)
