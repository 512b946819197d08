"""The verdict: what the finals say of each finalist, with intervals, and of its differences to LSTM and GRU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cellsearch.cell import Cell
from cellsearch.study.finals import scored_fresh
from cellsearch.study.record import Record
from cellsearch.study.statistics import Interval, interval

__all__ = ["Verdict", "verdicts"]


@dataclass(frozen=True)
class Verdict:
    """One finalist: its metric over fresh seeds on validation and on test, and its differences to the baselines.

    `differences` has, by a baseline's name, the mean over seeds of its test metric less the baseline's at the same seed
    (paired): on test, since finalists were chosen for their validation. `reason` says why a finalist has no result.
    """

    cell: Cell
    role: str
    hyperparameters: Mapping[str, float]
    hidden_size: int | None
    parameters: int | None
    seeds: int
    validation: Interval | None
    test: Interval | None
    differences: Mapping[str, Interval]
    reason: str


def verdicts(finals: Mapping[Cell, Sequence[Record]], roles: Mapping[Cell, str]) -> list[Verdict]:
    """A verdict for each finalist from its trials; each is held against every baseline among them."""
    references = {cell.name: _by_seed(records) for cell, records in finals.items() if roles[cell] == "baseline"}
    return [_verdict(cell, roles[cell], records, references) for cell, records in finals.items()]


def _verdict(
    cell: Cell, role: str, records: Sequence[Record], references: Mapping[str, Mapping[int, float]]
) -> Verdict:
    fresh = scored_fresh(records)
    scores = _by_seed(records)
    some = fresh[0] if fresh else None
    differences = {
        name: interval([scores[seed] - theirs[seed] for seed in scores if seed in theirs])
        for name, theirs in references.items()
        if role == "candidate" or name != cell.name
    }
    return Verdict(
        cell=cell,
        role=role,
        hyperparameters=some.hyperparameters if some else {},
        hidden_size=some.hidden_size if some else None,
        parameters=some.parameters if some else None,
        seeds=len(fresh),
        validation=interval([r.score for r in fresh if r.score is not None]),
        test=interval([r.test for r in fresh if r.test is not None]),
        differences={name: difference for name, difference in differences.items() if difference},
        reason="" if fresh else next((r.reason for r in records if r.reason), "not trained yet"),
    )


def _by_seed(records: Sequence[Record]) -> dict[int, float]:
    return {r.seed: r.test for r in scored_fresh(records) if r.test is not None}
