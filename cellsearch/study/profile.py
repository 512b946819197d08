"""A skill profile: what a cell can remember, copy, count and look up, in small exercises beside LSTM and GRU.

Every cell has the same parameters, steps, data and learning rates to choose from. One seed an exercise shows what a
cell can do at all; which of two cells is better is a question for `compare`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from statistics import fmean
from typing import Final

from safetensors.torch import load as from_safetensors

from cellsearch import plugins
from cellsearch.cell import Cell, identity, to_json
from cellsearch.signals import Saturation, gate_saturation, gradient_by_lag, probe
from cellsearch.study.forms import BASELINES
from cellsearch.study.references import find_cells
from cellsearch.training import Budget, Evaluation, Hyperparameters, Report, hidden_size_for, load_task, prepare_task
from cellsearch.workers import Failed, Reported, Resources, open_pool

__all__ = ["BUDGET", "EXERCISES", "Exercise", "Portrait", "Profile", "Skill", "profile"]

RATES: Final = (3.0, 1.0, 0.3)
"""Learning rates that are tried, in those of the task; the one with the best validation counts."""

PARAMETERS: Final = 10_000
"""Learned numbers of every model unless it is told otherwise."""

BUDGET: Final = Budget(PARAMETERS, patience=1.0)
"""The budget of every training, with the steps of its exercise."""


@dataclass(frozen=True)
class Skill:
    """One line of a profile: a figure of a trained model on test data, between `guess` and `perfect`.

    The figure is the task's metric, or what its details call `detail`.
    """

    name: str
    guess: float
    perfect: float = 1.0
    detail: str = ""

    def level(self, figure: float) -> float:
        """0 for guessing or worse, 1 for perfect."""
        return min(1.0, max(0.0, (figure - self.guess) / (self.perfect - self.guess)))


@dataclass(frozen=True)
class Exercise:
    """One training a cell and learning rate, and the skills that it shows."""

    task: str
    options: Mapping[str, str]
    steps: int
    skills: Sequence[Skill]


EXERCISES: Final = (
    Exercise(
        "delayed_recall",
        {"length": "20"},
        1000,
        [Skill("remember a symbol for 20 steps", 1 / 8), Skill("... for 80", 1 / 8, detail="accuracy at length 80")],
    ),
    Exercise(
        "copy_memory", {"length": "5"}, 4000, [Skill("copy 10 symbols after 5", 1 / 8, detail="recall at length 5")]
    ),
    Exercise(
        "parity",
        {"length": "20"},
        400,
        [Skill("count ones modulo 2, of 20", 1 / 2), Skill("... of 100", 1 / 2, detail="accuracy at length 100")],
    ),
    Exercise(
        "dyck",
        {"length": "30"},
        500,
        [Skill("match 30 brackets", 0.44), Skill("... 120", 0.44, detail="accuracy at length 120")],
    ),
    Exercise("associative_recall", {"length": "2"}, 4000, [Skill("look up one of 2 pairs", 1 / 2)]),
    Exercise("adding", {"length": "50"}, 1000, [Skill("add 2 marked of 50 numbers", 1 / 6, perfect=0.0)]),
)
"""The profile's exercises. `guess` is what a model gets that reads nothing, or the wrong part of what it should."""


@dataclass(frozen=True)
class Portrait:
    """What the exercises say of one cell.

    `figures` are by skill, None where every training failed, for the reason in `failures`, by task. `gradients` is the
    gradient of the untrained cell's last output in the input `lag` time steps before, by lag; `gates` is by gate, mean
    over the trained models.
    """

    cell: Cell
    hidden_sizes: Mapping[str, int]
    figures: Mapping[str, float | None]
    gradients: Sequence[float]
    gates: Mapping[str, Saturation]
    failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """The portraits of the cells that were asked for, and of LSTM and GRU, with equal `parameters`."""

    parameters: int
    skills: Sequence[Skill]
    portraits: Sequence[Portrait]

    def rows(self) -> list[dict[str, object]]:
        """A line for each cell and skill, for a table in a file."""
        return [_row(portrait, skill) for portrait in self.portraits for skill in self.skills]


def profile(
    cells: str | Cell | Sequence[str | Cell],
    *,
    space: str = "",
    seed: int = 0,
    exercises: Sequence[Exercise] = EXERCISES,
    budget: Budget = BUDGET,
    resources: Resources = Resources(),
    observe: Callable[[int, int], None] | None = None,
) -> Profile:
    """The profile of cells beside LSTM and GRU; `observe` is told how many trainings have ended, and of how many.

    `cells` are cells or references (`find_cell`), `space` is that of cells with operations of their own. A `budget`
    without parameters has PARAMETERS, one without steps those of each exercise; `resources` is where trainings run.
    Raises UnknownNameError, and BudgetError if the parameters are too few, before anything is trained.
    """
    if space:
        plugins.load(plugins.SPACES, space)
    found = _distinct([*find_cells(cells), *find_cells(BASELINES)])
    parameters = PARAMETERS if budget.parameters is None else budget.parameters
    tasks = [load_task(each.task, each.options) for each in exercises]
    for exercise, task in zip(exercises, tasks, strict=True):
        prepare_task(exercise.task, task)
    for task, cell in product(tasks, found):
        hidden_size_for(task, cell, parameters)
    jobs = [
        Evaluation(
            task=exercise.task,
            options=exercise.options,
            cell=to_json(cell),
            budget=replace(budget, parameters=parameters, steps=budget.steps or exercise.steps),
            hyperparameters=Hyperparameters(task.learning_rate * rate),
            seed=seed,
            space=space,
            final=True,
        )
        for cell in found
        for exercise, task in zip(exercises, tasks, strict=True)
        for rate in RATES
    ]
    ends = _trained(jobs, resources, observe)
    per_cell = len(exercises) * len(RATES)
    portraits = [
        _portrait(cell, exercises, ends[i * per_cell : (i + 1) * per_cell], seed) for i, cell in enumerate(found)
    ]
    return Profile(parameters, [skill for exercise in exercises for skill in exercise.skills], portraits)


def _row(portrait: Portrait, skill: Skill) -> dict[str, object]:
    figure = portrait.figures[skill.name]
    level = None if figure is None else skill.level(figure)
    return {"cell": portrait.cell.name, "skill": skill.name, "figure": figure, "level": level}


def _distinct(cells: Sequence[Cell]) -> list[Cell]:
    found: dict[str, Cell] = {}
    for cell in cells:
        found.setdefault(identity(cell), cell)
    return list(found.values())


def _trained(
    jobs: Sequence[Evaluation], resources: Resources, observe: Callable[[int, int], None] | None
) -> list[list[Report] | str]:
    """Each job's reports, or why it failed."""
    reports: dict[int, list[Report]] = defaultdict(list)
    ends: dict[int, list[Report] | str] = {}
    with open_pool(resources) as pool:
        for number, job in enumerate(jobs):
            pool.submit(number, job)
        while len(ends) < len(jobs):
            for event in pool.wait(1.0):
                match event:
                    case Reported(number, report):
                        reports[number].append(report)
                        if report.weights is None:
                            continue
                        ends[number] = reports[number]
                    case Failed(number, reason):
                        ends[number] = reason
                    case _:
                        continue
                if observe:
                    observe(len(ends), len(jobs))
    return [ends[number] for number in range(len(jobs))]


def _portrait(cell: Cell, exercises: Sequence[Exercise], ends: Sequence[list[Report] | str], seed: int) -> Portrait:
    figures: dict[str, float | None] = {}
    failures, sizes, gates = {}, {}, []
    for place, exercise in enumerate(exercises):
        tried = ends[place * len(RATES) : (place + 1) * len(RATES)]
        best = _best(exercise, [end for end in tried if not isinstance(end, str)])
        if best is None:
            failures[exercise.task] = str(tried[-1])
        else:
            sizes[exercise.task] = best.hidden_size
            gates.append(_gates(cell, exercise, best, seed))
        figures |= {skill.name: _figure(skill, best) if best else None for skill in exercise.skills}
    fresh = probe(cell, hidden_size=max(sizes.values(), default=24), steps=100, seed=seed)
    return Portrait(cell, sizes, figures, gradient_by_lag(fresh).tolist(), _mean(gates), failures)


def _best(exercise: Exercise, trainings: Sequence[list[Report]]) -> Report | None:
    """The last report of the training with the best validation."""
    sign = 1 if load_task(exercise.task, exercise.options).lower_is_better else -1
    best = min(trainings, key=lambda reports: min(sign * report.score for report in reports), default=None)
    return best[-1] if best else None


def _figure(skill: Skill, report: Report) -> float | None:
    return report.details.get(skill.detail) if skill.detail else report.test


def _gates(cell: Cell, exercise: Exercise, report: Report, seed: int) -> dict[str, Saturation]:
    task = load_task(exercise.task, exercise.options)
    model = task.model(cell, report.hidden_size)
    model.load_state_dict(from_safetensors(report.weights or b""))
    return gate_saturation(model, task, seed)


def _mean(gates: Sequence[Mapping[str, Saturation]]) -> dict[str, Saturation]:
    names = gates[0] if gates else {}
    return {
        name: Saturation(fmean(each[name].shut for each in gates), fmean(each[name].open for each in gates))
        for name in names
    }
