"""The finals: cells beside each other, each tuned by the same rule and trained again with fresh seeds.

A candidate's score in the search is a maximum over many tries, so it flatters. Here every finalist's learning rate is
found by bracketing (see `statistics.tuning`), on validation; other hyperparameters are then drawn at that rate, and the
best go to the fresh seeds. Forms of one cell (see `forms`) are tuned alike, and the best of them stands for it. Where
more take part than are kept, halving cuts them: all are tuned at each rung of steps, the better half goes on.
Test data is read after the fresh trainings and nowhere else.

All of it is read off the trials on disk, so that finals go on where they were stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cellsearch.cell import Cell, identity
from cellsearch.statistics.tuning import RateGrid, Tuned, next_tries, tuned
from cellsearch.study.ledger import STARTUP, Ledger
from cellsearch.study.loop import Begun
from cellsearch.study.record import FRESH, Proposal, Record, TuningResult, alive, best_first

__all__ = ["FRESH", "RATE", "TUNING", "Finalist", "Finals", "best_candidates", "final_stage", "rungs", "scored_fresh"]

RATE: Final = "rate"
"""The role of a trial that looks for the learning rate."""

TUNING: Final = "tuning"
"""The role of a trial that draws the other hyperparameters."""

USUAL_TRIES: Final = 7
"""Tries that a finalist's learning rate takes, about: for the progress alone."""


def final_stage(cell: Cell) -> str:
    """The ledger's stage for a finalist of a search."""
    return f"final-{identity(cell)}"


def rungs(search_steps: int, final_steps: int) -> tuple[int, ...]:
    """The steps at which finalists are tuned and cut, the full training last: none as short as the search's own."""
    shares = (final_steps // 4, final_steps // 2)
    return (*(steps for steps in shares if steps > search_steps), final_steps)


def best_candidates(records: Sequence[Record], lower_is_better: bool) -> list[Record]:
    """The complete candidates of a search, the best first."""
    return best_first((r for r in records if r.role == "candidate"), lower_is_better)


def scored_fresh(records: Sequence[Record]) -> list[Record]:
    """The trainings with fresh seeds that have a score."""
    return [r for r in records if r.role == FRESH and r.score is not None]


@dataclass(frozen=True)
class Finalist:
    """A cell that takes part, with its stage in the ledger.

    Of those that share a `family` the best tuned one alone gets fresh seeds. `cut` tells whether halving may end it;
    who is not cut is tuned at the last rung alone. `baseline` is the one that it is a form of, if so.
    """

    stage: str
    cell: Cell
    family: str
    cut: bool = False
    baseline: str = ""


@dataclass(frozen=True)
class Finals:
    """Who takes part and what each of them gets.

    `steps` are the rungs, the full training last, after each of which half of those that may be cut goes on, but no
    fewer than `kept`. `grid` has the learning rates, None where the rate is fixed; `first` the values of the other
    hyperparameters that are drawn, of which `trials` tries are made at the best rate.
    """

    ledger: Ledger
    finalists: Sequence[Finalist]
    steps: Sequence[int]
    kept: int
    grid: RateGrid | None
    first: Mapping[str, float]
    trials: int
    fresh_seeds: int
    seed: int
    lower_is_better: bool

    @property
    def total(self) -> int:
        """Trainings of the whole finals, as far as that can be told before they are done."""
        tuning = sum(self._expected(each) for each in self.finalists)
        families = len({each.family for each in self.finalists if not each.cut})
        cut = sum(each.cut for each in self.finalists)
        fresh = sum(r.role == FRESH for r in self.records())
        return tuning + max(fresh, (families + min(self.kept, cut)) * self.fresh_seeds)

    def records(self) -> list[Record]:
        """The trials of all finalists that were not interrupted."""
        return [r for each in self.finalists for r in self._records(each)]

    def next_trial(self) -> Begun | None:
        """Begin the next training that can begin now; None if all are done or wait for others."""
        for finalist in self.finalists:
            if self.ledger.waiting(finalist.stage) or self._queue_next(finalist):
                return finalist.stage, self.ledger.begin(finalist.stage)
        return None

    def _expected(self, finalist: Finalist) -> int:
        """Trainings that tune a finalist: those that there were, and what is usual before it is tuned."""
        begun = sum(r.role != FRESH for r in self._records(finalist))
        usual = (USUAL_TRIES if self.grid else 0) + self._draws
        return begun if self._is_tuned(finalist) else max(begun, usual)

    def _records(self, finalist: Finalist) -> list[Record]:
        return alive(self.ledger.records(finalist.stage))

    def _queue_next(self, finalist: Finalist) -> bool:
        for steps in self.steps if finalist.cut else self.steps[-1:]:
            if not self._goes_on(finalist, steps):
                return False
            if self._queue_rates(finalist, steps):
                return True
            if not self._rates_ended(finalist, steps):
                return False
        return self._queue_tuning(finalist) or self._queue_fresh(finalist)

    def _queue_rates(self, finalist: Finalist, steps: int) -> bool:
        """Queue the tries that the rule wants now, each with its seed."""
        if self.grid is None:
            return False
        before = self._before(steps)
        start = self._tuned(finalist, before[-1]).place if finalist.cut and before else 0
        tries = next_tries(self.grid, self._losses(finalist, steps), start)
        for place, number in tries:
            values = {"learning_rate": self.grid.rate(place), **self.first}
            seed = self.seed if number == 0 else _tuning_seed(self.seed, number)
            self._queue(finalist, RATE, seed, values, steps)
        return bool(tries)

    def _queue_tuning(self, finalist: Finalist) -> bool:
        """Queue a draw of the other hyperparameters, if any is wanted."""
        made = self._drawn(finalist)
        # The sampler's model of what it has seen must not depend on which training happened to end first.
        busy = any(r.state == "running" for r in made)
        if len(made) >= self._draws or (busy and len(made) >= STARTUP) or math.isinf(self._rate_level(finalist)):
            return False
        self._queue(finalist, TUNING, self.seed, self._rate(finalist), self.steps[-1])
        return True

    def _queue_fresh(self, finalist: Finalist) -> bool:
        """Queue a fresh seed for the best form of its family."""
        family = [each for each in self.finalists if each.family == finalist.family]
        if not all(self._is_tuned(each) for each in family) or min(family, key=self._level) is not finalist:
            return False
        made = [r for r in self._records(finalist) if r.role == FRESH]
        if len(made) >= self.fresh_seeds or math.isinf(self._level(finalist)):
            return False
        seed = _fresh_seed(self.seed, len(made))
        self._queue(finalist, FRESH, seed, self._chosen(finalist), self.steps[-1], self._note(finalist))
        return True

    def _queue(
        self,
        finalist: Finalist,
        role: str,
        seed: int,
        values: Mapping[str, float],
        steps: int,
        note: TuningResult | None = None,
    ) -> None:
        proposal = Proposal(finalist.cell)
        self.ledger.queue(finalist.stage, proposal, role, seed, values, steps, note, finalist.baseline)

    @property
    def _draws(self) -> int:
        """Draws of the other hyperparameters; with nothing to tune at all, one training that shows the cell."""
        return self.trials if self.first else 0 if self.grid else 1

    def _drawn(self, finalist: Finalist) -> list[Record]:
        return [r for r in self._records(finalist) if r.role == TUNING]

    def _losses(self, finalist: Finalist, steps: int) -> dict[int, list[float | None]]:
        """What is known of the rates at a rung, by place and in the order of the seeds."""
        assert self.grid is not None
        losses: dict[int, list[float | None]] = {}
        for record in self._records(finalist):
            if record.role == RATE and record.steps == steps:
                place = self.grid.place(record.hyperparameters["learning_rate"])
                losses.setdefault(place, []).append(self._loss(record))
        return losses

    def _loss(self, record: Record) -> float | None:
        """A trial's score as something to make small; None before its end, infinite where it failed."""
        if record.state in ("waiting", "running"):
            return None
        if record.score is None:
            return math.inf
        return record.score if self.lower_is_better else -record.score

    def _tuned(self, finalist: Finalist, steps: int) -> Tuned:
        """What the rule chose at a rung."""
        assert self.grid is not None
        return tuned(self.grid, self._losses(finalist, steps))

    def _rates_ended(self, finalist: Finalist, steps: int) -> bool:
        """Whether rates were tried at a rung and none is under way."""
        if self.grid is None:
            return True
        losses = self._losses(finalist, steps)
        return bool(losses) and all(loss is not None for tries in losses.values() for loss in tries)

    def _rate_level(self, finalist: Finalist) -> float:
        return self._tuned(finalist, self.steps[-1]).loss if self.grid else 0.0

    def _rate(self, finalist: Finalist) -> dict[str, float]:
        """What a draw of the others has fixed: the best rate."""
        return {"learning_rate": self.grid.rate(self._tuned(finalist, self.steps[-1]).place)} if self.grid else {}

    def _before(self, steps: int) -> list[int]:
        """The rungs before a rung."""
        return [rung for rung in self.steps if rung < steps]

    def _goes_on(self, finalist: Finalist, steps: int) -> bool:
        """Whether halving has let the finalist through to a rung; False too while that is not decided."""
        return not finalist.cut or finalist in self._through(steps)

    def _through(self, steps: int) -> list[Finalist]:
        """Who is through to a rung among those that may be cut; nobody before all are tuned at the one before."""
        inside = [each for each in self.finalists if each.cut]
        for rung in self._before(steps):
            if not all(self._is_tuned_at(each, rung) for each in inside):
                return []
            ranked = sorted(inside, key=lambda each, rung=rung: self._tuned(each, rung).loss)  # type: ignore[misc]
            inside = ranked[: max(self.kept, math.ceil(len(ranked) / 2))]
        return inside

    def _is_tuned_at(self, finalist: Finalist, steps: int) -> bool:
        """Whether the rule wants no further rate at a rung and none is under way."""
        if self.grid is None:
            return True
        return self._rates_ended(finalist, steps) and not next_tries(self.grid, self._losses(finalist, steps))

    def _is_tuned(self, finalist: Finalist) -> bool:
        """Whether all hyperparameters are decided at the full training."""
        if not self._is_tuned_at(finalist, self.steps[-1]):
            return False
        made = self._drawn(finalist)
        return math.isinf(self._rate_level(finalist)) or (
            len(made) >= self._draws and all(self._loss(r) is not None for r in made)
        )

    def _level(self, finalist: Finalist) -> float:
        """The loss of the best hyperparameters."""
        best = self._best_drawn(finalist)
        drawn = math.inf if best is None else self._loss(best)
        assert drawn is not None
        return min(drawn, self._rate_level(finalist)) if self.grid else drawn

    def _best_drawn(self, finalist: Finalist) -> Record | None:
        drawn = best_first(self._drawn(finalist), self.lower_is_better)
        return drawn[0] if drawn else None

    def _chosen(self, finalist: Finalist) -> Mapping[str, float]:
        """The best hyperparameters: those of the best draw, or the first ones at the best rate."""
        best = self._best_drawn(finalist)
        if best is not None and self._loss(best) == self._level(finalist):
            return best.hyperparameters
        return {**self._rate(finalist), **self.first}

    def _note(self, finalist: Finalist) -> TuningResult:
        tries = [r for r in self._records(finalist) if r.role in (RATE, TUNING) and r.steps == self.steps[-1]]
        untuned = self._tuned(finalist, self.steps[-1]).untuned if self.grid else "its learning rate was fixed"
        return TuningResult(self._level(finalist), len(tries), untuned)


def _tuning_seed(seed: int, number: int) -> int:
    """The further seeds of tuning, apart from those of the search and the fresh ones."""
    return 2_000_000 + 1000 * seed + number


def _fresh_seed(seed: int, index: int) -> int:
    """A seed that no training of the search had."""
    return 1_000_000 + 1000 * seed + index
