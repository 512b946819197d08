"""The steps of a training: optimizer, clipping, schedule, truncated backpropagation, and how fast they go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellsearch.errors import DivergenceError, TaskError
from cellsearch.training.budget import Budget
from cellsearch.training.hyperparameters import Hyperparameters
from cellsearch.training.task import Task

__all__ = ["Optimization", "Pace", "device", "inference_seconds", "tokens"]

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


class Optimization:
    """The steps of one training, which may stop after a report and go on from its `state` in another process.

    `seed` orders the batches. What a batch carries into the next is the task's (truncated backpropagation through time:
    states, detached).
    """

    def __init__(
        self, model: nn.Module, task: Task, budget: Budget, hyperparameters: Hyperparameters, seed: int
    ) -> None:
        self._model, self._task, self._clip = model, task, hyperparameters.clip
        self._steps, self._reports = budget.steps_of(task), budget.reports
        self._schedule_name = hyperparameters.schedule
        self._optimizer = _optimizer(model, hyperparameters)
        self._batches = _batches(task, seed)
        self._step, self._carried, self._read, self._seconds = 0, None, 0, list[float]()

    def run(self, pause: int | None = None) -> Iterator[Pace]:
        """Take the steps that are left, stopping after those at which a report is due, and after the step `pause`.

        Raises DivergenceError when the loss leaves the finite numbers.
        """
        due = {math.ceil(self._steps * (i + 1) / self._reports) for i in range(self._reports)} | {pause}
        schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: _factor(step, self._steps, self._schedule_name), self._step - 1
        )
        while self._step < self._steps:
            begun = perf_counter()
            self._step += 1
            batch = _moved(next(self._batches), device())
            self._read += tokens(batch)
            self._take(batch)
            schedule.step()
            self._seconds.append(perf_counter() - begun)
            if self._step in due:
                yield Pace(self._step, self._read / sum(self._seconds), median(self._seconds))

    def state(self) -> dict[str, Any]:
        """All that going on takes beside what this was made with; the same steps follow as without a stop."""
        return {
            "model": dict(self._model.state_dict()),
            "optimizer": self._optimizer.state_dict(),
            "step": self._step,
            "carried": self._carried,
            "read": self._read,
            "seconds": self._seconds,
            "random": [torch.get_rng_state(), *_cuda_random()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._step, self._read, self._seconds = state["step"], state["read"], list(state["seconds"])
        self._carried = _moved(state["carried"], device())
        for _ in range(self._step):  # a task's batches have no place of their own
            next(self._batches)
        own, *cuda = state["random"]
        torch.set_rng_state(own)
        if cuda and torch.cuda.is_available():
            torch.cuda.set_rng_state(cuda[0])

    def _take(self, batch: Any) -> None:
        """One step of the optimizer."""
        self._model.train()
        loss, self._carried = self._task.loss(self._model, batch, self._carried)
        if not math.isfinite(loss.item()):
            raise DivergenceError(f"the loss is {loss.item()} at step {self._step}")
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._clip)
        self._optimizer.step()


def inference_seconds(model: nn.Module, task: Task, seed: int) -> float:
    """The time of one forward pass over a training batch, loss included; call it without gradients."""
    model.eval()
    batch = _moved(next(_batches(task, seed)), device())
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
    if hyperparameters.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=hyperparameters.learning_rate)
    return torch.optim.AdamW(groups, lr=hyperparameters.learning_rate, fused=True)


def _factor(step: int, steps: int, schedule: str) -> float:
    """The factor of the learning rate: linear warm-up, then constant or half a cosine down to FLOOR."""
    warmup = max(1, round(WARMUP * steps))
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(1, steps - warmup)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2


def _moved(batch: Any, place: torch.device) -> Any:
    """A batch's tensors on the device; tuples, lists and dicts keep their shape.

    What else can be moved moves itself, by a method `to`, and whatever cannot stays as it is.
    """
    if isinstance(batch, Tensor):
        return batch.to(place)
    if hasattr(batch, "to"):  # a PackedSequence, which is a tuple too; the batches of other libraries
        return batch.to(place)
    if isinstance(batch, dict):
        return type(batch)({name: _moved(part, place) for name, part in batch.items()})
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(_moved(part, place) for part in batch))
    return type(batch)(_moved(part, place) for part in batch) if isinstance(batch, tuple | list) else batch


def _batches(task: Task, seed: int) -> Iterator[Any]:
    """The task's batches. Raises TaskError where they end."""
    count = 0
    for count, batch in enumerate(task.batches(seed), start=1):  # noqa: B007
        yield batch
    raise TaskError(f"task {task.name!r}: its batches end after {count}; let batches() yield them without end")
