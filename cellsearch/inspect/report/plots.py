"""The plots of a report, as figures of Plotly: hovering tells what a point is. The page draws them when they are seen.

Colours of text and background are the page's, light or dark. Plotly reads tags and links in texts, so that names are
escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final

from cellsearch.inspect.plots.comparison_plot import MEAN, SEED, SHOWN
from cellsearch.inspect.plots.curves_plot import COLOURS, WIDE, Line, curve_points
from cellsearch.inspect.report.document import Plot
from cellsearch.statistics.differences import Interval
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.training import Measure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

__all__ = ["GREYS", "LINES", "as_data", "comparison_plots", "curves", "empty"]

GREYS: Final = ("#7a7a7a", "#929292", "#a8a8a8")
"""Of baselines, to be seen on white and on black."""

LINES: Final = ("dash", "dot", "dashdot", "longdash")


def curves(lines: Sequence[Line], task: Measure, parameters: int, name: str = "curves") -> list[Plot]:
    """Learning curves with the band of their intervals; nothing without any line."""
    if not lines:
        return []
    figure = empty("steps", f"{task.metric} on validation")
    counts = {True: 0, False: 0}
    means = []
    for line in lines:
        palette = GREYS if line.baseline else COLOURS
        place = counts[line.baseline]
        counts[line.baseline] += 1
        dash = LINES[place % len(LINES)] if line.baseline else "solid"
        points = curve_points(line.curve)
        means += [each.mean for _, each in points[1:] or points]
        for trace in _curve(line, points, palette[place % len(palette)], dash):
            figure.add_trace(trace)
    if means and min(means) > 0 and max(means) > WIDE * min(means):
        figure.update_yaxes(type="log")
    steps, seeds = max(line.curve.steps for line in lines), max(len(line.curve.scores) for line in lines)
    direction = "lower" if task.lower_is_better else "higher"
    caption = (
        f"Mean of {seeds} fresh seeds and its 95 % interval; scores are the best so far, {direction} is better. "
        f"{parameters:,} parameters, {steps:,} steps."
    )
    return [Plot(name, "Learning curves", caption, as_data(figure))]


def _curve(line: Line, points: Sequence[tuple[int, Interval]], colour: str, dash: str) -> Iterable[Scatter]:
    from plotly.graph_objects import Scatter

    known = [(step, each.low, each.high) for step, each in points if each.low is not None and each.high is not None]
    if known:
        steps, low, high = zip(*known, strict=True)
        yield Scatter(
            x=[*steps, *reversed(steps)],
            y=[*low, *reversed(high)],
            mode="lines",
            fill="toself",
            fillcolor=_pale(colour),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=escape(line.name),
        )
    yield Scatter(
        x=[step for step, _ in points],
        y=[each.mean for _, each in points],
        name=escape(line.name),
        legendgroup=escape(line.name),
        mode="lines" if line.baseline else "lines+markers",
        line={"color": colour, "dash": dash, "width": 2},
        hovertext=[escape(f"{line.name}: {each} after {step:,} steps") for step, each in points],
        hoverinfo="text",
    )


def comparison_plots(comparison: Comparison, name: str = "scores") -> list[Plot]:
    """Every entrant's test scores with mean and interval, and the differences to the first."""
    entrants, task = comparison.entrants, comparison.task
    if not any(each.test for each in entrants):
        return []
    first = entrants[0]
    scores, differences = empty(f"test {task.metric}", ""), empty(f"cell - {first.cell.name}, same seed", "")
    differences.add_vline(0, line={"dash": "dash", "width": 1, "color": GREYS[0]})
    for place, each in enumerate(entrants):
        label = f"{place + 1}. {each.label}"
        if each.test:
            _row(scores, label, each.tests, each.test, MEAN)
        if each.difference:
            paired = {seed: value - first.tests[seed] for seed, value in each.tests.items() if seed in first.tests}
            _row(differences, label, paired, each.difference.interval, SHOWN if each.difference.shown else MEAN)
    for figure in (scores, differences):
        figure.update_yaxes(autorange="reversed", automargin=True)
        figure.update_layout(showlegend=False)
    found = [Plot(name, "Test scores", "A dot a seed; mean and 95 % interval as a diamond.", as_data(scores))]
    if any(each.difference for each in entrants):
        caption = (
            "A dot a seed; the diamond is the mean with its corrected 99 % interval, orange where it leaves out 0."
        )
        found.append(Plot(f"{name}-differences", "Differences", caption, as_data(differences)))
    return found


def _row(figure: Figure, label: str, values: Mapping[int, float], mean: Interval, colour: str) -> None:
    from plotly.graph_objects import Scatter

    figure.add_trace(
        Scatter(
            x=[*values.values()],
            y=[escape(label)] * len(values),
            mode="markers",
            marker={"color": SEED, "size": 6},
            hovertext=[escape(f"{label}, seed {seed}: {value:.4g}") for seed, value in values.items()],
            hoverinfo="text",
        )
    )
    bounds = {}
    if mean.low is not None and mean.high is not None:
        bounds = {"error_x": {"array": [mean.high - mean.mean], "arrayminus": [mean.mean - mean.low], "thickness": 2}}
    figure.add_trace(
        Scatter(
            x=[mean.mean],
            y=[escape(label)],
            mode="markers",
            marker={"color": colour, "size": 11, "symbol": "diamond"},
            hovertext=[escape(f"{label}: {mean}")],
            hoverinfo="text",
            **bounds,
        )
    )


def empty(x: str, y: str) -> Figure:
    """An empty figure, whose looks the page's style completes."""
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        template="none",
        margin={"l": 64, "r": 16, "t": 8, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="closest",
        hoverlabel={"align": "left"},
    )
    figure.update_xaxes(title=escape(x), automargin=True, showgrid=False, zeroline=False)
    figure.update_yaxes(title=escape(y), automargin=True, zeroline=False)
    return figure


def as_data(figure: Figure) -> dict[str, Any]:
    """The figure as plain data for JSON; what is not finite is None."""
    found: dict[str, Any] = json.loads(figure.to_json(engine="json"))
    return found


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.14)"
