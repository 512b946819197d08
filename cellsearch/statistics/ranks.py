"""What a few tasks can tell of several cells: ranks, and which of them differ (Demsar 2006, JMLR 7, 1-30).

Scores of different tasks cannot be averaged; ranks can, and so can differences relative to one of the cells. Intervals
are over tasks: they say how far other tasks of the kind would move the figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, factorial, log, sqrt
from statistics import fmean

from scipy import stats

from cellsearch.statistics.differences import CONFIDENCE, Interval, interval

__all__ = ["Ranking", "critical_difference", "ranking"]


@dataclass(frozen=True)
class Ranking:
    """Cells over several tasks, by name.

    `ranks` are mean ranks (1 is best, ties share theirs) and `relative` the mean differences to the first cell in
    shares of its score, negative is better, each with its interval over tasks. `p_value` is that of the Friedman test
    with the correction of Iman and Davenport: how probable ranks as different would be among equal cells; None of
    fewer than three cells or two tasks. `p_values` are of each cell against the first, by ranks, times their number.
    `critical` is the difference of mean ranks from which two cells differ (Nemenyi), None as `p_value`.
    """

    tasks: int
    ranks: Mapping[str, Interval]
    relative: Mapping[str, Interval]
    p_value: float | None
    p_values: Mapping[str, float]
    critical: float | None


def ranking(losses: Mapping[str, Sequence[float]]) -> Ranking:
    """The ranking of cells by their losses, lower is better, in the same order of tasks; the first is the reference."""
    names, table = list(losses), list(zip(*losses.values(), strict=True))
    count, tasks = len(names), len(table)
    ranks = [stats.rankdata(row) for row in table]
    of_cell = {name: [float(row[i]) for row in ranks] for i, name in enumerate(names)}
    relative = {n: [(x - f) / abs(f) for x, f in zip(losses[n], losses[names[0]], strict=True)] for n in names[1:]}
    means = {name: fmean(values) for name, values in of_cell.items()}
    enough = count > 2 and tasks > 1
    return Ranking(
        tasks=tasks,
        ranks={name: _spread(values) for name, values in of_cell.items()},
        relative={name: _spread(values) for name, values in relative.items()},
        p_value=_friedman(list(means.values()), tasks) if enough else None,
        p_values={name: _against(means[names[0]], means[name], count, tasks) for name in names[1:]} if enough else {},
        critical=critical_difference(count, tasks) if enough else None,
    )


def critical_difference(cells: int, tasks: int) -> float:
    """The difference of mean ranks from which two of so many cells differ at 5 % (Nemenyi, Demsar's equation 5)."""
    quantile = float(stats.studentized_range.ppf(CONFIDENCE, cells, 1e6)) / sqrt(2)
    return quantile * sqrt(cells * (cells + 1) / (6 * tasks))


def _friedman(means: Sequence[float], tasks: int) -> float:
    """Iman and Davenport's F of the mean ranks, Demsar's section 3.2.2."""
    count = len(means)
    chi = 12 * tasks / (count * (count + 1)) * (sum(mean**2 for mean in means) - count * (count + 1) ** 2 / 4)
    least = exp((1 - tasks) * log(factorial(count)))  # the odds that all tasks rank alike by chance
    if chi >= tasks * (count - 1):
        return least
    f = (tasks - 1) * chi / (tasks * (count - 1) - chi)
    return max(least, float(stats.f.sf(f, count - 1, (count - 1) * (tasks - 1))))


def _against(first: float, other: float, cells: int, tasks: int) -> float:
    """Bonferroni and Dunn's test of a mean rank against the first cell's."""
    z = abs(first - other) / sqrt(cells * (cells + 1) / (6 * tasks))
    return min(1.0, 2 * float(stats.norm.sf(z)) * (cells - 1))


def _spread(values: Sequence[float]) -> Interval:
    found = interval(values)
    assert found is not None
    return found
