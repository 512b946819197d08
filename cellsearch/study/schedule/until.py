"""When a search has tried enough: after so many candidates, after some time, or when nothing better comes any more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cellsearch.errors import BudgetError
from cellsearch.study.record import Record, standing

__all__ = ["Until", "until"]

SECONDS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}

FORMS: Final = "write '200 candidates', '30 minutes' or 'no better in 80'"


@dataclass(frozen=True)
class Until:
    """What ends a search, one of three: a number of candidates, of seconds, or of candidates of which none is better.

    Candidates count as they begin.
    """

    candidates: int | None = None
    seconds: float | None = None
    no_better_in: int | None = None

    def is_over(self, records: Sequence[Record], seconds: float, lower_is_better: bool) -> bool:
        """Whether no further candidate is begun, `seconds` after the search began."""
        tried = [record for record in records if record.role == "candidate"]
        if self.candidates is not None:
            return len(tried) >= self.candidates
        if self.seconds is not None:
            return seconds >= self.seconds
        assert self.no_better_in is not None
        best = min((r for r in tried if r.scores), key=lambda record: standing(record, lower_is_better), default=None)
        return sum(best is None or record.number > best.number for record in tried) >= self.no_better_in

    def expected(self, records: Sequence[Record]) -> int:
        """How many candidates there will be, as far as that can be told: for the progress alone."""
        tried = sum(record.role == "candidate" for record in records)
        return tried if self.candidates is None else max(tried, self.candidates)


def until(text: str) -> Until:
    """What is written. Raises BudgetError if it is not understood."""
    words = " ".join(str(text).lower().split())
    if found := re.fullmatch(r"(\d+) candidates?", words):
        return Until(candidates=int(found[1]))
    if found := re.fullmatch(r"(\d+(?:\.\d+)?) (second|minute|hour|day)s?", words):
        return Until(seconds=float(found[1]) * SECONDS[found[2]])
    if (found := re.fullmatch(r"no better in (\d+)(?: candidates?)?", words)) and int(found[1]):
        return Until(no_better_in=int(found[1]))
    raise BudgetError(f"{str(text)!r} does not say until when to search; {FORMS}")
