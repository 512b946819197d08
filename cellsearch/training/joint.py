"""Several tasks as one: a cell is trained on each in turn, and its score is the mean over them.

So that what a search finds is a cell and not a trick of one text. A share of a loss is the loss beside that of an
untrained LSTM of the same size, and the score is the mean of their logarithms: a task that is not begun yet counts 0,
and the difference of two scores is the logarithm of the mean ratio (the geometric one) of two cells' losses, in which
the LSTM's unit does not matter. The score falls from task to task, and at the end of each all cells have been trained
on the same ones: a search stops those there that fall behind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from cellsearch import files, plugins
from cellsearch.cell import Cell, from_json
from cellsearch.errors import TaskError
from cellsearch.training.budget import Budget, hidden_size_for
from cellsearch.training.checkpoint import packed, unpacked
from cellsearch.training.evaluation import Evaluation, Report
from cellsearch.training.evaluation import evaluate as evaluate_one
from cellsearch.training.named_task import NamedTask, named_task, named_tasks, split_task, task_text
from cellsearch.training.task import Split, Task, load_task, settled_steps

__all__ = ["JOINT", "TASK", "Joint", "cell_of", "evaluate", "joint", "parts", "references", "rungs_of", "task_texts"]

JOINT: Final = f"{__name__}:TASK"
"""The reference of several tasks."""

BETWEEN: Final = " + "

COMMA: Final = ";"
"""Between options of one of the tasks, where a comma would be one of the whole."""

LEAST: Final = 0.01
"""The least share of a loss that counts: one task that is solved must not outweigh all others."""

FIRST_LOOK: Final = 1 / 3
"""The share of the first task after which candidates are compared for the first time."""


@dataclass(frozen=True)
class Joint:
    """The tasks of a text such as `chars + digits@permuted=1;batch=20`.

    A budget is shared by the tasks as their own budgets would be, and a learning rate is a factor of each task's own.
    """

    of: str = "chars + digits"

    metric: ClassVar[str] = "log of loss beside an untrained LSTM"
    lower_is_better: ClassVar[bool] = True
    learning_rate: ClassVar[float] = 1.0

    @cached_property
    def named(self) -> Sequence[NamedTask]:
        """The tasks. Raises as `named_task` does."""
        return [named_task(text, {}) for text in _texts(self.of)]

    @cached_property
    def tasks(self) -> Sequence[Task]:
        """The tasks themselves."""
        return [each.task for each in self.named]

    @property
    def name(self) -> str:
        """Their names."""
        return BETWEEN.join(task.name for task in self.tasks)

    @property
    def parameters(self) -> int:
        """Of all models together."""
        return sum(task.parameters for task in self.tasks)

    @property
    def steps(self) -> int:
        """Of all trainings together."""
        return sum(task.steps for task in self.tasks)

    @property
    def final_steps(self) -> int:
        """Of all trainings together once each has settled."""
        return sum(settled_steps(task, task.steps) for task in self.tasks)

    def budgets(self, whole: Budget) -> Sequence[Budget]:
        """Each task's share; steps over those of the tasks are shared as their settled trainings would be."""
        steps, parameters = whole.steps_of(self), whole.parameters_of(self)
        lengths = [task.steps if steps <= self.steps else settled_steps(task, task.steps) for task in self.tasks]
        counts = [max(1, round(steps * length / sum(lengths))) for length in lengths]
        sizes = [max(1, parameters * task.parameters // self.parameters) for task in self.tasks]
        return [
            replace(whole, steps=count, parameters=size, reports=min(whole.reports, count))
            for count, size in zip(counts, sizes, strict=True)
        ]

    def rungs(self, steps: int) -> Sequence[int]:
        """Where a search compares candidates: early on in the first task, and after each but the last."""
        counts = [budget.steps_of(self) for budget in self.budgets(Budget(steps=steps))]
        ends = [sum(counts[: i + 1]) for i in range(len(counts) - 1)]
        return sorted({max(1, round(counts[0] * FIRST_LOOK)), *ends})

    def prepare(self) -> None:
        """Load the data of all. Raises DataError, and TaskError where a metric has no loss that can be related."""
        for named in self.named:
            named.task.prepare()
            _untrained(named.reference, tuple(named.options.items()), named.task.parameters)

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model a task, all of one hidden size; `evaluate` gives each its own."""
        return nn.ModuleList(task.model(cell, hidden_size) for task in self.tasks)

    def batches(self, seed: int) -> Iterator[Any]:
        """A batch of every task at once; `evaluate` trains on one task before it begins the next."""
        return zip(*(task.batches(seed) for task in self.tasks), strict=True)

    def loss(self, model: nn.Module, batch: Any, carried: Any) -> tuple[Tensor, Any]:
        """The mean of the tasks' losses."""
        before = carried or [None] * len(batch)
        both = [t.loss(*each) for t, *each in zip(self.tasks, model, batch, before, strict=True)]  # type: ignore[call-overload]
        losses, after = zip(*both, strict=True)
        return torch.stack(losses).mean(), list(after)

    def score(self, model: nn.Module, split: Split) -> float:
        """The mean over the tasks; a share is that of an untrained LSTM of the task's own size."""
        parts = zip(self.named, model, strict=True)  # type: ignore[call-overload]
        return sum(_log_share(named, named.task.score(part, split), named.task.parameters) for named, part in parts) / (
            len(self.named)
        )


TASK: Final = Joint()


def joint(tasks: str | Task | Sequence[str | Task], options: Mapping[str, object]) -> NamedTask:
    """One task, or several as one; of the `options` beside each gets those that it has.

    Raises as `named_task` and `named_tasks` do.
    """
    several = [tasks] if isinstance(tasks, str) or not isinstance(tasks, Sequence) else list(tasks)
    if len(several) == 1:
        return named_task(several[0], options)
    text = BETWEEN.join(named.text.replace(",", COMMA) for named in named_tasks(several, options))
    return named_task(JOINT, {"of": text})


def parts(task: Task) -> Sequence[Task]:
    """The tasks that a task is made of, or the task itself."""
    return task.tasks if isinstance(task, Joint) else [task]


def rungs_of(task: Task, steps: int) -> Sequence[int] | None:
    """The rungs of several tasks; None where a task has none of its own."""
    return task.rungs(steps) if isinstance(task, Joint) else None


def references(reference: str, options: Mapping[str, object]) -> list[str]:
    """The references of a task, or of those that it is made of."""
    if reference != JOINT:
        return [reference]
    return [split_task(each)[0] for each in _texts(str(options["of"]))]


def task_texts(reference: str, options: Mapping[str, str]) -> list[str]:
    """The text of a task, or of each that it is made of, as a command names it."""
    return [task_text(reference, options)] if reference != JOINT else _texts(options["of"])


def _texts(of: str) -> list[str]:
    """The tasks of a text, each as it is named alone."""
    return [each.strip().replace(COMMA, ",") for each in of.split(BETWEEN)]


def cell_of(evaluation: Evaluation) -> Cell:
    """The cell, with the operations that the files of its tasks and of its space define."""
    files.give_texts(evaluation.texts)
    for each in references(evaluation.task, evaluation.options):
        plugins.load(plugins.TASKS, each)
    if evaluation.space:
        plugins.load_operations(evaluation.space)
    return from_json(evaluation.cell)


def evaluate(evaluation: Evaluation) -> Iterator[Report]:
    """Train the cell on its task, or on each of several in turn, and report.

    On several, steps count on from task to task, the last report of each is at its last step, even if it ended early,
    and a final evaluation's details have the test score of each by its name; its weights are those of the first.
    Raises what `evaluation.evaluate` does.
    """
    if evaluation.task != JOINT:
        yield from evaluate_one(evaluation)
        return
    yield from _InTurn(evaluation).run()


@dataclass
class _Ended:
    """What the trainings that have ended came to; plain values, and the file of the first's weights."""

    logs: list[float] = field(default_factory=list)
    tests: list[float] = field(default_factory=list)
    details: dict[str, float] = field(default_factory=dict)
    weights: Tensor | None = None
    inference_seconds: float | None = None
    seconds: float = 0.0
    parameters: int = 0
    hidden_size: int = 0


class _InTurn:
    """One training on several tasks."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        whole = named_task(JOINT, evaluation.options).task
        assert isinstance(whole, Joint)
        self.parts = list(zip(whole.named, whole.budgets(evaluation.budget), strict=True))
        self.ended = _Ended()

    def run(self) -> Iterator[Report]:
        """Train on what is left, up to the pause."""
        best, inside = self._restored()
        pause = self.evaluation.pause or 0
        for named, budget in self.parts[len(self.ended.logs) :]:
            begun = sum(each.steps_of(part.task) for part, each in self.parts[: len(self.ended.logs)])
            end = begun + budget.steps_of(named.task)
            part = self._part(named, budget, pause - begun if begun < pause < end else None, inside)
            for report, is_last in _with_last(evaluate_one(part)):
                best = min(best, _log_share(named, report.score, budget.parameters_of(named.task)))
                told = self._told(report, begun + report.step, best)
                if report.checkpoint is not None:
                    yield replace(told, checkpoint=self._state(best, report.checkpoint))
                    return
                if is_last:
                    self._end(named, budget, report, best)
                    is_paused = end == pause and len(self.ended.logs) < len(self.parts)
                    yield replace(self._last(told), step=end, checkpoint=self._state() if is_paused else None)
                    if is_paused:
                        return
                else:
                    yield told
            best, inside = math.inf, None

    def _part(self, named: NamedTask, budget: Budget, pause: int | None, checkpoint: bytes | None) -> Evaluation:
        """The training on one of the tasks."""
        given = self.evaluation.hyperparameters
        return replace(
            self.evaluation,
            task=named.reference,
            options=named.options,
            budget=budget,
            hyperparameters=replace(given, learning_rate=given.learning_rate * named.task.learning_rate),
            pause=pause,
            checkpoint=checkpoint,
        )

    def _told(self, report: Report, step: int, best: float) -> Report:
        """A report of the whole; nothing of it is final yet."""
        ended = self.ended
        return replace(
            report,
            step=step,
            score=(sum(ended.logs) + best) / len(self.parts),
            seconds=ended.seconds + report.seconds,
            hidden_size=ended.hidden_size or report.hidden_size,
            parameters=ended.parameters + report.parameters,
            test=None,
            weights=None,
            inference_seconds=None,
            details={},
        )

    def _end(self, named: NamedTask, budget: Budget, report: Report, best: float) -> None:
        """Note what a training came to."""
        ended = self.ended
        ended.logs.append(best)
        ended.seconds += report.seconds
        ended.parameters += report.parameters
        ended.hidden_size = ended.hidden_size or report.hidden_size
        if report.test is not None:
            ended.tests.append(_log_share(named, report.test, budget.parameters_of(named.task)))
            ended.details[named.text] = report.test
        if report.weights is not None and ended.weights is None:
            ended.weights = _tensor(report.weights)
            ended.inference_seconds = report.inference_seconds

    def _last(self, told: Report) -> Report:
        """The report with what is known at the very end, once all trainings have come to theirs."""
        ended = self.ended
        if len(ended.tests) < len(self.parts) or ended.weights is None:
            return told
        return replace(
            told,
            test=sum(ended.tests) / len(ended.tests),
            weights=_bytes(ended.weights),
            inference_seconds=ended.inference_seconds,
            details=ended.details,
        )

    def _state(self, best: float = math.inf, inside: bytes | None = None) -> bytes:
        """From where another goes on: the best so far and the checkpoint of the training under way, if one is."""
        return packed({"ended": vars(self.ended), "best": best, "inside": None if inside is None else _tensor(inside)})

    def _restored(self) -> tuple[float, bytes | None]:
        """The best so far and the checkpoint of the training that was under way."""
        if self.evaluation.checkpoint is None:
            return math.inf, None
        state = unpacked(self.evaluation.checkpoint)
        self.ended = _Ended(**state["ended"])
        return state["best"], None if state["inside"] is None else _bytes(state["inside"])


def _with_last(reports: Iterator[Report]) -> Iterator[tuple[Report, bool]]:
    """Each report, and whether it is the last. A report is given when the next is there, or none is."""
    before = next(reports)
    for report in reports:
        yield before, False
        before = report
    yield before, True


def _log_share(named: NamedTask, score: float, parameters: int) -> float:
    """The logarithm of the score's loss beside that of an untrained LSTM of so many parameters."""
    untrained = _untrained(named.reference, tuple(named.options.items()), parameters)
    return math.log(max(_loss(named.task, score) / untrained, LEAST))


@cache
def _untrained(reference: str, options: tuple[tuple[str, str], ...], parameters: int) -> float:
    """The loss on validation of an LSTM that has learned nothing."""
    task, cell = load_task(reference, dict(options)), plugins.seed("lstm")
    task.prepare()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = task.model(cell, hidden_size_for(task, cell, parameters)).eval()
        return _loss(task, float(task.score(model, "validation"))) or LEAST


def _loss(task: Task, score: float) -> float:
    """What there is to lose: the score, or what a share of right answers lacks. Raises TaskError if it is no loss."""
    loss = score if task.lower_is_better else 1 - score
    if not 0 <= loss < math.inf or (loss > 1 and not task.lower_is_better):
        raise TaskError(
            f"task {task.name!r}: its {task.metric} is {score:.4g}, which cannot be related to that of other tasks; "
            "take tasks that measure an error, or a share of right answers"
        )
    return loss


def _tensor(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def _bytes(data: Tensor) -> bytes:
    return data.numpy().tobytes()
