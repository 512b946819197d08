"""A comparison in one figure: every seed's test score with mean and interval, and the differences to the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cellsearch.inspect.picture_path import picture_path
from cellsearch.statistics.differences import Interval
from cellsearch.study.comparing.comparison import Comparison, Entrant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["save_comparison"]

SEED: Final = "#9cc4de"
MEAN: Final = "#2f86bd"
SHOWN: Final = "#c14a00"
LINE: Final = "#333333"


def save_comparison(comparison: Comparison, path: str | Path) -> None:
    """Write the figure as .png or .svg. Raises CellsearchError for another ending."""
    from matplotlib.figure import Figure

    path = picture_path(path)
    entrants = comparison.entrants
    figure = Figure(figsize=(10, 1.4 + 0.5 * len(entrants)), dpi=150, layout="constrained")
    scores, differences = figure.subplots(1, 2, sharey=True)
    _scores(scores, entrants)
    _differences(differences, entrants)
    direction = "lower" if comparison.task.lower_is_better else "higher"
    scores.set_xlabel(f"test {comparison.task.metric} ({direction} is better)")
    differences.set_xlabel(f"less {comparison.cells[0].name}, same seed")
    scores.set_yticks(range(len(entrants)), [entrant.cell.name for entrant in entrants])
    scores.set_ylim(len(entrants) - 0.5, -0.5)
    for axes in (scores, differences):
        axes.grid(axis="x", color="#e8e8e8", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    figure.savefig(path)


def _scores(axes: Axes, entrants: Sequence[Entrant]) -> None:
    for row, entrant in enumerate(entrants):
        axes.scatter(list(entrant.tests.values()), [row] * len(entrant.tests), s=16, color=SEED, zorder=2)
        if entrant.test:
            _bar(axes, row, entrant.test, MEAN)


def _differences(axes: Axes, entrants: Sequence[Entrant]) -> None:
    first = entrants[0].tests
    axes.axvline(0, color=LINE, linewidth=1, linestyle="--", zorder=1)
    for row, entrant in enumerate(entrants):
        if entrant.difference:
            pairs = [value - first[seed] for seed, value in entrant.tests.items() if seed in first]
            axes.scatter(pairs, [row] * len(pairs), s=16, color=SEED, zorder=2)
            _bar(axes, row, entrant.difference.interval, SHOWN if entrant.difference.shown else MEAN)


def _bar(axes: Axes, row: int, interval: Interval, colour: str) -> None:
    """The mean as a diamond on its interval."""
    if interval.low is not None and interval.high is not None:
        axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=2.2, zorder=3)
    axes.scatter([interval.mean], [row], s=42, marker="D", color=colour, zorder=4)
