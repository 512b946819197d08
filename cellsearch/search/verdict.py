"""The verdict: what the finals say of each finalist, with intervals, and of its differences to LSTM and GRU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from cellsearch.cell import Cell
from cellsearch.search.finals import FRESH
from cellsearch.search.record import Record

__all__ = ["Interval", "Verdict", "interval", "verdicts"]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval by Student's t; the bounds are None where one value alone is known."""

    mean: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        half = 0.0 if self.low is None or self.high is None else (self.high - self.low) / 2
        before_point = len(str(int(max(abs(self.mean), half))))
        decimals = max(0, 5 - before_point)
        mean = f"{self.mean:.{decimals}f}"
        return mean if self.low is None else f"{mean} ± {half:.{decimals}f}"


@dataclass(frozen=True)
class Verdict:
    """One finalist: its metric over fresh seeds on validation and on test, and its differences to the baselines.

    `differences` has, by a baseline's name, the mean over seeds of its validation metric less the baseline's at the
    same seed (paired). `reason` says why a finalist has no result.
    """

    cell: Cell
    role: str
    learning_rate: float | None
    hidden_size: int | None
    parameters: int | None
    seeds: int
    validation: Interval | None
    test: Interval | None
    differences: Mapping[str, Interval]
    reason: str


def interval(values: Sequence[float]) -> Interval | None:
    """Mean and 95 % interval of a few values; None of none."""
    if not values:
        return None
    mean = sum(values) / len(values)
    if len(values) == 1:
        return Interval(mean, None, None)
    error = float(stats.sem(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return Interval(mean, mean - half, mean + half)


def verdicts(finals: Mapping[Cell, Sequence[Record]], roles: Mapping[Cell, str]) -> list[Verdict]:
    """A verdict for each finalist from its trials; each is held against every baseline among them."""
    references = {cell.name: _by_seed(records) for cell, records in finals.items() if roles[cell] == "baseline"}
    return [_verdict(cell, roles[cell], records, references) for cell, records in finals.items()]


def _verdict(
    cell: Cell, role: str, records: Sequence[Record], references: Mapping[str, Mapping[int, float]]
) -> Verdict:
    fresh = [r for r in records if r.role == FRESH and r.score is not None]
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
        learning_rate=some.learning_rate if some else None,
        hidden_size=some.hidden_size if some else None,
        parameters=some.parameters if some else None,
        seeds=len(fresh),
        validation=interval([r.score for r in fresh if r.score is not None]),
        test=interval([r.test for r in fresh if r.test is not None]),
        differences={name: difference for name, difference in differences.items() if difference},
        reason="" if fresh else next((r.reason for r in records if r.reason), "not trained yet"),
    )


def _by_seed(records: Sequence[Record]) -> dict[int, float]:
    return {r.seed: r.score for r in records if r.role == FRESH and r.score is not None}
