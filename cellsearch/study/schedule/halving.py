"""Successive halving: candidates stop at rungs, and the best of those at a rung go on, from where they stopped.

Asynchronous, as in Li et al. (2020), A system for massively parallel hyperparameter tuning, MLSys (ASHA): whoever is
among the best of those that have come to a rung by now goes on at once, no worker waits for others. All of it is read
off the trials on disk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cellsearch.errors import BudgetError
from cellsearch.study.record import Record, standing

__all__ = ["GOES_ON", "SHARES", "Halving", "halving", "waiting"]

GOES_ON: Final = 3
"""Of so many at a rung one goes on."""

SHARES: Final = (1 / 9, 1 / 3)
"""The default rungs, as shares of the whole training."""


@dataclass(frozen=True)
class Halving:
    """The rungs, in steps, of a training of `steps`; without any every candidate is trained to its end."""

    rungs: Sequence[int]
    steps: int

    def pause(self, record: Record) -> int | None:
        """The step at which a trial stops next; None where it is trained to its end, as baselines are."""
        later = (rung for rung in self.rungs if rung > record.checkpoint)
        return next(later, None) if record.role == "candidate" else None

    def promoted(self, records: Sequence[Record], lower_is_better: bool) -> Record | None:
        """The best candidate that goes on now, of the highest rung that has one; None if there is none.

        Baselines, which never stop, are among those that a rung's candidates have to beat.
        """
        for rung in reversed(self.rungs):
            there = [
                (record.loss(lower_is_better, rung), i) for i, record in enumerate(records) if rung in record.scores
            ]
            paused = [(loss, i) for loss, i in there if records[i].state == "paused" and records[i].reached == rung]
            best = min(paused, default=None)
            if best is not None and sum(each < best for each in there) < len(there) // GOES_ON:
                return records[best[1]]
        return None


def waiting(records: Sequence[Record], lower_is_better: bool) -> list[Record]:
    """The paused candidates: those that stopped latest first, the best of these before others."""
    paused = [record for record in records if record.state == "paused"]
    return sorted(paused, key=lambda record: standing(record, lower_is_better))


def halving(steps: int, rungs: Sequence[int] | None = None) -> Halving:
    """The rungs of a training of so many steps, by default at SHARES of it. Raises BudgetError if they are no such."""
    if rungs is None:
        return Halving(tuple(sorted({math.ceil(steps * share) for share in SHARES} - {steps})), steps)
    if any(not 0 < rung < steps for rung in rungs) or list(rungs) != sorted(set(rungs)):
        given = ", ".join(map(str, rungs))
        raise BudgetError(f"rungs must rise from 1 to less than the {steps} steps of a training, got {given}")
    return Halving(tuple(rungs), steps)
