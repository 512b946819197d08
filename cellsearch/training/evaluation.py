"""One cell on one task at one budget and seed: a generator of reports. Whoever iterates may stop; that is pruning."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellsearch import plugins
from cellsearch.cell import Cell, from_json
from cellsearch.errors import BudgetError, DivergenceError
from cellsearch.recurrence import parameter_count
from cellsearch.training.task import Task, load_task

__all__ = ["REPORTS", "Evaluation", "Report", "evaluate", "hidden_size_for"]

REPORTS: Final = 5
"""Validations of one training, evenly spread over its steps."""

WARMUP: Final = 0.05
FLOOR: Final = 0.05
LARGEST_GRADIENT: Final = 1.0


@dataclass(frozen=True)
class Evaluation:
    """All that one training needs, as plain data that crosses to any worker.

    `task` is a reference and `options` its options; `cell` is a cell file's text; `parameters` bounds the whole
    model's learned numbers; `steps` counts optimizer steps. A `final` evaluation also scores the test split and
    returns the weights with its last report. `space` is the reference of the search space that the cell is from, whose
    file may define operations of its own.
    """

    task: str
    cell: str
    parameters: int
    steps: int
    learning_rate: float
    seed: int
    options: Mapping[str, str] = field(default_factory=dict)
    space: str = ""
    final: bool = False


@dataclass(frozen=True)
class Report:
    """What a training says of itself after `step` steps.

    `score` is the task's metric on validation, `seconds` the time since the evaluation began, `hidden_size` and
    `parameters` the model's. The last report of a final evaluation has the `test` score and the `weights`
    (safetensors).
    """

    step: int
    score: float
    seconds: float
    hidden_size: int
    parameters: int
    test: float | None = None
    weights: bytes | None = None


def evaluate(evaluation: Evaluation) -> Iterator[Report]:
    """Train the cell and report REPORTS times.

    Adam with linear warm-up, cosine decay and gradient clipping, the same for every cell. Seeds torch's generator.
    Raises DivergenceError when the loss or score leaves the finite numbers; BudgetError, DataError as the task demands.
    """
    begun = time.monotonic()
    task = load_task(evaluation.task, evaluation.options)
    task.prepare()
    if evaluation.space:
        plugins.load(plugins.SPACES, evaluation.space)
    cell = from_json(evaluation.cell)
    _check_steps(evaluation)
    hidden_size = hidden_size_for(task, cell, evaluation.parameters)
    torch.manual_seed(evaluation.seed)
    model = task.model(cell, hidden_size).to(_device())
    count = parameter_count(model)
    for step in _train(model, task, evaluation):
        score = _score(model, task, step)
        report = Report(step, score, time.monotonic() - begun, hidden_size, count)
        if step == evaluation.steps and evaluation.final:
            yield _final(report, model, task)
        else:
            yield report


def hidden_size_for(task: Task, cell: Cell, parameters: int) -> int:
    """The largest hidden size whose whole model has at most `parameters` learned numbers. Raises BudgetError."""

    def count(hidden_size: int) -> int:
        with torch.device("meta"):
            return parameter_count(task.model(cell, hidden_size))

    smallest = count(1)
    if smallest > parameters:
        raise BudgetError(
            f"a budget of {parameters} parameters is too small for cell {cell.name!r} on task {task.name!r}: "
            f"hidden size 1 has {smallest}; raise it"
        )
    low, high = 1, 2
    while count(high) <= parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= parameters else (low, middle)
    return low


def _check_steps(evaluation: Evaluation) -> None:
    if evaluation.steps < 1:
        raise BudgetError(f"a budget of {evaluation.steps} steps is too small for one step; use at least 1")


def _train(model: nn.Module, task: Task, evaluation: Evaluation) -> Iterator[int]:
    """Take all steps, stopping after those at which a report is due."""
    optimizer = torch.optim.Adam(model.parameters(), evaluation.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _schedule(step, evaluation.steps))
    due = {math.ceil(evaluation.steps * (i + 1) / REPORTS) for i in range(REPORTS)}
    carried, device = None, _device()
    batches = task.batches(evaluation.seed)
    for step in range(1, evaluation.steps + 1):
        model.train()
        loss, carried = task.loss(model, _moved(next(batches), device), carried)
        if not math.isfinite(loss.item()):
            raise DivergenceError(f"the loss is {loss.item()} at step {step}")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        if step in due:
            yield step


def _device() -> torch.device:
    """The GPU that this process may use, or the CPU; a pool decides which process sees a GPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _moved(batch: Any, device: torch.device) -> Any:
    """The batch with its tensors on the device."""
    if isinstance(batch, Tensor | PackedSequence):
        return batch.to(device)  # type: ignore[arg-type]  # torch annotates PackedSequence.to with a dtype alone
    return tuple(_moved(part, device) for part in batch) if isinstance(batch, tuple) else batch


def _schedule(step: int, steps: int) -> float:
    """The factor of the learning rate: linear warm-up, then half a cosine down to FLOOR."""
    warmup = max(1, round(WARMUP * steps))
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2


def _score(model: nn.Module, task: Task, step: int) -> float:
    model.eval()
    with torch.no_grad():
        score = float(task.score(model, "validation"))
    if not math.isfinite(score):
        raise DivergenceError(f"the validation score is {score} after step {step}")
    return score


def _final(report: Report, model: nn.Module, task: Task) -> Report:
    with torch.no_grad():
        test = float(task.score(model, "test"))
    weights = to_safetensors({name: array.contiguous() for name, array in model.state_dict().items()})
    return Report(report.step, report.score, report.seconds, report.hidden_size, report.parameters, test, weights)
