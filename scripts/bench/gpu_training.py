"""Training: steps of the model of `chars` beside a usual loop around nn.LSTM, and many small cells on one card."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.recurrence.gpu.backend import GPU
from cellsearch.recurrence.gpu.source import Kernel
from cellsearch.training import Budget, Hyperparameters
from cellsearch.training.optimization import Optimization
from cellsearch_search_spaces import gated, zoo
from cellsearch_tasks.chars import EMBEDDING_SIZE, Chars

from .gpu import Row, Shape, beside, kernels_of, precision

__all__ = ["kernels", "rows"]

TASK = Chars()
STEPS, ROUNDS = 128, 4
HIDDEN = 128
TOGETHER = 32
SHARE = 8
"""A candidate of a population takes this part of the card's multiprocessors."""


def kernels() -> Iterator[Kernel]:
    """What has to be compiled."""
    shape = Shape(TASK.batch, TASK.length, EMBEDDING_SIZE, HIDDEN)
    for cell in (gated.LSTM, *population()):
        yield from kernels_of(cell, shape, "tf32")
        yield from kernels_of(cell, shape, "tf32", share=SHARE)


def population() -> list[Cell]:
    """Different cells of the zoo."""
    return list(zoo.SPACE.seeds.values())[:TOGETHER]


def rows() -> Iterator[Row]:
    """Milliseconds a step; candidates' steps a second."""
    precision("tf32")
    TASK.prepare()
    made = training(gated.LSTM)
    own, usual = steps_of(made), UsualLoop()
    own(), usual()
    mine, peer = beside(own, usual, rounds=ROUNDS)
    about = {"peer": "nn.LSTM, a usual loop", "graphs": len(made._taking._graphs)}  # type: ignore[attr-defined]
    yield Row("training", f"chars, LSTM H{HIDDEN}, a step", mine, peer, 0.5, "ms/step", about)
    yield from _together()


def _together() -> Iterator[Row]:
    cells = population()
    alone = [training(cell) for cell in cells]
    for each in alone:
        run_steps([each], 32)
    begun = time.perf_counter()
    for each in alone:
        run_steps([each], STEPS)
    one_by_one = (time.perf_counter() - begun) / STEPS / len(cells)
    GPU.launcher.share = SHARE  # type: ignore[attr-defined]
    try:
        shared = [training(cell) for cell in cells]
        for each in shared:
            run_steps([each], 32)
        for count in (8, 16, 32):
            begun = time.perf_counter()
            run_steps(shared[:count], STEPS)
            together = (time.perf_counter() - begun) / STEPS / count
            about = {"cells": count, "share": f"1/{SHARE}"}
            yield Row(
                "training",
                f"{count} cells, H{HIDDEN}, together",
                1000 * together,
                1000 * one_by_one,
                1 / 8,
                "ms/step",
                about,
            )
    finally:
        GPU.launcher.share = 1  # type: ignore[attr-defined]


def training(cell: Cell) -> Optimization:
    """A training of the model of `chars`, all of whose reports are far away."""
    torch.manual_seed(0)
    model = TASK.model(cell, HIDDEN).to("cuda")
    return Optimization(model, TASK, Budget(steps=100_000, reports=1), Hyperparameters(1e-3), seed=0)


def run_steps(trainings: list[Optimization], count: int) -> None:
    """So many steps of each, some of one after some of another, and wait for all."""
    for _ in range(0, count, 32):
        for each in trainings:
            for _ in range(32):
                each.take()
    for each in trainings:
        each.finish()


def steps_of(made: Optimization) -> Callable[[], float]:
    """Milliseconds of a step, of so many in a row."""

    def run() -> float:
        begun = time.perf_counter()
        run_steps([made], STEPS)
        return (time.perf_counter() - begun) * 1000 / STEPS

    return run


class UsualLoop:
    """What most loops in PyTorch do: nn.LSTM, AdamW, clipping, and a look at the loss at every step."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = TASK.model(gated.LSTM, HIDDEN)
        self.model.rnn = nn.LSTM(EMBEDDING_SIZE, HIDDEN)
        self.model.to("cuda")
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 1e-3)
        self.batches = TASK.batches(0)
        self.states: Any = None

    def __call__(self) -> float:
        begun = time.perf_counter()
        for _ in range(STEPS):
            ids, following, goes_on = next(self.batches)
            ids, following = ids.to("cuda"), following.to("cuda")
            logits, states = self.model(ids, self.states if goes_on else None)
            self.states = tuple(each.detach() for each in states)
            loss = F.cross_entropy(logits.flatten(0, 1), following.flatten())
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            assert loss.item() == loss.item()
        return (time.perf_counter() - begun) * 1000 / STEPS
