"""Confirmation: the finalists that a verdict judged, compared on tasks that their search never saw.

They meet in the folder `confirm` of the study, LSTM and GRU again in all their usual forms. Where a study goes on and
then judges others, these meet in `confirm_2`, and so on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from cellsearch import plugins
from cellsearch.cell import Cell, from_json
from cellsearch.errors import UnknownNameError
from cellsearch.study.comparing.contest import (
    Contest,
    Entrants,
    run_all,
    settled,
    taking_part,
)
from cellsearch.study.comparing.several_tasks import SeveralTasks, begun_with, load_comparison
from cellsearch.study.conditions import Conditions, conditions_on
from cellsearch.study.forms import BASELINES
from cellsearch.study.progress import Observer
from cellsearch.study.study import Study
from cellsearch.study.verdict import Verdict
from cellsearch.training import Budget, NamedTask, Task, named_tasks, parts, prepare_task
from cellsearch.workers import Resources

__all__ = ["Confirming", "confirm", "judged", "load_confirmation", "tasks_to_confirm_on"]

Confirming = Sequence[tuple[NamedTask, Conditions]]
"""Tasks, and under which conditions the finalists are compared on each."""


def tasks_to_confirm_on(
    tasks: str | Task | Sequence[str | Task],
    searched: Task,
    *,
    space: str,
    seed: int,
    budget: Budget,
    hyperparameters: Mapping[str, object],
    trials: int,
    tuned: Sequence[str],
) -> Confirming:
    """The tasks, loaded, prepared and found large enough for LSTM and GRU; `searched` may not be among them.

    Raises UnknownNameError, DataError and BudgetError.
    """
    found = []
    for named in named_tasks(tasks, {}) if tasks else []:
        if named.task in parts(searched):
            raise UnknownNameError(f"task {named.text!r} is that of the search; confirm on tasks that it never saw")
        prepare_task(named.reference, named.task)
        conditions = conditions_on(
            named,
            space=space,
            seed=seed,
            budget=settled(budget, named.task),
            hyperparameters=hyperparameters,
            trials=trials,
            tuned=tuned,
        )
        conditions.check(named.task, [plugins.seed(name) for name in BASELINES])
        found.append((named, conditions))
    return found


def confirm(
    study: Study, confirming: Confirming, fresh_seeds: int, resources: Resources, observe: Observer | None
) -> None:
    """Compare the finalists on the tasks, as far as that is not done yet; nothing where fewer than two have a result.

    Raises BudgetError if a budget does not hold one of them.
    """
    entrants = _entrants(study)
    if not entrants:
        return
    folder = _folder(study.path, entrants)
    contests = [
        Contest(folder / named.folder, named, conditions, entrants, fresh_seeds, f"comparison on {named.text}")
        for named, conditions in confirming
    ]
    for contest in contests:
        contest.check()
    run_all(contests, resources, observe)


def load_confirmation(study: Study) -> SeveralTasks | None:
    """How the finalists of the verdict did on tasks that the search never saw; None where they were not tried."""
    entrants = _entrants(study)
    if not entrants:
        return None
    folder = _folder(study.path, entrants)
    found = load_comparison(folder) if begun_with(folder) else None
    return found if isinstance(found, SeveralTasks) else None


def judged(study: Study) -> list[Verdict]:
    """The finalists with a result, in the order in which they take part."""
    return [verdict for verdict in study.verdicts if verdict.test]


def _entrants(study: Study) -> Entrants:
    finalists = judged(study)
    return taking_part([_cell(verdict) for verdict in finalists]) if len(finalists) > 1 else []


def _cell(verdict: Verdict) -> Cell:
    """The finalist's cell; of LSTM and GRU the seed, for on another task another of its forms may be the best."""
    return plugins.seed(verdict.baseline) if verdict.baseline in BASELINES else verdict.cell


def _folder(study: Path, entrants: Entrants) -> Path:
    """Where these entrants meet: the first folder that no others have. Within a study a name is one cell's."""
    wanted = [each[0].name for each in entrants]
    folders = (study / ("confirm" if number == 1 else f"confirm_{number}") for number in count(1))
    return next(folder for folder in folders if _names(begun_with(folder)) in (None, wanted))


def _names(begun: list[list[str]] | None) -> list[str] | None:
    return None if begun is None else [from_json(each[0]).name for each in begun]
