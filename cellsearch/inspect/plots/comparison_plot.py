"""A comparison in one figure: every seed's test score with mean and interval, and the differences to the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Final

from cellsearch.inspect.picture_path import picture_path
from cellsearch.statistics.differences import Interval
from cellsearch.study.comparing.comparison import Comparison, Entrant
from cellsearch.training import task_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["save_comparison"]

SEED: Final = "#6fa9cf"
MEAN: Final = "#2f86bd"
SHOWN: Final = "#c14a00"
LINE: Final = "#333333"

LONGEST_LABEL: Final = 48
"""Characters of an axis' label in one line, at most."""

BELOW: Final = 0.24
"""From a mean down to its seeds, in rows."""


def save_comparison(comparison: Comparison, path: str | Path) -> None:
    """Write the figure as .png or .svg. Raises CellsearchError for another ending."""
    from matplotlib.figure import Figure

    path = picture_path(path)
    entrants = comparison.entrants
    figure = Figure(figsize=(10, 2.2 + 0.55 * len(entrants)), dpi=150, layout="constrained")
    scores, differences = figure.subplots(1, 2, sharey=True)
    _scores(scores, entrants)
    _differences(differences, entrants)
    better, below = ("lower", "below 0") if comparison.task.lower_is_better else ("higher", "above 0")
    scores.set_xlabel(f"test {comparison.task.metric} ({better} is better)")
    differences.set_xlabel(fill(f"cell - {entrants[0].cell.name}, same seed ({below} is better)", LONGEST_LABEL))
    scores.set_yticks(range(len(entrants)), [entrant.label for entrant in entrants])
    scores.set_ylim(len(entrants) - 0.5, -0.5)
    for axes in (scores, differences):
        axes.grid(axis="x", color="#e8e8e8", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    figure.suptitle(_title(comparison), x=0.01, horizontalalignment="left", fontsize=11)
    _legend(figure)
    figure.savefig(path)


def _title(comparison: Comparison) -> str:
    settings = comparison.settings
    task = task_text(settings["task"], settings["options"])
    seeds = max((len(entrant.tests) for entrant in comparison.entrants), default=0)
    numbers = {"parameters": settings.get("parameters"), "steps": settings.get("final_steps"), "fresh seeds": seeds}
    return f"{task}: " + ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number is not None)


def _scores(axes: Axes, entrants: Sequence[Entrant]) -> None:
    for row, entrant in enumerate(entrants):
        _dots(axes, row, list(entrant.tests.values()))
        if entrant.test:
            _bar(axes, row, entrant.test, MEAN)


def _differences(axes: Axes, entrants: Sequence[Entrant]) -> None:
    first = entrants[0].tests
    axes.axvline(0, color=LINE, linewidth=1, linestyle="--", zorder=1)
    for row, entrant in enumerate(entrants):
        if entrant.difference:
            _dots(axes, row, [value - first[seed] for seed, value in entrant.tests.items() if seed in first])
            _bar(axes, row, entrant.difference.interval, SHOWN if entrant.difference.shown else MEAN)


def _dots(axes: Axes, row: int, values: Sequence[float]) -> None:
    """Every seed, below its mean, so that neither hides the other."""
    axes.scatter(values, [row + BELOW] * len(values), s=14, color=SEED, linewidths=0, alpha=0.8, zorder=2)


def _bar(axes: Axes, row: int, interval: Interval, colour: str) -> None:
    """The mean as a diamond on its interval."""
    if interval.low is not None and interval.high is not None:
        axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=2.2, zorder=3)
    axes.scatter([interval.mean], [row], s=42, marker="D", color=colour, zorder=4)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    mean = {"marker": "D", "markersize": 6, "linewidth": 2.2}
    handles = [
        Line2D([], [], color=SEED, marker="o", linestyle="none", markersize=4, label="a seed"),
        Line2D([], [], color=MEAN, **mean, label="mean, 95 % interval"),  # type: ignore[arg-type]
        Line2D([], [], color=SHOWN, **mean, label="difference shown: its corrected interval leaves out 0"),  # type: ignore[arg-type]
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=3, frameon=False)
