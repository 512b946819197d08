"""Learning curves in one figure: each cell's mean on validation over the steps, with the interval of its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from cellsearch.inspect.picture_path import picture_path
from cellsearch.statistics.curves import LearningCurve
from cellsearch.statistics.differences import Interval, interval
from cellsearch.training import Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BASELINES", "COLOURS", "WIDE", "Line", "curve_points", "save_curves"]

COLOURS: Final = ("#c14a00", "#2f86bd", "#5a9e4b", "#8b62a8", "#b59a2b", "#c9628f", "#35a39a", "#7a5230")
"""Of the cells in their order; where there are more, they begin again with other markers."""

MARKERS: Final = ("o", "s", "^", "D")

BASELINES: Final = ("#333333", "#7d7d7d", "#a9a9a9")
DASHES: Final = ((0, (6, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1)))

WIDE: Final = 30.0
"""The ratio of the largest to the smallest mean from which on scores have a logarithmic axis."""


@dataclass(frozen=True)
class Line:
    """One cell's curve with its name in the legend; those of baselines are drawn apart, grey and dashed."""

    name: str
    curve: LearningCurve
    baseline: bool


def save_curves(lines: Sequence[Line], task: Measure, parameters: int, path: str | Path) -> None:
    """Write the figure as .png or .svg; without any line, nothing. Raises CellsearchError for another ending.

    Scores are the best so far; the interval is that of 95 % over seeds, where there is one. The axis holds the scores
    from the second report on, since the first may be beyond all others.
    """
    from matplotlib.figure import Figure

    path = picture_path(path)
    if not lines:
        return
    figure = Figure(figsize=(10, max(5, 1.2 + 0.27 * len(lines))), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    points = {line.name: curve_points(line.curve) for line in lines}
    for line, style in zip(lines, _styles(lines), strict=True):
        _draw(axes, line, points[line.name], style)
    _limit(axes, [line.curve for line in lines])
    _dress(axes, lines, task, parameters)
    _legend(axes, lines, points)
    figure.savefig(path)


def curve_points(curve: LearningCurve) -> list[tuple[int, Interval]]:
    """(step, mean and interval over the seeds) of each report that all seeds have come to."""
    found = {step: curve.at(step) for step in curve.reports}
    means = {step: interval(list(each.values())) for step, each in found.items() if len(each) == len(curve.scores)}
    return [(step, each) for step, each in means.items() if each]


def _styles(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Colour, marker and dashes of each line: the two kinds are counted apart."""
    styles, counts = [], {True: 0, False: 0}
    for line in lines:
        place = counts[line.baseline]
        counts[line.baseline] += 1
        if line.baseline:
            styles.append(
                {"color": BASELINES[place % len(BASELINES)], "linestyle": DASHES[place % len(DASHES)], "zorder": 2}
            )
        else:
            marker = MARKERS[place // len(COLOURS) % len(MARKERS)]
            styles.append({"color": COLOURS[place % len(COLOURS)], "marker": marker, "markersize": 4, "zorder": 3})
    return styles


def _draw(axes: Axes, line: Line, points: Sequence[tuple[int, Interval]], style: dict[str, Any]) -> None:
    """The mean as a line on the band of its interval."""
    axes.plot([step for step, _ in points], [each.mean for _, each in points], linewidth=1.7, label=line.name, **style)
    known = [(step, each.low, each.high) for step, each in points if each.low is not None and each.high is not None]
    if known:
        steps, low, high = zip(*known, strict=True)
        axes.fill_between(steps, low, high, color=style["color"], alpha=0.13, linewidth=0, zorder=1)


def _limit(axes: Axes, curves: Sequence[LearningCurve]) -> None:
    """Room for the scores from the second report on, logarithmic where the means differ by much.

    Bands may go on beyond it: an interval around a mean knows nothing of scores that cannot be, such as one above 1.
    """
    late = [list(curve.at(step).values()) for curve in curves for step in curve.reports[1:] or curve.reports]
    means = [fmean(values) for values in late if values]
    if min(means) > 0 and max(means) > WIDE * min(means):
        axes.set_yscale("log")
        axes.set_ylim(min(means) / 1.5, max(means) * 1.5)
        return
    # A seed that is farther away than the means are apart would squash everything else.
    span = max(means) - min(means) or abs(means[0]) or 1.0
    low = max(min(means) - span, min(min(values) for values in late if values))
    high = min(max(means) + span, max(max(values) for values in late if values))
    room = 0.05 * (high - low) or 0.05 * span
    axes.set_ylim(low - room, high + room)


def _dress(axes: Axes, lines: Sequence[Line], task: Measure, parameters: int) -> None:
    from matplotlib.ticker import MaxNLocator

    direction = "lower" if task.lower_is_better else "higher"
    steps = max(line.curve.steps for line in lines)
    seeds = max(len(line.curve.scores) for line in lines)
    axes.set_title(f"{task.name}: {parameters:,} parameters, {steps:,} steps, mean and 95 % interval of {seeds} seeds")
    axes.set_xlabel("steps; scores are the best so far")
    axes.set_ylabel(f"{task.metric} on validation ({direction} is better)")
    axes.set_xlim(min(line.curve.reports[0] for line in lines), steps)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: Axes, lines: Sequence[Line], points: dict[str, list[tuple[int, Interval]]]) -> None:
    """The cells on the right, outside of the lines, in the order in which they end: the topmost line first."""
    handles = {line.name: handle for line, handle in zip(lines, axes.get_lines(), strict=True)}
    ends = {name: each[-1][1].mean for name, each in points.items()}
    order = sorted(ends, key=ends.__getitem__, reverse=True)
    labels = [f"{name}  {ends[name]:#.4g}" for name in order]
    axes.legend([handles[name] for name in order], labels, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
