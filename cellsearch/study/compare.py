"""One comparison from start to end: every entrant tuned alike, then trained with fresh seeds. Called again, it goes on.

Two entrants that are the same cell are tuned by the same trainings, number for number, so that they get the same
hyperparameters: what is tuned by chance must not look like a difference of cells. With a fresh seed all entrants read
the same data in the same order, but each draws its own model, so that even two of the same cell differ as by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Final

from cellsearch import plugins
from cellsearch.cell import Cell, to_json
from cellsearch.errors import UnknownNameError
from cellsearch.study.comparison import Comparison, entrant_stage, load_comparison
from cellsearch.study.finals import FRESH, Finals
from cellsearch.study.ledger import Ledger
from cellsearch.study.loop import Loop
from cellsearch.study.plan import Plan, check_counts
from cellsearch.study.progress import Observer, Watch
from cellsearch.study.record import Record
from cellsearch.training import PATIENCE, REPORTS, Evaluation, load_task, tuning
from cellsearch.workers import open_pool

__all__ = ["compare"]

APART: Final = 1_000_000_000
"""From one entrant's seeds of its models to the next one's."""


def compare(
    cells: Sequence[str | Cell],
    task: str = "chars",
    *,
    folder: str | Path = "runs/comparison",
    parameters: int | None = None,
    steps: int | None = None,
    options: Mapping[str, str] | None = None,
    hyperparameters: Mapping[str, object] | None = None,
    trials: int = 8,
    seeds: int = 10,
    seed: int = 0,
    reports: int = REPORTS,
    patience: float = PATIENCE,
    space: str = "",
    executor: str = "local",
    workers: int = 2,
    timeout: float = 600.0,
    address: str | None = None,
    cpus: float = 1.0,
    gpus: float = 0.0,
    observe: Observer | None = None,
) -> Comparison:
    """Compare cells on a task with equal parameters, steps and tuning; differences are to the first, on test data.

    `cells` are names of seed cells or cells; one may be named twice. Every cell gets `trials` tries for all the
    hyperparameters that the task has ranges for (`hyperparameters` as in `search` fixes some or sets their ranges),
    and is then trained with `seeds` fresh seeds at its best. Test data is read after these trainings and nowhere else.
    `folder` holds the trials, and continues a comparison that was stopped; more `seeds` may be asked for later.
    `space` is that of cells with operations of their own. All other arguments are as in `search`.

    Raises UnknownNameError, DataError, BudgetError and StudyError before anything is trained.
    """
    the_task = load_task(task, options or {})
    the_task.prepare()
    if space:
        plugins.load(plugins.SPACES, space)
    plan = Plan(
        task=task,
        options=dict(options or {}),
        space=space,
        seed=seed,
        parameters=the_task.parameters if parameters is None else parameters,
        steps=the_task.steps if steps is None else steps,
        reports=reports,
        patience=patience,
        trials=trials,
        tuning=tuning(the_task, options or {}, hyperparameters or {}),
    )
    entrants = _named(plugins.cells(cells))
    check_counts(1, workers=workers, seeds=seeds)
    plan.check(the_task, entrants)
    settings = {**plan.settings(), "entrants": [to_json(cell) for cell in entrants]}
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(Path(folder), settings, the_task.lower_is_better, plan.tuning.ranges))
        pool = stack.enter_context(open_pool(executor, workers, timeout, address, cpus, gpus))
        finals = Finals(
            ledger=ledger,
            finalists={entrant_stage(i): cell for i, cell in enumerate(entrants)},
            first=plan.tuning.first,
            trials=trials,
            fresh_seeds=seeds,
            seed=seed,
            lower_is_better=the_task.lower_is_better,
        )
        watch = Watch("comparison", finals.total, finals.records, the_task, observe)
        loop = Loop(
            pool,
            ledger,
            lambda stage, record: _evaluation(plan, list(finals.finalists).index(stage), record),
            lambda running: watch.tell(running, None, _best(finals)),
        )
        loop.run(finals.next_trial)
    return load_comparison(folder)


def _named(cells: Sequence[Cell]) -> list[Cell]:
    """The cells under names of their own: the second `lstm` is `lstm_2`. Raises UnknownNameError of fewer than two."""
    if len(cells) < 2:
        raise UnknownNameError(f"a comparison needs at least two cells, got {len(cells)}; name them, as lstm gru")
    named: dict[str, Cell] = {}
    for cell in cells:
        tried = (cell.name if i == 1 else f"{cell.name}_{i}" for i in count(1))
        name = next(name for name in tried if name not in named)
        named[name] = cell.renamed(name)
    return list(named.values())


def _evaluation(plan: Plan, place: int, record: Record) -> Evaluation:
    return plan.evaluation(record, record.seed + APART * place if record.role == FRESH else None)


def _best(finals: Finals) -> dict[str, float]:
    """Each entrant's best score on validation so far."""
    found: dict[str, list[float]] = {}
    for record in finals.records():
        if record.score is not None:
            found.setdefault(record.cell.name, []).append(record.score)
    return {name: min(each) if finals.lower_is_better else max(each) for name, each in found.items()}
