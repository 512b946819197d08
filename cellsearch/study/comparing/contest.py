"""A contest: entrants on one task, each tuned alike, then trained with fresh seeds. Run again, it goes on.

Two entrants that are the same cell are tuned by the same trainings, number for number, so that they get the same
hyperparameters: what is tuned by chance must not look like a difference of cells. With a fresh seed all entrants read
the same data in the same order, but each draws its own model, so that even two of the same cell differ as by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cellsearch.cell import Cell, identity, to_json
from cellsearch.cell.node import free_name
from cellsearch.errors import UnknownNameError
from cellsearch.study.comparing.comparison import entrant_place, entrant_stage
from cellsearch.study.conditions import Conditions
from cellsearch.study.finals import FRESH, Finalist, Finals
from cellsearch.study.forms import forms
from cellsearch.study.ledger import Ledger
from cellsearch.study.loop import Loop
from cellsearch.study.progress import Observer, Watch
from cellsearch.study.record import Record, alive
from cellsearch.training import Budget, Evaluation, NamedTask, Task, settled_steps
from cellsearch.workers import Resources, WorkerPool, open_pool

__all__ = ["Contest", "Entrants", "entrants_text", "run_all", "settled", "taking_part"]

APART: Final = 1_000_000_000
"""From one entrant's seeds of its models to the next one's."""

Entrants = Sequence[Sequence[Cell]]
"""Each entrant's cell, and after it the other usual forms that it stands for."""


@dataclass(frozen=True)
class Contest:
    """What is trained into the folder `path`; an observer is told of it as `stage`."""

    path: Path
    named: NamedTask
    conditions: Conditions
    entrants: Entrants
    fresh_seeds: int
    stage: str

    def check(self) -> None:
        """Raises BudgetError if the budget does not hold one of the cells."""
        self.conditions.check(self.named.task, [form for each in self.entrants for form in each])

    def open(self) -> Ledger:
        """The ledger to run it with. Raises StudyError if the folder was begun with others."""
        operations = {node.op for each in self.entrants for form in each for node in form.nodes.values()}
        settings = {**self.conditions.settings(operations), "entrants": entrants_text(self.entrants)}
        return Ledger(self.path, settings, self.conditions.tuning.final_ranges)

    def run(self, ledger: Ledger, pool: WorkerPool, observe: Observer | None) -> None:
        """Train what is not trained yet."""
        finals = self._finals(ledger)
        watch = Watch(self.stage, lambda: finals.total, finals.records, self.named.task, observe)
        loop = Loop(pool, ledger, self._evaluation, lambda running: watch.tell(running, None, self._best(finals)))
        loop.run(finals.next_trial)

    def _finals(self, ledger: Ledger) -> Finals:
        conditions = self.conditions
        return Finals(
            ledger=ledger,
            finalists=[
                Finalist(entrant_stage(place, number), form, str(place))
                for place, each in enumerate(self.entrants)
                for number, form in enumerate(each)
            ],
            steps=(conditions.final_steps,),
            kept=0,
            grid=conditions.grid,
            first=conditions.first_beside_rate,
            trials=conditions.trials,
            fresh_seeds=self.fresh_seeds,
            seed=conditions.seed,
            lower_is_better=self.named.task.lower_is_better,
        )

    def _evaluation(self, stage: str, record: Record) -> Evaluation:
        own = record.seed + APART * entrant_place(stage) if record.role == FRESH else None
        return self.conditions.evaluation(record, own)

    def _best(self, finals: Finals) -> dict[str, float]:
        """Each entrant's best score on validation so far, whichever of its forms has it."""
        found: dict[str, list[float]] = {}
        for finalist in finals.finalists:
            scores = [r.score for r in alive(finals.ledger.records(finalist.stage)) if r.score is not None]
            if scores:
                found.setdefault(self.entrants[int(finalist.family)][0].name, []).extend(scores)
        return {name: min(each) if finals.lower_is_better else max(each) for name, each in found.items()}


def run_all(contests: Sequence[Contest], resources: Resources, observe: Observer | None) -> None:
    """Run contests one after the other with the same workers; all folders are opened before anything is trained."""
    with ExitStack() as stack:
        ledgers = [stack.enter_context(contest.open()) for contest in contests]
        pool = stack.enter_context(
            open_pool(resources, [path for each in contests for path in each.conditions.sources])
        )
        for contest, ledger in zip(contests, ledgers, strict=True):
            contest.run(ledger, pool, observe)


def settled(budget: Budget, task: Task) -> Budget:
    """The budget, with the steps at which training on the task has settled where none are given."""
    return replace(budget, steps=settled_steps(task, task.steps)) if budget.steps is None else budget


def taking_part(cells: Sequence[Cell]) -> Entrants:
    """The entrants of cells, under names of their own. Raises UnknownNameError of fewer than two."""
    entrants = _named(cells)
    return [_forms(cell, entrants) for cell in entrants]


def entrants_text(entrants: Entrants) -> list[list[str]]:
    """The entrants as plain data."""
    return [[to_json(form) for form in each] for each in entrants]


def _named(cells: Sequence[Cell]) -> list[Cell]:
    """The cells under names of their own: the second `lstm` is `lstm_2`."""
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
