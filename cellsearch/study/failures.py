"""Failures: why trainings failed, by kinds, and what to do where none came to its end."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from cellsearch.study.record import Record

__all__ = ["failures_by_kind", "remedy"]

LOWER: Final = "begin another study with a lower rate, as --hyperparameter learning_rate=0.001"

REMEDIES: Final = {
    "timed out": "give them longer with --timeout, and run the same command again",
    " is nan": LOWER,
    " is inf": LOWER,
    "process died": "the machine may lack memory: run the same command again with fewer --workers",
}
"""What to try, by a part of the reason."""


def failures_by_kind(records: Sequence[Record]) -> list[str]:
    """`3 x the loss is nan at step ...`, the most frequent first: reasons that differ in numbers alone are one kind."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.state == "failed":
            kinds[re.sub(r"\d+", "...", record.reason)].append(record.reason)
    ordered = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    return [f"{len(each)} x {each[0] if len({*each}) == 1 else kind}" for kind, each in ordered]


def remedy(records: Sequence[Record]) -> str:
    """What to do where no candidate is complete."""
    failed = [record.reason for record in records if record.state == "failed"]
    if failed:
        usual = "mend what is named, then run the same command again"
        tried = next((what for part, what in REMEDIES.items() if part in failed[-1]), usual)
        return f"{', '.join(failures_by_kind(records))}; {tried}"
    if any(record.role == "candidate" for record in records):
        return "none came to its end; run the same command again, or with a later --until"
    return "none was tried; run its search again, with a later --until or with another --space or other --seeds"
