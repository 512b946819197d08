"""What a few seeds can tell: an interval for a mean, and whether two cells differ by more than chance makes them.

Intervals are Student's, of seeds alone: they say how far another draw of models and batches would move the figure, and
nothing of other data. A test and its interval are the same statement here: a difference is claimed where its interval,
widened for all comparisons made at once (Bonferroni), leaves out zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Final

from scipy import stats

__all__ = ["CLAIM", "CONFIDENCE", "FEWEST_SEEDS", "Difference", "Interval", "difference", "interval"]

CONFIDENCE: Final = 0.95
"""Of the interval of a mean."""

CLAIM: Final = 0.99
"""Of the interval of a difference. Each cell has a learning rate of its own choice, which sets twins apart by more than
their seeds do: at 0.95, 4 of 60 comparisons of a cell with itself claimed a difference, at 0.99 none of 20, and 9 of 10
found a cell worse that was so by 3 % (`scripts/measure_verdicts`)."""

POWER: Final = 0.8
"""The odds at which a difference of the size `detectable` would have been shown."""

FEWEST_SEEDS: Final = 5
"""Seeds from which a difference may be claimed: fewer tell too little of their own spread."""

ROUNDING: Final = 2.0**-21
"""What rounding may make of equal differences, in shares of the scores, which tasks compute in float32."""


@dataclass(frozen=True)
class Interval:
    """A mean with its interval; the bounds are None where the values have no spread to tell one from."""

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
class Difference:
    """The mean of paired differences, one a seed, with what may be said of it.

    `interval` and `p_value` (paired t-test, two-sided) are corrected for all comparisons made at once. `spread` is the
    standard deviation of the differences. `detectable` is the smallest true difference that so many seeds would show
    in 8 of 10 such comparisons; None, as bounds and p-value of a single seed, where the values have no spread.
    """

    interval: Interval
    seeds: int
    p_value: float | None
    spread: float
    detectable: float | None

    @property
    def shown(self) -> bool:
        """Whether it may be claimed: by enough seeds, and with an interval clear of zero."""
        low, high = self.interval.low, self.interval.high
        return self.seeds >= FEWEST_SEEDS and low is not None and high is not None and (low > 0 or high < 0)


def interval(values: Sequence[float], confidence: float = CONFIDENCE, size: float = 0.0) -> Interval | None:
    """Mean and interval of a few values by Student's t; None of none. `size` is that of the scores they come from.

    Equal values, such as the same count of right answers with every seed, have no interval: their spread is not zero
    but unknown, below what the metric can tell apart. Values that only rounding sets apart are equal.
    """
    if not values:
        return None
    mean = fmean(values)
    if _equal(values, size):
        return Interval(mean, None, None)
    half = _quantile(confidence, len(values)) * stdev(values) / sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def difference(scores: Mapping[int, float], others: Mapping[int, float], comparisons: int = 1) -> Difference | None:
    """What scores less others say, paired by seed, as one of so many `comparisons` made at once; None of none."""
    confidence = 1 - (1 - CLAIM) / comparisons
    paired = [seed for seed in scores if seed in others]
    values = [scores[seed] - others[seed] for seed in paired]
    size = max((abs(each[seed]) for each in (scores, others) for seed in paired), default=0.0)
    found = interval(values, confidence, size)
    if found is None:
        return None
    spread = 0.0 if _equal(values, size) else stdev(values)
    return Difference(
        interval=found,
        seeds=len(values),
        p_value=_corrected(_p_value(values, size), comparisons),
        spread=spread,
        detectable=_detectable(spread, len(values), confidence) if spread else None,
    )


def _equal(values: Sequence[float], size: float) -> bool:
    """Whether nothing but rounding sets the values apart; one alone is equal to itself."""
    return max(values) - min(values) <= ROUNDING * max(size, *map(abs, values))


def _p_value(values: Sequence[float], size: float) -> float | None:
    """How probable differences as large would be between two that are alike; None of a single one.

    Equal differences go by their signs alone: so many of n seeds on one side have the odds 2 / 2^n.
    """
    if len(values) < 2:
        return None
    if _equal(values, size):
        return min(1.0, 2.0 ** (1 - len(values))) if abs(fmean(values)) > ROUNDING * size else 1.0
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def _corrected(p_value: float | None, comparisons: int) -> float | None:
    return None if p_value is None else min(1.0, p_value * comparisons)


def _detectable(spread: float, count: int, confidence: float) -> float:
    """The true difference whose estimate is beyond the interval's half width with the odds of POWER."""
    power = float(stats.t.ppf(POWER, count - 1))
    return (_quantile(confidence, count) + power) * spread / sqrt(count)


def _quantile(confidence: float, count: int) -> float:
    return float(stats.t.ppf((1 + confidence) / 2, count - 1))
