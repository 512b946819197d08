"""What gradients in the weights and the first steps of training tell: the zero-cost signals of the literature.

Abdelfattah et al. (2021), Zero-cost proxies for lightweight NAS, compare most of them; sums over weights are given as
their log10. g is the gradient of a weight w on one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import inf, isfinite, log10
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.signals.probe import Probe
from cellsearch.training import Task

__all__ = ["WEIGHT_SIGNALS", "Start", "first_losses", "loss_fall", "start", "synflow"]

BATCHES: Final = 4
SMALLEST: Final = 1e-30

LAST: Final = 5
"""Steps at the end of a short training whose losses are averaged."""


@dataclass(frozen=True)
class Start:
    """A task's model before training: its weights, their gradients on each of BATCHES batches, and the losses."""

    weights: tuple[Tensor, ...]
    gradients: tuple[tuple[Tensor, ...], ...]
    losses: tuple[float, ...]


def start(task: Task, cell: Cell, hidden_size: int, seed: int = 0) -> Start:
    """The model of a prepared task with fresh weights, on its first batches; torch's own generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = task.model(cell, hidden_size)
        weights, gradients, losses = list(model.parameters()), [], []
        for loss, _ in _losses(task, model, seed, BATCHES):
            losses.append(loss.item())
            gradients.append(torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True))
    return Start(tuple(weight.detach() for weight in weights), tuple(gradients), tuple(losses))


def initial_loss(start: Start) -> float:
    """Loss before training (nats or squared error)."""
    return sum(start.losses) / len(start.losses)


def gradient_norm(start: Start) -> float:
    """log10 of the norm of all g, mean over batches (Abdelfattah et al. 2021)."""
    return _log10(sum(torch.cat([g.flatten() for g in batch]).norm() for batch in start.gradients) / BATCHES)


def snip(start: Start) -> float:
    """log10 of Σ |w g| on the first batch (Lee et al. 2019)."""
    pairs = zip(start.weights, start.gradients[0], strict=True)
    return _log10(torch.stack([(weight * gradient).abs().sum() for weight, gradient in pairs]).sum())


def log_gradients(start: Start) -> float:
    """Mean of log10 |g| over the weights on the first batch: the sum of log gradients, per weight."""
    every = torch.cat([gradient.flatten() for gradient in start.gradients[0]]).abs()
    return float(every.clamp_min(SMALLEST).log10().mean()) if bool(torch.isfinite(every).all()) else inf


def zico(start: Start) -> float:
    """Σ over arrays of ln Σ mean |g| / std |g|, over the batches (Li et al. 2023)."""
    total = 0.0
    for array in zip(*start.gradients, strict=True):
        batches = torch.stack(array).abs()
        ratio = (batches.mean(0) / batches.std(0).clamp_min(SMALLEST))[batches.mean(0) > SMALLEST].sum()
        total += _log10(ratio) if float(ratio) > 0 else 0.0
    return total / log10(torch.e)


def gradient_agreement(start: Start) -> float:
    """Mean cosine between the gradients of two batches: 1 where all batches pull the same way."""
    whole = [torch.cat([gradient.flatten() for gradient in batch]) for batch in start.gradients]
    return float(torch.stack([F.cosine_similarity(one, two, 0) for one, two in combinations(whole, 2)]).mean())


WEIGHT_SIGNALS: Final[Mapping[str, Callable[[Start], float]]] = {
    "initial loss": initial_loss,
    "gradient norm": gradient_norm,
    "SNIP": snip,
    "log gradients": log_gradients,
    "ZiCo": zico,
    "gradient agreement": gradient_agreement,
}
"""Signal by name."""


def synflow(probe: Probe) -> float:
    """log10 of Σ |w dR/dw| with |w| for w, ones for x, R the sum of the outputs (Tanaka et al. 2020).

    Published for ReLU networks, where it counts paths; through gates it is no more than their product at that input.
    """
    arrays = {name: array.detach().abs().requires_grad_() for name, array in probe.rnn.named_parameters()}
    if not arrays:
        return log10(SMALLEST)
    outputs, _ = torch.func.functional_call(probe.rnn, arrays, (torch.ones_like(probe.x[:, :1]),))
    gradients = torch.autograd.grad(outputs.sum(), list(arrays.values()), allow_unused=True, materialize_grads=True)
    flow = [(array * gradient).abs().sum() for array, gradient in zip(arrays.values(), gradients, strict=True)]
    return _log10(torch.stack(flow).sum())


def first_losses(
    task: Task, cell: Cell, hidden_size: int, learning_rate: float, steps: int = 20, seed: int = 0
) -> list[float]:
    """The losses of a prepared task's first steps; the last is not finite if training diverged.

    Adam without warm-up, gradients clipped to norm 1.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, losses = task.model(cell, hidden_size), []
        optimizer = torch.optim.Adam(model.parameters(), learning_rate)
        for loss, _ in _losses(task, model, seed, steps):
            losses.append(loss.item())
            if not isfinite(losses[-1]):
                break
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return losses


def loss_fall(losses: Sequence[float], steps: int) -> float:
    """By how much the loss fell in so many steps: its first value less the mean of their last LAST; -inf if lost."""
    if len(losses) < steps or not isfinite(losses[steps - 1]):
        return -inf
    return losses[0] - sum(losses[steps - LAST : steps]) / LAST


def _losses(task: Task, model: nn.Module, seed: int, count: int) -> Iterator[tuple[Tensor, Any]]:
    """The losses of the first batches, one after the other, with what each carries to the next."""
    carried = None
    for batch in islice(task.batches(seed), count):
        loss, carried = task.loss(model, batch, carried)
        yield loss, carried


def _log10(value: Tensor) -> float:
    number = value.item()
    return log10(max(number, SMALLEST)) if isfinite(number) else inf
