"""A skill profile: what a cell can remember, copy, count and look up, in small exercises beside LSTM and GRU.

Every cell has the same parameters, steps, data and learning rates to choose from. One seed an exercise shows what a
cell can do at all; which of two cells is better is a question for `compare`. A profile that was stopped goes on, and
further cells may join it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Final

from cellsearch import files, plugins
from cellsearch.cell import Cell, identity
from cellsearch.shown import Shown
from cellsearch.signals import Saturation, gate_saturation, gradient_by_lag, probe
from cellsearch.study.folder import write_table
from cellsearch.study.forms import BASELINES
from cellsearch.study.profiling.exercises import EXERCISES, Exercise, Skill
from cellsearch.study.profiling.lesson import RATES, Lesson, lesson
from cellsearch.study.progress import Observer, Watch
from cellsearch.study.record import Record
from cellsearch.study.references import find_cells
from cellsearch.training import Budget, expect_budget
from cellsearch.workers import Resources, expect_resources, open_pool

__all__ = ["BUDGET", "TABLE", "Portrait", "Profile", "profile"]

TABLE: Final = "profile.csv"

PARAMETERS: Final = 10_000
"""Learned numbers of every model unless it is told otherwise."""

BUDGET: Final = Budget(PARAMETERS, patience=1.0)
"""The budget of every training, with the steps of its exercise."""

Trained = Sequence[tuple[Lesson, Sequence[Record]]]
"""A cell's trainings, by lesson."""


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
class Profile(Shown):
    """The portraits of the cells that were asked for, and of LSTM and GRU, with equal `parameters`.

    The folder `path` has the table, and a folder with the trainings of each exercise.
    """

    path: Path
    parameters: int
    skills: Sequence[Skill]
    portraits: Sequence[Portrait]


def profile(
    cells: str | Cell | Sequence[str | Cell],
    *,
    study: str | Path = "runs/profile",
    space: str = "",
    seed: int = 0,
    exercises: Sequence[Exercise] = EXERCISES,
    budget: Budget = BUDGET,
    resources: Resources = Resources(),
    observe: Observer | None = None,
) -> Profile:
    """The profile of cells beside LSTM and GRU, kept in the folder `study`, which continues one that was stopped.

    `cells` are cells or references (`find_cell`), `space` is that of cells with operations of their own. A `budget`
    without parameters has PARAMETERS, one without steps those of each exercise; `resources` is where trainings run.
    The table in the folder grows by an exercise at a time; `observe` gets the progress twice a second. Raises
    UnknownNameError, StudyError, and BudgetError if the parameters are too few, before anything is trained.
    """
    files.end_load()
    expect_budget(budget)
    expect_resources(resources)
    if space:
        plugins.load_operations(space)
    path, found = Path(study), _distinct([*find_cells(cells), *find_cells(BASELINES)])
    budget = replace(budget, parameters=PARAMETERS if budget.parameters is None else budget.parameters)
    lessons = [lesson(path, each, found, space, seed, budget) for each in exercises]
    with ExitStack() as stack:
        ledgers = [stack.enter_context(each.open()) for each in lessons]
        pool = stack.enter_context(open_pool(resources, plugins.sources(space) if space else ()))

        def records() -> list[Record]:
            pairs = zip(lessons, ledgers, strict=True)
            return [record for each, ledger in pairs for cell in found for record in each.records(ledger, cell)]

        total = len(lessons) * len(found) * len(RATES)
        for done, (each, ledger) in enumerate(zip(lessons, ledgers, strict=True), start=1):
            watch = Watch(f"profile, {each.named.text}", lambda: total, records, each.named.task, observe)
            each.run(ledger, pool, watch)
            trained = {
                cell: [(one, one.records(kept, cell)) for one, kept in zip(lessons[:done], ledgers, strict=False)]
                for cell in found
            }
            rows = [row for cell, own in trained.items() for row in _rows(cell, own)]
            write_table(path / TABLE, rows)
    skills = [skill for exercise in exercises for skill in exercise.skills]
    return Profile(path, budget.parameters or 0, skills, [_portrait(cell, own, seed) for cell, own in trained.items()])


def _distinct(cells: Sequence[Cell]) -> list[Cell]:
    found: dict[str, Cell] = {}
    for cell in cells:
        found.setdefault(identity(cell), cell)
    return list(found.values())


def _rows(cell: Cell, trained: Trained) -> list[dict[str, object]]:
    """A line a skill, for the table."""
    return [
        {
            "cell": cell.name,
            "skill": skill.name,
            "figure": (figure := _figure(skill, each.best(records))),
            "level": None if figure is None else skill.level(figure),
        }
        for each, records in trained
        for skill in each.exercise.skills
    ]


def _portrait(cell: Cell, trained: Trained, seed: int) -> Portrait:
    best = {each.exercise.task: each.best(records) for each, records in trained}
    sizes = {task: record.hidden_size for task, record in best.items() if record and record.hidden_size}
    fresh = probe(cell, hidden_size=max(sizes.values(), default=24), steps=100, seed=seed)
    gates = [
        gate_saturation(each.model(record), each.named.task, seed)
        for each, _ in trained
        if (record := best[each.exercise.task])
    ]
    return Portrait(
        cell=cell,
        hidden_sizes=sizes,
        figures={s.name: _figure(s, best[each.exercise.task]) for each, _ in trained for s in each.exercise.skills},
        gradients=gradient_by_lag(fresh).tolist(),
        gates=_mean(gates),
        failures={each.exercise.task: r[-1].reason for each, r in trained if r and best[each.exercise.task] is None},
    )


def _figure(skill: Skill, trained: Record | None) -> float | None:
    if trained is None:
        return None
    return trained.details.get(skill.detail) if skill.detail else trained.test


def _mean(gates: Sequence[Mapping[str, Saturation]]) -> dict[str, Saturation]:
    names = gates[0] if gates else {}
    return {
        name: Saturation(fmean(each[name].shut for each in gates), fmean(each[name].open for each in gates))
        for name in names
    }
