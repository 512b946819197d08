"""The finals: the best candidates beside LSTM and GRU, each tuned alike and trained again with fresh seeds.

A candidate's score in the search is a maximum over many tries, so it flatters. Here every finalist gets the same
learning rates, spread evenly over those that the search tried, and then the same fresh seeds at its best rate.
Test data is read after these trainings and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cellsearch.cell import Cell, identity
from cellsearch.search.ledger import Ledger
from cellsearch.search.loop import Begun
from cellsearch.search.record import Proposal, Record

__all__ = ["BASELINES", "FRESH", "TUNING", "Finals", "best_candidates", "final_stage"]

BASELINES: Final = ("lstm", "gru")
"""Cells that every search trains and every final table holds beside the best candidates."""

TUNING: Final = "tuning"
FRESH: Final = "fresh"


def final_stage(cell: Cell) -> str:
    """The ledger's stage for a finalist."""
    return f"final-{identity(cell)}"


def best_candidates(records: Sequence[Record], lower_is_better: bool) -> list[Record]:
    """The complete candidates of a search, the best first."""
    complete = [r for r in records if r.role == "candidate" and r.score is not None]
    return sorted(complete, key=lambda r: r.score or 0.0, reverse=not lower_is_better)


@dataclass(frozen=True)
class Finals:
    """Who takes part, and the learning rates and the number of fresh seeds that each gets."""

    ledger: Ledger
    finalists: Sequence[Cell]
    rates: Sequence[float]
    fresh_seeds: int
    seed: int
    lower_is_better: bool

    @property
    def total(self) -> int:
        """Trainings of the whole finals."""
        return len(self.finalists) * (len(self.rates) + self.fresh_seeds)

    def records(self) -> list[Record]:
        """The trials of all finalists that were not interrupted."""
        stages = [final_stage(cell) for cell in self.finalists]
        return [r for stage in stages for r in self.ledger.records(stage) if r.state != "interrupted"]

    def next_trial(self) -> Begun | None:
        """Begin the next training that can begin now; None if all are done or wait for others."""
        for cell in self.finalists:
            stage = final_stage(cell)
            if self.ledger.waiting(stage) or self._queue_next(stage, cell):
                return stage, self.ledger.begin(stage)
        return None

    def _queue_next(self, stage: str, cell: Cell) -> bool:
        records = [r for r in self.ledger.records(stage) if r.state != "interrupted"]
        tuning = [r for r in records if r.role == TUNING]
        fresh = [r for r in records if r.role == FRESH]
        if len(tuning) < len(self.rates):
            self.ledger.queue(stage, Proposal(cell), TUNING, self.seed, self.rates[len(tuning)])
            return True
        scored = [r for r in tuning if r.score is not None]
        if len(fresh) >= self.fresh_seeds or not scored or any(r.state == "running" for r in tuning):
            return False
        best = sorted(scored, key=lambda r: r.score or 0.0, reverse=not self.lower_is_better)[0]
        self.ledger.queue(stage, Proposal(cell), FRESH, _fresh_seed(self.seed, len(fresh)), best.learning_rate)
        return True


def _fresh_seed(seed: int, index: int) -> int:
    """A seed that no training of the search had."""
    return 1_000_000 + 1000 * seed + index
