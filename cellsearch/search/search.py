"""One search from start to verdict: baselines, candidates, finals. Called again with the same study, it continues."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

from cellsearch import plugins
from cellsearch.cell import Cell, SearchSpace, identity, to_json
from cellsearch.errors import BudgetError, CellError, UnknownNameError
from cellsearch.search.finals import BASELINES, FRESH, Finals, best_candidates
from cellsearch.search.ledger import Ledger
from cellsearch.search.loop import Begun, Loop
from cellsearch.search.record import SEARCH, Proposal, Record
from cellsearch.search.strategy import Strategy, make_strategy
from cellsearch.search.study import Study, load_study
from cellsearch.training import Evaluation, Task, hidden_size_for, load_task
from cellsearch.workers import open_pool

__all__ = ["Progress", "search"]

RATES: Final = 5.0
"""A search tries learning rates from the task's own divided by this to the task's own times this."""

PROPOSALS: Final = 100
"""Proposals of known cells in a row after which a space counts as exhausted."""


@dataclass(frozen=True)
class Progress:
    """How far a search is. `stage` is "search" or "finals"; `best` and `baselines` are of the search's trials.

    `seconds_left` is an estimate for the stage from the trials that ended since this process began, None before the
    first.
    """

    stage: str
    total: int
    complete: int
    running: int
    pruned: int
    failed: int
    best: Record | None
    baselines: Mapping[str, float]
    metric: str
    lower_is_better: bool
    seconds_left: float | None


def search(
    task: str = "chars",
    *,
    study: str | Path = "runs/search",
    space: str = "gated",
    seeds: Sequence[str | Cell] | None = None,
    strategy: str = "evolution",
    candidates: int = 40,
    seed: int = 0,
    parameters: int | None = None,
    steps: int | None = None,
    options: Mapping[str, str] | None = None,
    executor: str = "local",
    workers: int = 2,
    timeout: float = 600.0,
    address: str | None = None,
    cpus: float = 1.0,
    gpus: float = 0.0,
    finalists: int = 3,
    learning_rates: int = 3,
    fresh_seeds: int = 3,
    observe: Callable[[Progress], None] | None = None,
) -> Study:
    """Search for a cell and return the study, which is the folder `study`.

    `task` and `space` are names or references such as `my_file.py:TASK`; `options` sets the task's. `seeds` are names
    of seed cells or cells, by default all of the space. `candidates` counts the trials beside the baselines.
    `parameters` (learned numbers of the whole model) and `steps` (of the optimizer) are the budget of every training,
    by default the task's. `timeout` is in seconds a training. `executor` is `local` (processes) or `ray`, which joins
    the cluster at `address` or starts one here, with `cpus` and a fraction `gpus` of a GPU for each training.

    The best `finalists` candidates are tuned again beside LSTM and GRU with `learning_rates` rates each and trained
    with `fresh_seeds` seeds; with 0 finalists there is no final. `observe` gets the progress twice a second.

    Raises UnknownNameError, DataError, BudgetError and StudyError before anything is trained.
    """
    the_task = load_task(task, options or {})
    the_task.prepare()
    the_space = plugins.load(plugins.SPACES, space)
    if not isinstance(the_space, SearchSpace):
        raise UnknownNameError(f"{space!r} is no search space but a {type(the_space).__name__}; name a SearchSpace")
    settings = _Settings(
        task=task,
        options=dict(options or {}),
        space=space,
        strategy=strategy,
        seed=seed,
        parameters=the_task.parameters if parameters is None else parameters,
        steps=the_task.steps if steps is None else steps,
        learning_rates=learning_rates,
    )
    seed_cells = _seed_cells(the_space, seeds)
    baselines = _baselines(seed_cells)
    chosen = make_strategy(strategy, seed_cells, the_space)
    _check_counts(0, candidates=candidates, finalists=finalists)
    _check_counts(1, workers=workers, learning_rates=learning_rates, fresh_seeds=fresh_seeds, steps=settings.steps)
    for cell in baselines:
        hidden_size_for(the_task, cell, settings.parameters)
    rates = (the_task.learning_rate / RATES, the_task.learning_rate * RATES)
    written = {**settings.__dict__, "seeds": [to_json(cell) for cell in seed_cells]}
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(Path(study), written, the_task.lower_is_better, rates))
        pool = stack.enter_context(open_pool(executor, workers, timeout, address, cpus, gpus))
        run = _Run(ledger, the_task, settings, observe or (lambda progress: None))
        loop = Loop(pool, ledger, run.evaluation, run.notice)
        run.search(loop, baselines, chosen, candidates)
        if finalists:
            run.finals(loop, finalists, fresh_seeds)
    return load_study(study)


@dataclass(frozen=True)
class _Settings:
    """What must stay the same while a study goes on."""

    task: str
    options: dict[str, str]
    space: str
    strategy: str
    seed: int
    parameters: int
    steps: int
    learning_rates: int


class _Run:
    """One process' work on a study."""

    def __init__(self, ledger: Ledger, task: Task, settings: _Settings, observe: Callable[[Progress], None]) -> None:
        self.ledger = ledger
        self.task = task
        self.settings = settings
        self.observe = observe
        self.begin("search", 0, list)

    def begin(self, stage: str, total: int, records: Callable[[], list[Record]]) -> None:
        """Start to count a stage's trials."""
        self.stage, self.total, self.records = stage, total, records
        self.began, self.ended_before = monotonic(), _ended(records())

    def evaluation(self, record: Record) -> Evaluation:
        """What a worker trains for a trial."""
        assert record.learning_rate is not None
        return Evaluation(
            task=self.settings.task,
            cell=to_json(record.cell),
            parameters=self.settings.parameters,
            steps=self.settings.steps,
            learning_rate=record.learning_rate,
            seed=record.seed,
            options=self.settings.options,
            final=record.role == FRESH,
            space=self.settings.space,
        )

    def search(self, loop: Loop, baselines: Sequence[Cell], strategy: Strategy, candidates: int) -> None:
        """Train the baselines, then candidates until there are enough or the space is exhausted."""
        known = {record.identity for record in _alive(self.ledger.records(SEARCH))}
        for cell in baselines:
            if identity(cell) not in known:
                self.ledger.queue(SEARCH, Proposal(cell), "baseline", self.settings.seed, self.task.learning_rate)
        self.begin("search", candidates + len(baselines), lambda: _alive(self.ledger.records(SEARCH)))

        def next_trial() -> Begun | None:
            if not self.ledger.waiting(SEARCH):
                records = _alive(self.ledger.records(SEARCH))
                if sum(record.role == "candidate" for record in records) >= candidates:
                    return None
                proposal = self._new_cell(strategy, records)
                if proposal is None:
                    return None
                self.ledger.queue(SEARCH, proposal, "candidate", self.settings.seed)
            return SEARCH, self.ledger.begin(SEARCH)

        loop.run(next_trial)

    def finals(self, loop: Loop, finalists: int, fresh_seeds: int) -> None:
        """Tune and train the best candidates and the baselines that every table holds."""
        records = self.ledger.records(SEARCH)
        cells = [r.cell for r in records if r.role == "baseline" and r.cell.name in BASELINES]
        cells += [r.cell for r in best_candidates(records, self.task.lower_is_better)[:finalists]]
        finals = Finals(
            self.ledger,
            cells,
            _spread(self.task.learning_rate, self.settings.learning_rates),
            fresh_seeds,
            self.settings.seed,
            self.task.lower_is_better,
        )
        self.begin("finals", finals.total, finals.records)
        loop.run(finals.next_trial)

    def notice(self, running: int) -> None:
        """Tell the observer how far the stage is."""
        records, found = self.records(), self.ledger.records(SEARCH)
        best = best_candidates(found, self.task.lower_is_better)
        count = {state: sum(r.state == state for r in records) for state in ("complete", "pruned", "failed")}
        ended = _ended(records) - self.ended_before
        left = self.total - _ended(records)
        self.observe(
            Progress(
                stage=self.stage,
                total=self.total,
                running=running,
                **count,
                best=best[0] if best else None,
                baselines={r.cell.name: r.score for r in found if r.role == "baseline" and r.score is not None},
                metric=self.task.metric,
                lower_is_better=self.task.lower_is_better,
                seconds_left=(monotonic() - self.began) / ended * left if ended else None,
            )
        )

    def _new_cell(self, strategy: Strategy, records: Sequence[Record]) -> Proposal | None:
        """A proposal that no trial had before, named after its number; None if the space seems exhausted."""
        everything = self.ledger.records(SEARCH)
        seen = {record.identity for record in everything}
        for attempt in range(PROPOSALS):
            # The same draws whether the search was interrupted or not.
            random = Random(f"{self.settings.seed} {len(records)} {attempt}")
            try:
                proposal = strategy.propose(records, self.task.lower_is_better, random)
            except CellError:
                continue
            if identity(proposal.cell) not in seen:
                return Proposal(proposal.cell.renamed(f"cell_{len(everything)}"), proposal.parents, proposal.edits)
        return None


def _spread(middle: float, count: int) -> list[float]:
    """Learning rates in equal ratios over the range that a search tries."""
    return [middle * RATES ** ((2 * i + 1) / count - 1) for i in range(count)]


def _alive(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.state != "interrupted"]


def _ended(records: Sequence[Record]) -> int:
    return sum(record.state in ("complete", "pruned", "failed") for record in records)


def _seed_cells(space: SearchSpace, seeds: Sequence[str | Cell] | None) -> list[Cell]:
    if seeds is None:
        return list(space.seeds.values())
    cells = [plugins.seed(each) if isinstance(each, str) else each for each in seeds]
    if not cells:
        raise UnknownNameError(f"no seed cell given; use {', '.join(space.seeds)}")
    for cell in cells:
        if not space.contains(cell):
            raise UnknownNameError(
                f"seed {cell.name!r} lies outside of space {space.name!r}; use {', '.join(space.seeds)}"
            )
    return cells


def _baselines(seeds: Sequence[Cell]) -> list[Cell]:
    """The seeds, and LSTM and GRU, each once."""
    cells = {identity(cell): cell for cell in (*seeds, *(plugins.seed(name) for name in BASELINES))}
    return list(cells.values())


def _check_counts(least: int, **counts: int) -> None:
    for name, count in counts.items():
        if count < least:
            raise BudgetError(f"{name.replace('_', ' ')} must be at least {least}, got {count}")
