"""The steps of a training: optimizer, clipping, schedule, truncated backpropagation, and how fast they go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellsearch.errors import DivergenceError, TaskError
from cellsearch.training.budget import Budget
from cellsearch.training.graphed import GraphedSteps
from cellsearch.training.hyperparameters import Hyperparameters
from cellsearch.training.nested import moved
from cellsearch.training.task import Task

__all__ = ["ImmediateSteps", "Optimization", "Pace", "Steps", "device", "inference_seconds", "tokens"]

WARMUP: Final = 0.05
FLOOR: Final = 0.05

FORWARD_PASSES: Final = 10
"""Forward passes of which the median is the inference time."""


@dataclass(frozen=True)
class Pace:
    """How fast a training went up to a step, validations apart: see `Report`."""

    step: int
    tokens_per_second: float
    step_seconds: float


class Steps(Protocol):
    """How steps are taken; `carried` is what the last batch carries on, `seconds` the time that each step took."""

    carried: Any
    seconds: list[float]

    def take(self, batch: Any) -> None:
        """One more step of the optimizer, now or soon."""

    def finish(self) -> None:
        """Wait until all are taken. Raises DivergenceError when the loss has left the finite numbers."""


class Optimization:
    """The steps of one training, which may stop after a report and go on from its `state` in another process.

    `seed` orders the batches. What a batch carries into the next is the task's (truncated backpropagation through time:
    states, detached).
    """

    def __init__(
        self, model: nn.Module, task: Task, budget: Budget, hyperparameters: Hyperparameters, seed: int
    ) -> None:
        self._model, self._task, self._hyperparameters = model, task, hyperparameters
        self._steps, self._reports = budget.steps_of(task), budget.reports
        self._optimizer = _optimizer(model, hyperparameters)
        self._batches = _batches(task, seed)
        self._step, self._read = 0, 0
        self._taking = self._way_of_taking(None, [])

    def run(self, pause: int | None = None) -> Iterator[Pace]:
        """Take the steps that are left, stopping after those at which a report is due, and after the step `pause`.

        Raises DivergenceError when the loss leaves the finite numbers.
        """
        due = {math.ceil(self._steps * (i + 1) / self._reports) for i in range(self._reports)} | {pause}
        while self._step < self._steps:
            self.take()
            if self._step in due:
                self.finish()
                seconds = self._taking.seconds
                yield Pace(self._step, self._read / sum(seconds), median(seconds))

    def take(self) -> None:
        """One more step, on a GPU soon: then it waits for others."""
        self._step += 1
        batch = next(self._batches)
        self._read += tokens(batch)
        self._model.train()
        self._taking.take(batch)

    def finish(self) -> None:
        """Wait until all steps are taken. Raises DivergenceError when the loss has left the finite numbers."""
        self._taking.finish()

    def state(self) -> dict[str, Any]:
        """All that going on takes beside what this was made with; the same steps follow as without a stop."""
        return {
            "model": dict(self._model.state_dict()),
            "optimizer": _without_rates(self._optimizer.state_dict()),
            "step": self._step,
            "carried": self._taking.carried,
            "read": self._read,
            "seconds": self._taking.seconds,
            "random": [torch.get_rng_state(), *_cuda_random()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._model.load_state_dict(state["model"])
        here = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({**state["optimizer"], "param_groups": here})
        self._step, self._read = state["step"], state["read"]
        for _ in range(self._step):  # a task's batches have no place of their own
            next(self._batches)
        self._taking = self._way_of_taking(moved(state["carried"], device()), list(state["seconds"]))
        own, *cuda = state["random"]
        torch.set_rng_state(own)
        if cuda and torch.cuda.is_available():
            torch.cuda.set_rng_state(cuda[0])

    def _way_of_taking(self, carried: Any, seconds: list[float]) -> Steps:
        given = self._hyperparameters
        rates = [given.learning_rate * _factor(step, self._steps, given.schedule) for step in range(self._steps)]
        kind = GraphedSteps if device().type == "cuda" else ImmediateSteps
        return kind(self._model, self._task, self._optimizer, given.clip, rates, self._step, carried, seconds)


class ImmediateSteps:
    """Steps that are taken at once, on any device, each of which waits for its loss."""

    def __init__(
        self, model: nn.Module, task: Task, optimizer: torch.optim.Optimizer, clip: float,
        rates: Sequence[float], step: int, carried: Any, seconds: list[float],
    ) -> None:  # fmt: skip
        self._model, self._task, self._optimizer, self._clip = model, task, optimizer, clip
        self._rates, self._step, self.carried, self.seconds = rates, step, carried, seconds

    def take(self, batch: Any) -> None:
        """See `Steps`."""
        begun = perf_counter()
        loss, self.carried = self._task.loss(self._model, moved(batch, device()), self.carried)
        if not math.isfinite(loss.item()):
            raise DivergenceError(f"the loss is {loss.item()} at step {self._step + 1}")
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._clip)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rates[self._step]
        self._optimizer.step()
        self._step += 1
        self.seconds.append(perf_counter() - begun)

    def finish(self) -> None:
        """See `Steps`: nothing waits."""


def inference_seconds(model: nn.Module, task: Task, seed: int) -> float:
    """The time of one forward pass over a training batch, loss included; call it without gradients."""
    model.eval()
    batch = moved(next(_batches(task, seed)), device())
    seconds = []
    for _ in range(1 + FORWARD_PASSES):
        begun = perf_counter()
        task.loss(model, batch, None)[0].item()
        seconds.append(perf_counter() - begun)
    return median(seconds[1:])


def tokens(batch: Any) -> int:
    """Time steps times sequences of a batch's first tensor, which is [T, B, ...] (padding counts) or packed."""
    if isinstance(batch, PackedSequence):
        return len(batch.data)
    if isinstance(batch, Tensor):
        return batch.shape[:2].numel()
    parts = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, tuple | list) else ()
    return next((count for part in parts if (count := tokens(part))), 0)


def device() -> torch.device:
    """The GPU that this process may use, or the CPU; a pool decides which process sees a GPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _cuda_random() -> list[Tensor]:
    return [torch.cuda.get_rng_state()] if torch.cuda.is_available() else []


def _optimizer(model: nn.Module, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """Matrices decay, biases and other vectors do not."""
    learned = list(model.parameters())
    groups = [
        {"params": [array for array in learned if array.dim() > 1], "weight_decay": hyperparameters.weight_decay},
        {"params": [array for array in learned if array.dim() <= 1], "weight_decay": 0.0},
    ]
    on_card = device().type == "cuda"
    if hyperparameters.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=hyperparameters.learning_rate, fused=on_card)
    return torch.optim.AdamW(groups, lr=hyperparameters.learning_rate, fused=True, capturable=on_card)


def _without_rates(state: dict[str, Any]) -> dict[str, Any]:
    """An optimizer's state without what its groups were set to, which whoever goes on sets anew."""
    return {"state": state["state"]}


def _factor(step: int, steps: int, schedule: str) -> float:
    """The factor of the learning rate: linear warm-up, then constant or half a cosine down to FLOOR."""
    warmup = max(1, round(WARMUP * steps))
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(1, steps - warmup)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2


def _batches(task: Task, seed: int) -> Iterator[Any]:
    """The task's batches. Raises TaskError where they end."""
    count = 0
    for count, batch in enumerate(task.batches(seed), start=1):  # noqa: B007
        yield batch
    raise TaskError(f"task {task.name!r}: its batches end after {count}; let batches() yield them without end")
