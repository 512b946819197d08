"""Compare cells from start to end, on one task or on several. Called again with the same study, it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack, overload

from cellsearch import files, plugins
from cellsearch.cell import Cell
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.contest import Contest, entrants_text, run_all, settled, taking_part
from cellsearch.study.comparing.several_tasks import SeveralTasks, check_folder, load_comparison
from cellsearch.study.conditions import conditions_on
from cellsearch.study.progress import Observer
from cellsearch.study.references import find_cells
from cellsearch.training import (
    Budget,
    NamedTask,
    Task,
    check_counts,
    expect_budget,
    named_task,
    named_tasks,
    prepare_task,
)
from cellsearch.workers import Resources, expect_resources

__all__ = ["compare"]


Cells = str | Cell | Sequence[str | Cell]
"""A cell or several, or their references."""


class _Settings(TypedDict, total=False):
    """The keyword arguments of `compare`, for both of its kinds of result."""

    study: str | Path
    space: str
    seed: int
    options: Mapping[str, object] | None
    hyperparameters: Mapping[str, object] | None
    budget: Budget
    resources: Resources
    trials: int
    fresh_seeds: int
    observe: Observer | None


@overload
def compare(cells: Cells, task: str | Task = ..., **settings: Unpack[_Settings]) -> Comparison: ...


@overload
def compare(
    cells: Cells, task: list[str | Task] | tuple[str | Task, ...], **settings: Unpack[_Settings]
) -> SeveralTasks: ...


def compare(
    cells: Cells,
    task: str | Task | list[str | Task] | tuple[str | Task, ...] = "chars",
    *,
    study: str | Path = "runs/comparison",
    space: str = "",
    seed: int = 0,
    options: Mapping[str, object] | None = None,
    hyperparameters: Mapping[str, object] | None = None,
    budget: Budget = Budget(),
    resources: Resources = Resources(),
    trials: int = 4,
    fresh_seeds: int = 10,
    observe: Observer | None = None,
) -> Comparison | SeveralTasks:
    """Compare cells on a task with equal parameters, steps and tuning; differences are to the first, on test data.

    `cells` are cells or references (`find_cell`); one may be named twice. An LSTM or GRU stands for the best of its
    usual forms, unless another of them is compared too. Every cell's own learning rate is found by the same rule, then
    `trials` tries are made for all other hyperparameters that the task has ranges for (`hyperparameters` as in `search`
    fixes some or sets their ranges), and the best of that is trained with `fresh_seeds` seeds. Steps are by default
    those from which on training has settled. Test data is read after the fresh trainings and nowhere else. The folder
    `study` holds the trials, and continues a comparison that was stopped; more `fresh_seeds` may be asked for later.
    `space` is that of cells with operations of their own. All other arguments are as in `search`.

    A task may bring options of its own, as `digits@permuted=1,batch=20`. A list of tasks gives one comparison each, in
    folders of `study`, and what they say together; `options` then go to each task that has them, and a budget's numbers
    to all, where given. More tasks may be named later.

    Raises UnknownNameError, DataError, BudgetError and StudyError before anything is trained.
    """
    files.end_load()
    expect_budget(budget)
    expect_resources(resources)
    several = isinstance(task, list | tuple)
    named = named_tasks(task, options or {}) if isinstance(task, list | tuple) else [named_task(task, options or {})]
    for each in named:
        prepare_task(each.reference, each.task)
    if space:
        plugins.load_operations(space)
    entrants = taking_part(find_cells(cells))
    (fresh_seeds,) = check_counts(2, fresh_seeds=fresh_seeds)
    path = Path(study)

    def contest(named: NamedTask) -> Contest:
        conditions = conditions_on(
            named,
            space=space,
            seed=seed,
            budget=settled(budget, named.task),
            hyperparameters=hyperparameters or {},
            trials=trials,
        )
        place, stage = (path / named.folder, f"comparison on {named.text}") if several else (path, "comparison")
        return Contest(place, named, conditions, entrants, fresh_seeds, stage)

    contests = [contest(each) for each in named]
    for one in contests:
        one.check()
    check_folder(path, several, entrants_text(entrants))
    run_all(contests, resources, observe)
    return load_comparison(path)
