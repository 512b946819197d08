"""The finals: cells beside each other, each tuned alike and trained again with fresh seeds.

A candidate's score in the search is a maximum over many tries, so it flatters. Here every finalist gets the same number
of tries for its hyperparameters, by the same sampler with the same seed, and then the same fresh seeds at its best.
Test data is read after these trainings and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cellsearch.cell import Cell, identity
from cellsearch.study.ledger import STARTUP, Ledger
from cellsearch.study.loop import Begun
from cellsearch.study.record import Proposal, Record, alive, best_first

__all__ = ["BASELINES", "FRESH", "TUNING", "Finals", "best_candidates", "final_stage", "scored_fresh"]

BASELINES: Final = ("lstm", "gru")
"""Cells that every search trains and every final table holds beside the best candidates."""

TUNING: Final = "tuning"
FRESH: Final = "fresh"


def final_stage(cell: Cell) -> str:
    """The ledger's stage for a finalist of a search."""
    return f"final-{identity(cell)}"


def best_candidates(records: Sequence[Record], lower_is_better: bool) -> list[Record]:
    """The complete candidates of a search, the best first."""
    return best_first((r for r in records if r.role == "candidate"), lower_is_better)


def scored_fresh(records: Sequence[Record]) -> list[Record]:
    """The trainings with fresh seeds that have a score."""
    return [r for r in records if r.role == FRESH and r.score is not None]


@dataclass(frozen=True)
class Finals:
    """Who takes part, by stage, and the tries and the fresh seeds that each gets.

    A try draws its hyperparameters, except for the first, which has those of `first`; with nothing to draw one is
    enough.
    """

    ledger: Ledger
    finalists: Mapping[str, Cell]
    first: Mapping[str, float]
    trials: int
    fresh_seeds: int
    seed: int
    lower_is_better: bool

    @property
    def total(self) -> int:
        """Trainings of the whole finals."""
        return len(self.finalists) * (self._tries + self.fresh_seeds)

    def records(self) -> list[Record]:
        """The trials of all finalists that were not interrupted."""
        return [r for stage in self.finalists for r in alive(self.ledger.records(stage))]

    def next_trial(self) -> Begun | None:
        """Begin the next training that can begin now; None if all are done or wait for others."""
        for stage, cell in self.finalists.items():
            if self.ledger.waiting(stage) or self._queue_next(stage, cell):
                return stage, self.ledger.begin(stage)
        return None

    @property
    def _tries(self) -> int:
        return self.trials if self.first else 1

    def _queue_next(self, stage: str, cell: Cell) -> bool:
        records = alive(self.ledger.records(stage))
        tuning = [r for r in records if r.role == TUNING]
        fresh = [r for r in records if r.role == FRESH]
        busy = any(r.state == "running" for r in tuning)
        if len(tuning) < self._tries:
            # The sampler's model of what it has seen must not depend on which training happened to end first.
            if busy and len(tuning) >= STARTUP:
                return False
            self.ledger.queue(stage, Proposal(cell), TUNING, self.seed, None if tuning else self.first)
            return True
        scored = best_first(tuning, self.lower_is_better)
        if busy or len(fresh) >= self.fresh_seeds or not scored:
            return False
        self.ledger.queue(stage, Proposal(cell), FRESH, _fresh_seed(self.seed, len(fresh)), scored[0].hyperparameters)
        return True


def _fresh_seed(seed: int, index: int) -> int:
    """A seed that no training of the search had."""
    return 1_000_000 + 1000 * seed + index
