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

__all__ = ["Ranking", "critical_difference", "fewest_tasks", "ranking"]


@dataclass(frozen=True)
class Ranking:
    """Cells over several tasks, by name.

    `ranks` are mean ranks (1 is best, ties share theirs) and `relative` the mean differences to the first cell in
    shares of its score, negative is better, each with its interval over tasks; there are none to a score of 0.
    `p_value` is that of the Friedman test with the correction of Iman and Davenport: how probable ranks as different
    would be among equal cells; None of fewer than three cells or two tasks. `p_values` are of each cell against the
    first, by ranks: Bonferroni and Dunn's, of two cells alone the sign test's, none of one task. `critical` is the
    difference of mean ranks from which two cells differ (Nemenyi), None as `p_value`.
    """

    tasks: int
    ranks: Mapping[str, Interval]
    relative: Mapping[str, Interval]
    p_value: float | None
    p_values: Mapping[str, float]
    critical: float | None

    def differs(self, name: str) -> bool:
        """Whether a cell may be said to differ from the first: where all together do, and it by the corrected test."""
        together = self.p_value is None or self.p_value < 1 - CONFIDENCE
        return together and self.p_values.get(name, 1.0) < 1 - CONFIDENCE


def ranking(losses: Mapping[str, Sequence[float]]) -> Ranking:
    """The ranking of cells by their losses, lower is better, in the same order of tasks; the first is the reference."""
    names, table = list(losses), list(zip(*losses.values(), strict=True))
    count, tasks = len(names), len(table)
    ranks = [stats.rankdata(row) for row in table]
    of_cell = {name: [float(row[i]) for row in ranks] for i, name in enumerate(names)}
    first = losses[names[0]]
    comparable = names[1:] if all(first) else []
    relative = {n: [(x - f) / abs(f) for x, f in zip(losses[n], first, strict=True)] for n in comparable}
    means = {name: fmean(values) for name, values in of_cell.items()}
    enough = count > 2 and tasks > 1
    return Ranking(
        tasks=tasks,
        ranks={name: _within(_spread(values), count) for name, values in of_cell.items()},
        relative={name: _spread(values) for name, values in relative.items()},
        p_value=_friedman(list(means.values()), tasks) if enough else None,
        p_values=_against_first(of_cell) if tasks > 1 else {},
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


def fewest_tasks(cells: int) -> int:
    """Tasks from which on one of so many cells could be shown to differ from the first at all."""
    tasks = 2
    while not ranking({str(cell): [float(cell)] * tasks for cell in range(cells)}).differs(str(cells - 1)):
        tasks += 1
    return tasks


def _against_first(ranks: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Of each cell by its ranks how probable such a distance to the first would be among equal cells, corrected."""
    (_, first), *others = ranks.items()
    if len(others) == 1:
        return {name: _sign_test(first, own) for name, own in others}
    return {name: _dunn(fmean(first) - fmean(own), len(ranks), len(first)) for name, own in others}


def _sign_test(first: Sequence[float], other: Sequence[float]) -> float:
    """Friedman's test of two cells: on how many of the tasks without a tie the one is better."""
    wins = [own < theirs for own, theirs in zip(first, other, strict=True) if own != theirs]
    return float(stats.binomtest(sum(wins), len(wins)).pvalue) if wins else 1.0


def _dunn(distance: float, cells: int, tasks: int) -> float:
    """Bonferroni and Dunn's test of a mean rank's distance to the first cell's."""
    z = abs(distance) / sqrt(cells * (cells + 1) / (6 * tasks))
    return min(1.0, 2 * float(stats.norm.sf(z)) * (cells - 1))


def _spread(values: Sequence[float]) -> Interval:
    found = interval(values)
    assert found is not None
    return found


def _within(found: Interval, most: int) -> Interval:
    """The interval of a mean rank, which lies between 1 and the number of cells."""
    if found.low is None or found.high is None:
        return found
    return Interval(found.mean, max(1.0, found.low), min(float(most), found.high))
