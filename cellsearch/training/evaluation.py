"""One cell on one task at one budget and seed: a generator of reports. Whoever iterates may stop; that is pruning."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from cellsearch import files, plugins
from cellsearch.cell import Cell, from_json
from cellsearch.errors import DivergenceError
from cellsearch.recurrence import parameter_count
from cellsearch.training.budget import Budget, hidden_size_for, whole_number
from cellsearch.training.checkpoint import packed, unpacked
from cellsearch.training.hyperparameters import Hyperparameters
from cellsearch.training.optimization import Optimization, device, inference_seconds
from cellsearch.training.task import Task, load_task, task_details
from cellsearch.training.weights import weights_file

__all__ = ["Evaluation", "Report", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """All that one training needs, as plain data that crosses to any worker.

    `task` is a reference and `options` its options; `cell` is a cell file's text. `seed` orders the data and draws the
    model and its dropout, which `initialisation` draws instead if given. A `final` evaluation also scores the test
    split and returns the weights with its last report. `space` is the reference of the search space that the cell is
    from, whose file may define operations of its own. `texts` has those of the files that `task` and `space` name, as
    the driver has run them (`plugins.texts`); a file without one is read where the training is.

    The `label` is what people see of the training where machines show what they do.

    A cell that is to be `screened` is trained only if nothing speaks against it, which its worker finds out first.
    With a `pause` the training stops after that step, unless it has ended by then, with a `checkpoint` in its last
    report; an evaluation that is given it goes on as if there had been no stop.
    """

    task: str
    cell: str
    budget: Budget
    hyperparameters: Hyperparameters
    seed: int
    options: Mapping[str, str] = field(default_factory=dict)
    space: str = ""
    final: bool = False
    initialisation: int | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    screened: bool = False
    pause: int | None = None
    checkpoint: bytes | None = None
    label: str = ""

    def __post_init__(self) -> None:
        for name in ("seed", "initialisation"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole_number(name, getattr(self, name)))


@dataclass(frozen=True)
class Report:
    """What a training says of itself after `step` steps.

    `score` is the task's metric on validation, `seconds` the time that the training has taken, `hidden_size` and
    `parameters` the model's. `tokens_per_second` counts time steps times sequences of the training so far and
    `step_seconds` is the median time of an optimizer step, both without validations.

    The last report of a final evaluation has, of the step with the best score, the `test` score, the task's `details`
    and the `weights` (safetensors); and `inference_seconds`, the time of a forward pass over a training batch. The
    last report of a training that pauses has the `checkpoint` from which it goes on.
    """

    step: int
    score: float
    seconds: float
    hidden_size: int
    parameters: int
    test: float | None = None
    weights: bytes | None = None
    tokens_per_second: float | None = None
    step_seconds: float | None = None
    inference_seconds: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    checkpoint: bytes | None = None


def evaluate(evaluation: Evaluation) -> Iterator[Report]:
    """Train the cell and report as often as its budget says, or less often if validation stops to improve.

    The training's score is the best of its reports. Seeds torch's generator. Raises DivergenceError when the loss or
    score leaves the finite numbers; BudgetError, DataError as the task demands.
    """
    begun = time.monotonic()
    task, cell = _loaded(evaluation)
    budget = evaluation.budget
    steps = budget.steps_of(task)
    hidden_size = hidden_size_for(task, cell, budget.parameters_of(task))
    torch.manual_seed(evaluation.seed if evaluation.initialisation is None else evaluation.initialisation)
    model = task.model(cell, hidden_size).to(device())
    training = Optimization(model, task, budget, evaluation.hyperparameters, evaluation.seed)
    count, best, before = parameter_count(model), _Best(task.lower_is_better, evaluation.final), 0.0
    if evaluation.checkpoint is not None:
        state = unpacked(evaluation.checkpoint)
        training.restore(state["training"])
        best.restore(state["best"])
        before = state["seconds"]
    for pace in training.run(evaluation.pause):
        score = _score(model, task, pace.step)
        best.see(pace.step, score, model)
        seconds = before + time.monotonic() - begun
        report = Report(
            pace.step,
            score,
            seconds,
            hidden_size,
            count,
            tokens_per_second=pace.tokens_per_second,
            step_seconds=pace.step_seconds,
        )
        if pace.step == steps or pace.step - best.step >= budget.patience * steps:
            yield _final(report, model, task, best, evaluation.seed) if evaluation.final else report
            return
        if pace.step == evaluation.pause:
            state = {"training": training.state(), "best": best.state(), "seconds": seconds}
            yield dataclasses.replace(report, checkpoint=packed(state))
            return
        yield report


class _Best:
    """The step with the best score so far, and a copy of its weights if they are wanted."""

    def __init__(self, lower_is_better: bool, keep: bool) -> None:
        self._sign = 1.0 if lower_is_better else -1.0
        self._keep = keep
        self._score = math.inf
        self.step = 0
        self.weights: dict[str, Tensor] = {}

    def see(self, step: int, score: float, model: nn.Module) -> None:
        """Note a validation."""
        if self._sign * score < self._score:
            self._score, self.step = self._sign * score, step
            if self._keep:
                self.weights = {name: array.detach().clone() for name, array in model.state_dict().items()}

    def state(self) -> dict[str, object]:
        """What is known so far."""
        return {"score": self._score, "step": self.step, "weights": self.weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._score, self.step, self.weights = state["score"], state["step"], dict(state["weights"])


def _loaded(evaluation: Evaluation) -> tuple[Task, Cell]:
    """The task with its data, and the cell; what makes no training is refused here."""
    files.give_texts(evaluation.texts)
    given = evaluation.hyperparameters.dropout
    dropout = {} if given is None else {"dropout": str(given)}
    task = load_task(evaluation.task, {**evaluation.options, **dropout})
    task.prepare()
    if evaluation.space:
        plugins.load_operations(evaluation.space)
    return task, from_json(evaluation.cell)


def _score(model: nn.Module, task: Task, step: int) -> float:
    model.eval()
    with torch.no_grad():
        score = float(task.score(model, "validation"))
    if not math.isfinite(score):
        raise DivergenceError(f"the validation score is {score} after step {step}")
    return score


def _final(report: Report, model: nn.Module, task: Task, best: _Best, seed: int) -> Report:
    """The report with what is known of the best step's weights. The one place that reads test data."""
    model.load_state_dict(best.weights)
    model.eval()
    with torch.no_grad():
        test = float(task.score(model, "test"))
        details = task_details(task, model)
        seconds = inference_seconds(model, task, seed)
    return dataclasses.replace(
        report,
        test=test,
        weights=weights_file(model, best.weights),
        inference_seconds=seconds,
        details=details,
    )
