"""What a count can tell of a share: its interval."""

from __future__ import annotations

from scipy import stats

from cellsearch.statistics.differences import CONFIDENCE, Interval

__all__ = ["share"]


def share(found: int, total: int) -> Interval:
    """The share of `found` among `total` with its 95 % interval (Wilson 1927), which no share leaves 0 to 1 by."""
    bounds = stats.binomtest(found, total).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(found / total, float(bounds.low), float(bounds.high))
