"""The course of a search as a plot: every candidate's score by number, by time, by cost, or by a hyperparameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from cellsearch.inspect.plots.progress_plot import BEST, COMPLETE, FAILED, PRUNED, Point, best_so_far, limits, named
from cellsearch.inspect.report.document import Plot
from cellsearch.inspect.report.plots import GREYS, LINES, as_data, empty
from cellsearch.study.record import Record
from cellsearch.study.study import tuned_names
from cellsearch.training import Measure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

__all__ = ["course"]

MARKERS: Final[Mapping[str, tuple[str, int, str]]] = {
    "pruned": (PRUNED, 5, "circle"),
    "complete": (COMPLETE, 7, "circle"),
    "failed": (FAILED, 7, "x"),
}
"""Colour, size and symbol of the candidates by how they ended, the last ones on top."""

WIDE: Final = 4.0
"""The ratio of the largest to the smallest value of a hyperparameter from which on its axis is logarithmic."""


@dataclass(frozen=True)
class Axis:
    """Where each trial stands, by its number; `timely` where what is on the right came later."""

    title: str
    places: Mapping[int, float]
    timely: bool = True

    @property
    def log(self) -> bool:
        values = self.places.values()
        return not self.timely and min(values) > 0 and max(values) > WIDE * min(values)


def course(
    records: Sequence[Record], points: Sequence[Point], baselines: Mapping[str, float], task: Measure
) -> list[Plot]:
    """Every candidate's score and the best so far, against whatever there is; nothing without any candidate."""
    if not points:
        return []
    by_number = {record.number: record for record in records}
    axes = [axis for axis in _axes(records) if len({axis.places.get(p.number) for p in points} - {None}) > 1]
    axes = axes or [*_axes(records)][:1]
    figures = {axis.title: as_data(_figure(axis, by_number, points, baselines, task)) for axis in axes}
    direction = "lower" if task.lower_is_better else "higher"
    caption = (
        f"Each point is a candidate, {direction} is better; a failed one stands at the edge. Scores far on the bad "
        "side are out of view: double-click to see all."
    )
    first = next(iter(figures.values()))
    changes = {title: _change(figure) for title, figure in figures.items()} if len(figures) > 1 else {}
    return [Plot("course", "Course of the search", caption, first, changes)]


def _axes(records: Sequence[Record]) -> Iterator[Axis]:
    """By number, by the time when trials ended, by how long all trainings took until then, by hyperparameter."""
    yield Axis("candidate", {r.number: float(r.number) for r in records})
    ends = sorted((r.ended, r.began, r.number, r.seconds or 0.0) for r in records if r.ended and r.began)
    if ends:
        began = min(begun for _, begun, _, _ in ends)
        yield Axis("hours since the start", {n: (ended - began).total_seconds() / 3600 for ended, _, n, _ in ends})
        total, trained = 0.0, {}
        for _, _, number, seconds in ends:
            total += seconds
            trained[number] = total / 3600
        yield Axis("hours of training", trained)
    for name in tuned_names(records):
        places = {r.number: r.hyperparameters[name] for r in records if name in r.hyperparameters}
        yield Axis(name.replace("_", " "), places, timely=False)


def _figure(
    axis: Axis, records: Mapping[int, Record], points: Sequence[Point], baselines: Mapping[str, float], task: Measure
) -> Figure:
    scored = [p for p in points if p.state != "failed" and isfinite(p.score)]
    finite = {name: score for name, score in baselines.items() if isfinite(score)}
    low, high = limits(scored, finite, task.lower_is_better)
    figure = empty(axis.title, task.metric)
    figure.update_xaxes(type="log" if axis.log else "linear")
    room = 0.04 * (high - low)  # for markers at the edge, and a mouse over them
    figure.update_yaxes(range=[low - room, high + room])
    failed = [p for p in points if p.state == "failed"]
    figure.add_traces([*_candidates([*scored, *failed], axis, records, high if task.lower_is_better else low)])
    figure.add_trace(_best(scored, axis, task.lower_is_better))
    figure.add_traces([*_lines(named(finite, task.lower_is_better), axis)])
    return figure


def _candidates(points: Sequence[Point], axis: Axis, records: Mapping[int, Record], edge: float) -> Iterator[Scatter]:
    from plotly.graph_objects import Scatter

    for state, (colour, size, symbol) in MARKERS.items():
        own = [p for p in points if p.state == state]
        if own:
            yield Scatter(
                x=[axis.places.get(p.number) for p in own],
                y=[edge if state == "failed" else p.score for p in own],
                name=state,
                mode="markers",
                marker={"color": colour, "size": size, "symbol": symbol},
                hovertext=[_told(records[p.number], p) for p in own],
                hoverinfo="text",
            )


def _best(points: Sequence[Point], axis: Axis, lower_is_better: bool) -> Scatter:
    """The best so far, up to the last trial; empty where right is not later."""
    from plotly.graph_objects import Scatter

    there = sorted((p for p in points if axis.timely and p.number in axis.places), key=lambda p: axis.places[p.number])
    best = best_so_far(there, lower_is_better)
    ends = [(axis.places[number], score) for number, score in best]
    ends += [(max(axis.places.values()), best[-1][1])] if best else []
    return Scatter(
        x=[place for place, _ in ends],
        y=[score for _, score in ends],
        name="best so far",
        mode="lines",
        line={"color": BEST, "shape": "hv", "width": 2},
        hoverinfo="skip",
    )


def _lines(baselines: Mapping[str, float], axis: Axis) -> Iterator[Scatter]:
    from plotly.graph_objects import Scatter

    ends = [min(axis.places.values()), max(axis.places.values())]
    for place, (name, score) in enumerate(baselines.items()):
        yield Scatter(
            x=ends,
            y=[score] * 2,
            name=escape(f"{name} {score:#.4g}"),
            mode="lines",
            line={"color": GREYS[0], "dash": LINES[place % len(LINES)], "width": 1},
            hoverinfo="name",
        )


def _change(figure: Mapping[str, Any]) -> dict[str, Any]:
    """What of a figure depends on its horizontal axis."""
    traces = [{"x": trace["x"], "y": trace["y"]} for trace in figure["data"]]
    return {"data": traces, "xaxis": figure["layout"]["xaxis"]}


def _told(record: Record, point: Point) -> str:
    """What hovering over a candidate tells."""
    score = f"{point.score:.4f}" if isfinite(point.score) else record.reason
    lines = [f"{record.cell.name}, {record.state}: {score}", *record.edits]
    lines += [f"{name.replace('_', ' ')} {value:.2g}" for name, value in record.hyperparameters.items()]
    return "<br>".join(escape(line[:120]) for line in lines)
