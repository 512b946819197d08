"""A training's steps on a GPU without waiting for the host: each a replay of one CUDA graph, from batches on the card.

Forward and backward pass, clipping and optimizer are captured once for each form of batch (shapes, and values that are
no tensors) and replayed: a step then costs the host a few microseconds. Batches go to the card several at a time;
learning rates lie there as a table. Whether the loss has left the finite numbers is noted on the card and asked for
at reports alone. What cannot be captured, such as a task that reads a tensor's value, takes its steps one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final

import torch
from torch import nn

from cellsearch.errors import DivergenceError
from cellsearch.training.nested import leaves, mapped, moved, shape_of
from cellsearch.training.task import Task

__all__ = ["GraphedSteps"]

BATCHES: Final = 32
"""Batches that go to the card at once."""

BEFORE: Final = 3
"""Steps of a form that are taken one by one before it is captured, in which kernels are compiled."""


class GraphedSteps:
    """The steps of one training: see `optimization.Steps`. `rates` are the learning rates of all steps."""

    def __init__(
        self, model: nn.Module, task: Task, optimizer: torch.optim.Optimizer, clip: float,
        rates: Sequence[float], step: int, carried: Any, seconds: list[float],
    ) -> None:  # fmt: skip
        self._model, self._task, self._optimizer, self._clip = model, task, optimizer, clip
        self.carried, self.seconds = carried, seconds
        self._parameters = list(model.parameters())
        self._device = self._parameters[0].device
        self._rates = torch.tensor(rates, device=self._device)
        self._rate = torch.zeros((), device=self._device)
        for group in optimizer.param_groups:
            group["lr"] = self._rate
        self._step = torch.full((1,), step, dtype=torch.int64, device=self._device)
        self._slot = torch.zeros(1, dtype=torch.int64, device=self._device)
        self._bad = torch.zeros(2, device=self._device)  # the first step whose loss is not finite, and this loss
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self._graphs: dict[Any, torch.cuda.CUDAGraph] = {}
        self._rings: dict[Any, Any] = {}
        self._taken: dict[Any, int] = {}
        self._places: dict[Any, Any] = {}
        self._waiting: list[Any] = []
        self._captures, self._begun, self._since = True, 0.0, 0

    def take(self, batch: Any) -> None:
        """See `Steps`: batches wait until several go to the card."""
        if not self._since:  # whatever was done to the model in between comes first
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
            self._begun = perf_counter()
        self._since += 1
        if self._waiting and shape_of(batch) != shape_of(self._waiting[0]):
            self._flush()
        self._waiting.append(batch)
        if len(self._waiting) == BATCHES:
            self._flush()

    def finish(self) -> None:
        """See `Steps`."""
        self._flush()
        torch.cuda.current_stream(self._device).wait_stream(self._stream)
        step, loss = self._bad.tolist()  # waits for the card
        if self._since:
            self.seconds += [(perf_counter() - self._begun) / self._since] * self._since
            self._since = 0
        if step:
            raise DivergenceError(f"the loss is {loss} at step {int(step)}")

    def _flush(self) -> None:
        batches, self._waiting = self._waiting, []
        with torch.cuda.stream(self._stream):
            while batches and not self._is_captured(batches[0]):
                self._one_by_one(batches.pop(0))
            if batches:
                self._replay(batches)

    def _form(self, batch: Any) -> Any:
        return shape_of(batch), shape_of(self.carried)

    def _one_by_one(self, batch: Any) -> None:
        form = self._form(batch)
        self._taken[form] = self._taken.get(form, 0) + 1
        self.carried = self._take(moved(batch, self._device), self.carried)

    def _take(self, batch: Any, carried: Any) -> Any:
        """One step of the optimizer; what it carries."""
        loss, carried = self._task.loss(self._model, batch, carried)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip:
            nn.utils.clip_grad_norm_(self._parameters, self._clip, foreach=True)
        self._rate.copy_(self._rates[self._step].squeeze(0))
        self._optimizer.step()
        self._step += 1
        found = torch.stack([self._step.squeeze(0).to(torch.float32), loss.detach().to(torch.float32)])
        self._bad.copy_(torch.where((self._bad[0] == 0) & ~loss.detach().isfinite(), found, self._bad))
        return carried

    def _is_captured(self, batch: Any) -> bool:
        """Whether there is a graph for such a batch, which is captured once it has come often enough."""
        form = self._form(batch)
        if form not in self._graphs and self._captures and self._taken.get(form, 0) >= BEFORE:
            try:
                self._capture(form, batch)
            except Exception as error:  # whatever a task does that no graph can hold
                self._captures = False
                torch.cuda.synchronize(self._device)
                logging.getLogger("cellsearch").info(
                    "steps are taken one by one, since no graph can hold them: %s", error
                )
        return form in self._graphs

    def _capture(self, form: Any, batch: Any) -> None:
        ring = mapped(batch, lambda each: torch.empty((BATCHES, *each.shape), dtype=each.dtype, device=self._device))
        place = self._places.setdefault(form[1], mapped(self.carried, torch.clone))
        graph = torch.cuda.CUDAGraph()
        self._optimizer.zero_grad()
        graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
        try:
            carried = self._take(mapped(ring, lambda each: each.index_select(0, self._slot).squeeze(0)), place)
            self._slot += 1
            for old, new in zip(leaves(place), leaves(carried), strict=True):
                old.copy_(new)
        finally:
            graph.capture_end()
        if shape_of(carried) != form[1]:
            raise RuntimeError("a step carries something of another form than it was given")
        self._graphs[form], self._rings[form] = graph, ring

    def _replay(self, batches: list[Any]) -> None:
        form = self._form(batches[0])
        for places, each in zip(leaves(self._rings[form]), zip(*map(leaves, batches), strict=True), strict=True):
            places[: len(batches)].copy_(torch.stack(each).pin_memory(), non_blocking=True)
        self._slot.zero_()
        if self.carried is not (place := self._places[form[1]]):
            for old, new in zip(leaves(place), leaves(self.carried), strict=True):
                old.copy_(new)
            self.carried = place
        for _ in batches:
            self._graphs[form].replay()
