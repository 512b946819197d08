"""One search from start to verdict: baselines, candidates, finals. Called again with the same study, it continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Final

from cellsearch import plugins
from cellsearch.cell import Cell, identity
from cellsearch.errors import BudgetError
from cellsearch.study.callback import Callback
from cellsearch.study.comparing.confirm import confirm
from cellsearch.study.finals import Finalist, Finals, best_candidates, final_stage
from cellsearch.study.forms import BASELINES, forms
from cellsearch.study.ledger import Ledger
from cellsearch.study.loop import Begun, Loop
from cellsearch.study.progress import Observer, Watch
from cellsearch.study.record import SEARCH, Proposal, Record, alive
from cellsearch.study.schedule.halving import waiting
from cellsearch.study.searching.arrangement import Arrangement, arrangement
from cellsearch.study.strategies import new_proposal
from cellsearch.study.study import Study, load_study
from cellsearch.training import (
    Budget,
    Evaluation,
    Task,
)
from cellsearch.workers import AUTO, Resources, open_pool

__all__ = ["search"]

MOST_PAUSED: Final = 64
"""Paused candidates whose checkpoints are kept, each about three times as large as the model."""


def search(
    task: str | Task | Sequence[str | Task] = "chars",
    *,
    study: str | Path = "runs/search",
    space: str = "gated",
    seeds: str | Cell | Sequence[str | Cell] | None = None,
    strategy: str = "evolution",
    until: str = "40 candidates",
    seed: int = 0,
    options: Mapping[str, object] | None = None,
    hyperparameters: Mapping[str, object] | None = None,
    budget: Budget = Budget(),
    resources: Resources = Resources(),
    rungs: Sequence[int] | None = None,
    final_steps: int | None = None,
    finalists: int = 3,
    trials: int = 4,
    fresh_seeds: int = 5,
    confirm_on: str | Task | Sequence[str | Task] = (),
    deterministic: bool = False,
    observe: Observer | None = None,
    callbacks: Sequence[Callback] = (),
    storage: str = "",
) -> Study:
    """Search for a cell and return the study, which is the folder `study`.

    `task` and `space` are names or references such as `my_file.py:TASK`, the first also a task itself; `options` sets
    the task's, which may stand with it too, as `digits@permuted=1`. On several tasks each candidate is trained on one
    after the other, and counts by the mean of its losses (see `training.joint`). `seeds` are cells or references
    (`find_cell`), by default all of the space. Candidates are tried `until` there are so many ("200 candidates"), some
    time is over ("30 minutes") or none has been better for long ("no better in 80"); cells that `will_fail` are not
    among them. With several workers a search depends on which of them ends first, unless it is `deterministic`, where
    workers wait for each other. `budget` is that of every training, `resources` is where they run. `hyperparameters`
    maps names such as `optimizer`, `clip` or `dropout` to a value, or to a range (low, high) to search beside the
    learning rate's.

    Candidates stop at `rungs`, in steps, and the best third of those at a rung goes on; by default after a ninth and a
    third of the training, or early in the first of several tasks and after each. Without any (`()`) all are trained to
    the end, as the baselines always are.

    Finals train for `final_steps`, by default as long as the search, or longer where the task says that training
    settles later. The best candidates take part beside the usual forms of LSTM and GRU, and seeds that no registered
    space has; there are more candidates than `finalists` where they are cut by halving on the way. Each cell's own
    learning rate is found by bracketing, `trials` tries are made for other hyperparameters that have a range, and the
    best of that is trained with `fresh_seeds` seeds. With 0 finalists there is no final. `observe` gets the progress
    twice a second; `callbacks` hear of each report and of each trial's end. `storage` is the address of a database
    that a new study has its trials in, as `postgresql://USER@HOST/DATABASE`, by default an SQLite file in its folder.

    Raises UnknownNameError, DataError, BudgetError and StudyError before anything is trained.
    """
    arranged = arrangement(
        task,
        space=space,
        seeds=seeds,
        strategy=strategy,
        until=until,
        seed=seed,
        options=options,
        hyperparameters=hyperparameters,
        budget=budget,
        resources=resources,
        rungs=rungs,
        final_steps=final_steps,
        finalists=finalists,
        trials=trials,
        fresh_seeds=fresh_seeds,
        confirm_on=confirm_on,
    )
    if deterministic and resources.workers == AUTO and resources.address:
        raise BudgetError("a deterministic search on a cluster needs a number of workers; give one in place of 'auto'")
    conditions = arranged.conditions
    with ExitStack() as stack:
        ranges, final_ranges = conditions.tuning.ranges, conditions.tuning.final_ranges
        ledger = stack.enter_context(Ledger(Path(study), arranged.settings, ranges, final_ranges, storage))
        pool = stack.enter_context(open_pool(resources, conditions.sources))
        run = _Run(ledger, arranged, observe)
        loop = run.loop = Loop(
            pool, ledger, run.evaluation, run.notice, deterministic, run.another, callbacks=callbacks
        )
        run.search(loop, pool.size)
        if arranged.finalists:
            run.finals(loop)
    found = load_study(study)
    if arranged.confirming:
        confirm(found, arranged.confirming, arranged.fresh_seeds, resources, observe)
    return found


class _Run:
    """One process' work on a study."""

    def __init__(self, ledger: Ledger, arranged: Arrangement, observe: Observer | None) -> None:
        self.ledger, self.arranged, self.observe = ledger, arranged, observe
        self.task, self.conditions, self.halving = arranged.task, arranged.conditions, arranged.halving
        self.watch = Watch(SEARCH, lambda: 0, list, self.task, observe)
        self.loop: Loop | None = None
        self.origins: dict[int, str] = {}
        self.refused: set[str] = set()
        self.exhausted = False

    def evaluation(self, stage: str, record: Record) -> Evaluation:
        """What a worker trains for a trial."""
        checkpoint, origin = self.ledger.checkpoint(record), self._origin(record)
        evaluation = self.conditions.evaluation(record, checkpoint=checkpoint, origin=origin)
        if stage != SEARCH:
            return evaluation
        new = record.role == "candidate" and not record.checkpoint
        return replace(evaluation, pause=self.halving.pause(record), screened=new)

    def another(self, record: Record) -> Record | None:
        """A trial with another cell, where its own was refused; None where its place stays empty."""
        self.refused.add(record.family)
        others = [each for each in alive(self.ledger.records(SEARCH)) if each.number != record.number]
        proposal = self._proposal(others, record.place, record.attempt + 1, record.cell.name)
        return self.ledger.replace(SEARCH, record.number, proposal) if proposal else None

    def _origin(self, record: Record) -> str:
        """The name of the seed that a candidate descends from, "" of what is none."""
        if record.role != "candidate" or not record.parents:
            return ""
        parent = record.parents[0]
        if parent not in self.origins:
            first = self.ledger.record(SEARCH, parent)
            self.origins[parent] = self._origin(first) or first.cell.name
        return self.origins[parent]

    def search(self, loop: Loop, workers: int) -> None:
        """Train the baselines, then candidates until the end is reached or the space is exhausted."""
        baselines, end = self.arranged.baselines, self.arranged.end
        known = {record.identity for record in alive(self.ledger.records(SEARCH))}
        for cell in baselines:
            if identity(cell) not in known:
                self.ledger.queue(
                    SEARCH, Proposal(cell), "baseline", self.conditions.seed, self.conditions.tuning.first
                )
        # What earlier runs of the same search took, as far as the trials tell.
        before = sum(record.seconds or 0.0 for record in self.ledger.records(SEARCH)) / workers
        began = monotonic()
        self.watch = Watch(
            SEARCH,
            lambda: end.expected(alive(self.ledger.records(SEARCH))) + len(baselines),
            lambda: alive(self.ledger.records(SEARCH)),
            self.task,
            self.observe,
            first=sum(r.role == "baseline" and r.state == "waiting" for r in self.ledger.records(SEARCH)),
        )

        def next_trial() -> Begun | None:
            if (number := self.ledger.brought_back()) is not None:
                return SEARCH, self.ledger.resume(number)
            if self.ledger.waiting(SEARCH):
                return SEARCH, self.ledger.begin(SEARCH)
            records = alive(self.ledger.records(SEARCH))
            if promoted := self.halving.promoted(records, self.task.lower_is_better):
                return SEARCH, self.ledger.resume(promoted.number)
            is_over = end.is_over(records, before + monotonic() - began, self.task.lower_is_better)
            name = f"cell_{len(self.ledger.records(SEARCH))}"
            proposal = None if is_over or self.exhausted else self._proposal(records, len(records), 0, name)
            if proposal is None:
                return self._for_the_finals(records)
            with self.ledger.together():
                self._let_go(records, MOST_PAUSED)
                self.ledger.queue(SEARCH, proposal, "candidate", self.conditions.seed)
                return SEARCH, self.ledger.begin(SEARCH)

        loop.run(next_trial)
        self._let_go(alive(self.ledger.records(SEARCH)), 0)

    def _for_the_finals(self, records: Sequence[Record]) -> Begun | None:
        """At the end of the search the best paused candidate, where fewer have come to their end than are judged."""
        going = sum(r.role == "candidate" and r.state in ("complete", "running") for r in records)
        paused = waiting(records, self.task.lower_is_better)
        return (
            (SEARCH, self.ledger.resume(paused[0].number))
            if paused and going < max(1, self.arranged.entrants)
            else None
        )

    def _let_go(self, records: Sequence[Record], most: int) -> None:
        """Give up the worst of the paused candidates, so that no more than so many checkpoints are kept."""
        for record in waiting(records, self.task.lower_is_better)[most:]:
            self.ledger.prune(SEARCH, record.number)

    def finals(self, loop: Loop) -> None:
        """Tune and train the best candidates, the user's own seeds, and LSTM and GRU in their usual forms."""
        own = _own(self.arranged.seeds)
        records, conditions = self.ledger.records(SEARCH), self.conditions
        scored = [r.cell for r in records if r.role == "baseline" and r.score is not None]
        baselines = [cell for cell in scored if cell.name in BASELINES]
        entrants = [
            Finalist(final_stage(form), form, cell.name, baseline=cell.name)
            for cell in baselines
            for form in forms(cell)
        ]
        known = {entrant.stage for entrant in entrants}
        entrants += [
            Finalist(final_stage(cell), cell, cell.name, baseline=cell.name)
            for cell in scored
            if cell in own and final_stage(cell) not in known
        ]
        stages = {entrant.stage for entrant in entrants}
        best = [
            r.cell for r in best_candidates(records, self.task.lower_is_better) if final_stage(r.cell) not in stages
        ]
        entrants += [Finalist(final_stage(cell), cell, cell.name, cut=True) for cell in best[: self.arranged.entrants]]
        finals = Finals(
            ledger=self.ledger,
            finalists=entrants,
            steps=self.arranged.final_rungs,
            kept=self.arranged.finalists,
            grid=conditions.grid,
            first=conditions.first_beside_rate,
            trials=conditions.trials,
            fresh_seeds=self.arranged.fresh_seeds,
            seed=conditions.seed,
            lower_is_better=self.task.lower_is_better,
        )
        self.watch = Watch("finals", lambda: finals.total, finals.records, self.task, self.observe)
        loop.run(finals.next_trial)

    def notice(self, running: int) -> None:
        """Tell the observer how far the stage is."""
        found = self.ledger.records(SEARCH)
        best = best_candidates(found, self.task.lower_is_better)
        baselines = {r.cell.name: r.score for r in found if r.role == "baseline" and r.score is not None}
        loop = self.loop
        cluster, lost = (loop.pool.cluster, loop.lost) if loop else (None, 0)
        self.watch.tell(running, best[0] if best else None, baselines, cluster, lost)

    def _proposal(self, records: Sequence[Record], place: int, first: int, name: str) -> Proposal | None:
        """A cell of a new family for a place, from that attempt on; None if there seems none."""
        known = {record.family for record in self.ledger.records(SEARCH)} | self.refused
        where = f"{self.conditions.seed} {place}"
        lower_is_better = self.task.lower_is_better
        proposal = new_proposal(self.arranged.strategy, records, lower_is_better, known, where, first)
        if proposal is None:
            self.exhausted = True
            return None
        return replace(proposal, cell=proposal.cell.renamed(name))


def _own(seeds: Sequence[Cell]) -> list[Cell]:
    """The seeds that no registered space has: the user's own, which a verdict has to speak of."""
    published = {identity(cell) for cell in plugins.seeds().values()}
    return [cell for cell in seeds if identity(cell) not in published]
