"""The lineage of a cell: every edit that led from a seed to it, with what each brought and what it cost."""

from __future__ import annotations

from dataclasses import dataclass

from cellsearch.cell.complexity import complexity
from cellsearch.errors import StudyError
from cellsearch.study.record import Record
from cellsearch.study.study import Study

__all__ = ["Step", "lineage"]

SIZE = 128
"""Input and hidden size at which the matrix products of a step are counted."""


@dataclass(frozen=True)
class Step:
    """One trial on the way: its parent is the one before, other parents are numbers.

    `gain` is the improvement of the score on its parent's, above 0 where it is better, None where one of the two has
    none. Each score is of one training at a learning rate of its own, so that a gain is no proof. `multiply_adds` of a
    step count the matrix products at sizes of 128.
    """

    record: Record
    gain: float | None
    others: tuple[int, ...]
    multiply_adds: int


def lineage(study: Study, which: str | int = "best") -> list[Step]:
    """The trials from a seed to that of a number, or the best; of several parents the first.

    Raises StudyError if there is no such trial, or if its parents are not in the study.
    """
    records = {record.number: record for record in study.records}
    way = [study.record(which)]
    while way[-1].parents:
        parent = records.get(way[-1].parents[0])
        if parent is None or parent in way:
            raise StudyError(
                f"study {study.path}: trial {way[-1].number} names trial {way[-1].parents[0]} as its parent, which it "
                "does not have; choose another"
            )
        way.append(parent)
    way.reverse()
    return [_step(study, record, before) for record, before in zip(way, [None, *way], strict=False)]


def _step(study: Study, record: Record, parent: Record | None) -> Step:
    gain = None
    if parent is not None and parent.score is not None and record.score is not None:
        better = parent.score - record.score if study.task.lower_is_better else record.score - parent.score
        gain = better + 0.0  # no -0
    return Step(record, gain, record.parents[1:], complexity(record.cell, SIZE, SIZE).multiply_adds)
