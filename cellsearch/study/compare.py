"""One comparison from start to end: every entrant tuned alike, then trained with fresh seeds. Called again, it goes on.

Two entrants that are the same cell are tuned by the same trainings, number for number, so that they get the same
hyperparameters: what is tuned by chance must not look like a difference of cells. With a fresh seed all entrants read
the same data in the same order, but each draws its own model, so that even two of the same cell differ as by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from cellsearch import plugins
from cellsearch.cell import Cell, identity, to_json
from cellsearch.cell.node import free_name
from cellsearch.errors import UnknownNameError
from cellsearch.study.comparison import Comparison, entrant_place, entrant_stage, load_comparison
from cellsearch.study.conditions import Conditions
from cellsearch.study.finals import FRESH, Finalist, Finals
from cellsearch.study.forms import forms
from cellsearch.study.ledger import Ledger
from cellsearch.study.loop import Loop
from cellsearch.study.progress import Observer, Watch
from cellsearch.study.record import Record, alive
from cellsearch.study.references import find_cells
from cellsearch.training import Budget, Evaluation, check_counts, load_task, settled_steps, tuning
from cellsearch.workers import Resources, open_pool

__all__ = ["compare"]

APART: Final = 1_000_000_000
"""From one entrant's seeds of its models to the next one's."""


def compare(
    cells: Sequence[str | Cell],
    task: str = "chars",
    *,
    study: str | Path = "runs/comparison",
    space: str = "",
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    hyperparameters: Mapping[str, object] | None = None,
    budget: Budget = Budget(),
    resources: Resources = Resources(),
    trials: int = 4,
    fresh_seeds: int = 10,
    observe: Observer | None = None,
) -> Comparison:
    """Compare cells on a task with equal parameters, steps and tuning; differences are to the first, on test data.

    `cells` are cells or references (`find_cell`); one may be named twice. An LSTM or GRU stands for the best of its
    usual forms, unless another of them is compared too. Every cell's own learning rate is found by the same rule, then
    `trials` tries are made for all other hyperparameters that the task has ranges for (`hyperparameters` as in `search`
    fixes some or sets their ranges), and the best of that is trained with `fresh_seeds` seeds. Steps are by default
    those from which on training has settled. Test data is read after the fresh trainings and nowhere else. The folder
    `study` holds the trials, and continues a comparison that was stopped; more `fresh_seeds` may be asked for later.
    `space` is that of cells with operations of their own. All other arguments are as in `search`.

    Raises UnknownNameError, DataError, BudgetError and StudyError before anything is trained.
    """
    the_task = load_task(task, options or {})
    the_task.prepare()
    if space:
        plugins.load(plugins.SPACES, space)
    steps = settled_steps(the_task) if budget.steps is None else budget.steps
    conditions = Conditions(
        task=task,
        options=dict(options or {}),
        space=space,
        seed=seed,
        budget=replace(budget.of(the_task), steps=steps),
        final_steps=steps,
        trials=trials,
        tuning=tuning(the_task, options or {}, hyperparameters or {}),
    )
    entrants = _named(find_cells(cells))
    check_counts(2, fresh_seeds=fresh_seeds)
    taking_part = [_forms(cell, entrants) for cell in entrants]
    conditions.check(the_task, [form for each in taking_part for form in each])
    settings = {**conditions.settings(), "entrants": [[to_json(form) for form in each] for each in taking_part]}
    with ExitStack() as stack:
        ranges = conditions.tuning.final_ranges
        ledger = stack.enter_context(Ledger(Path(study), settings, the_task.lower_is_better, ranges))
        pool = stack.enter_context(open_pool(resources))
        finals = Finals(
            ledger=ledger,
            finalists=[
                Finalist(entrant_stage(place, number), form, str(place))
                for place, each in enumerate(taking_part)
                for number, form in enumerate(each)
            ],
            steps=(steps,),
            kept=0,
            grid=conditions.grid,
            first={name: value for name, value in conditions.tuning.first.items() if name != "learning_rate"},
            trials=trials,
            fresh_seeds=fresh_seeds,
            seed=seed,
            lower_is_better=the_task.lower_is_better,
        )
        watch = Watch("comparison", lambda: finals.total, finals.records, the_task, observe)
        loop = Loop(
            pool,
            ledger,
            lambda stage, record: _evaluation(conditions, entrant_place(stage), record),
            lambda running: watch.tell(running, None, _best(finals, entrants)),
        )
        loop.run(finals.next_trial)
    return load_comparison(study)


def _named(cells: Sequence[Cell]) -> list[Cell]:
    """The cells under names of their own: the second `lstm` is `lstm_2`. Raises UnknownNameError of fewer than two."""
    if len(cells) < 2:
        raise UnknownNameError(f"a comparison needs at least two cells, got {len(cells)}; name them, as lstm gru")
    named: dict[str, Cell] = {}
    for cell in cells:
        name = free_name(cell.name, named)
        named[name] = cell.renamed(name)
    return list(named.values())


def _forms(cell: Cell, entrants: Sequence[Cell]) -> list[Cell]:
    """The forms that an entrant stands for; it alone if one of its other forms is an entrant itself."""
    found = forms(cell)
    others = {identity(form) for form in found[1:]}
    return [cell] if others & {identity(each) for each in entrants} else found


def _evaluation(conditions: Conditions, place: int, record: Record) -> Evaluation:
    return conditions.evaluation(record, record.seed + APART * place if record.role == FRESH else None)


def _best(finals: Finals, entrants: Sequence[Cell]) -> dict[str, float]:
    """Each entrant's best score on validation so far, whichever of its forms has it."""
    found: dict[str, list[float]] = {}
    for finalist in finals.finalists:
        scores = [r.score for r in alive(finals.ledger.records(finalist.stage)) if r.score is not None]
        if scores:
            found.setdefault(entrants[int(finalist.family)].name, []).extend(scores)
    return {name: min(each) if finals.lower_is_better else max(each) for name, each in found.items()}
