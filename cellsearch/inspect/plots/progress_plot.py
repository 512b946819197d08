"""The course of a search in one figure: every candidate's score, the best so far, and the baselines to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Final, Literal

from cellsearch.inspect.picture_path import picture_path
from cellsearch.study.forms import BASELINES
from cellsearch.study.record import Record
from cellsearch.study.study import Study
from cellsearch.training import task_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BEST",
    "COMPLETE",
    "FAILED",
    "PRUNED",
    "Point",
    "best_so_far",
    "candidates",
    "limits",
    "named",
    "save_course",
    "save_progress",
]

COMPLETE: Final = "#2f86bd"
PRUNED: Final = "#b5b5b5"
FAILED: Final = "#a8447f"
BEST: Final = "#c14a00"
BASELINE: Final = "#333333"
OTHERS: Final = "#dddddd"
DASHES: Final = ("--", ":", "-.", (0, (8, 3)))

MOST_LABELS: Final = 4
"""Baselines that are labelled: LSTM and GRU, and the best of the others."""

LABELS_APART: Final = 0.055
"""Least distance of the labels on the right, in heights of the axes."""


@dataclass(frozen=True)
class Point:
    """One candidate: its number in the study, its last score on validation, nan without one, and how it ended."""

    number: int
    score: float
    state: Literal["complete", "pruned", "failed"]


def candidates(records: Sequence[Record]) -> list[Point]:
    """The candidates of a search that ended."""
    return [
        Point(record.number, _last_score(record), record.state)
        for record in records
        if record.role == "candidate" and record.state in ("complete", "pruned", "failed")
    ]


def _last_score(record: Record) -> float:
    if record.score is not None:
        return record.score
    return record.scores[max(record.scores)] if record.scores else nan


def save_course(study: Study, path: str | Path) -> None:
    """Write the course of a study's search. Raises CellsearchError for another ending than .png or .svg."""
    settings = study.settings
    baselines = {r.cell.name: r.score for r in study.records if r.role == "baseline" and r.score is not None}
    title = f"{task_text(settings['task'], settings['options'])}: {settings['parameters']:,} parameters, "
    title += f"{settings['steps']:,} steps"
    save_progress(candidates(study.records), baselines, study.task.metric, study.task.lower_is_better, path, title)


def save_progress(
    points: Sequence[Point],
    baselines: Mapping[str, float],
    metric: str,
    lower_is_better: bool,
    path: str | Path,
    title: str = "",
) -> None:
    """Write the figure as .png or .svg; `baselines` maps a name such as lstm to its score.

    Scores far on the bad side would squash the rest: they stand as triangles at the edge of the figure, and failed
    candidates as crosses at that of the bad side. Scores that are not finite are left out. Raises CellsearchError for
    another ending.
    """
    from matplotlib.figure import Figure

    path = picture_path(path)
    failed = [point.number for point in points if point.state == "failed"]
    points = sorted((p for p in points if p.state != "failed" and isfinite(p.score)), key=lambda point: point.number)
    baselines = {name: score for name, score in baselines.items() if isfinite(score)}
    best = best_so_far(points, lower_is_better)
    figure = Figure(figsize=(9, 4.5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    low, high = limits(points, baselines, lower_is_better)
    axes.set_ylim(low, high)
    axes.set_xlim(*_numbers([*(point.number for point in points), *failed]))
    _scatter(axes, [point for point in points if point.state == "pruned"], PRUNED, 14, "pruned")
    _scatter(axes, [point for point in points if point.state == "complete"], COMPLETE, 26, "complete")
    if best:
        ends = [*best, (axes.get_xlim()[1], best[-1][1])]
        axes.step(*zip(*ends, strict=True), where="post", color=BEST, linewidth=1.8, label="best so far")
    if failed:
        edge = high if lower_is_better else low
        axes.scatter(
            failed, [edge] * len(failed), s=30, color=FAILED, marker="x", clip_on=False, zorder=2, label="failed"
        )
    labelled = named(baselines, lower_is_better)
    _lines(axes, baselines, labelled)
    _label(axes, labelled | ({"best": best[-1][1]} if best else {}))
    _dress(axes, metric, lower_is_better, bool(points or failed))
    figure.suptitle(title, x=0.01, horizontalalignment="left", fontsize=11)
    figure.savefig(path)


def named(baselines: Mapping[str, float], lower_is_better: bool) -> dict[str, float]:
    """The baselines with a label: LSTM and GRU first, then the best of the others."""
    best = sorted(baselines, key=baselines.__getitem__, reverse=not lower_is_better)
    first = [name for name in BASELINES if name in baselines]
    return {name: baselines[name] for name in [*dict.fromkeys([*first, *best])][:MOST_LABELS]}


def _lines(axes: Axes, baselines: Mapping[str, float], named: Mapping[str, float]) -> None:
    """A line a baseline; those without a label are pale, and the legend counts them."""
    others = [score for name, score in baselines.items() if name not in named]
    for place, score in enumerate(others):
        label = f"{len(others)} other baselines" if not place else None
        axes.axhline(score, color=OTHERS, linewidth=0.8, zorder=0, label=label)
    for place, score in enumerate(named.values()):
        axes.axhline(score, color=BASELINE, linewidth=1, linestyle=DASHES[place % len(DASHES)], zorder=1)


def best_so_far(points: Sequence[Point], lower_is_better: bool) -> list[tuple[int, float]]:
    """(number, score) at each complete candidate that was the best so far."""
    best: list[tuple[int, float]] = []
    for point in points:
        better = not best or (point.score < best[-1][1] if lower_is_better else point.score > best[-1][1])
        if point.state == "complete" and better:
            best.append((point.number, point.score))
    return best


def limits(points: Sequence[Point], baselines: Mapping[str, float], lower_is_better: bool) -> tuple[float, float]:
    """From just beyond the best score to twice as far as where three quarters of the complete ones end."""
    sign = 1 if lower_is_better else -1
    scores = sorted(sign * point.score for point in points if point.state == "complete")
    scores = scores or sorted(sign * point.score for point in points) or [0.0, 1.0]
    best = min([*scores, *(sign * score for score in baselines.values())])
    typical = quantiles(scores, n=4, method="inclusive")[2] if len(scores) > 1 else scores[0]
    # The baselines are what the figure is read against: they widen it, unless they failed beyond all measure.
    near = [sign * score for score in baselines.values() if sign * score <= best + 5 * (typical - best)]
    worst = max(min(scores[-1], typical + (typical - best)), *near, typical)
    room = 0.06 * (worst - best) or 0.05 * abs(best) or 0.5
    low, high = sorted((sign * (best - room), sign * (worst + room)))
    return low, high


def _numbers(numbers: Sequence[int]) -> tuple[float, float]:
    first, last = min(numbers, default=0), max(numbers, default=0)
    room = max(0.6, 0.02 * (last - first))
    return first - room, last + room


def _scatter(axes: Axes, points: Sequence[Point], colour: str, size: int, label: str) -> None:
    low, high = axes.get_ylim()
    inside = [point for point in points if low <= point.score <= high]
    numbers, scores = [point.number for point in inside], [point.score for point in inside]
    axes.scatter(numbers, scores, s=size, color=colour, label=label if inside else None, zorder=2)
    for marker, edge, beyond in (
        ("^", high, [point.number for point in points if point.score > high]),
        ("v", low, [point.number for point in points if point.score < low]),
    ):
        far = f"{label}, off the scale" if beyond else None
        axes.scatter(
            beyond, [edge] * len(beyond), s=size, color=colour, marker=marker, clip_on=False, zorder=2, label=far
        )


def _label(axes: Axes, scores: Mapping[str, float]) -> None:
    """Names and scores on the right of their lines, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    heights = {name: min(1.0, max(0.0, (score - low) / (high - low))) for name, score in scores.items()}
    floor = -1.0
    for name in sorted(heights, key=heights.__getitem__):
        floor = max(heights[name], floor + LABELS_APART)
        beyond = " ↑" if scores[name] > high else " ↓" if scores[name] < low else ""
        axes.text(
            1.01,
            floor,
            f"{name} {scores[name]:#.4g}{beyond}",
            transform=axes.transAxes,
            verticalalignment="center",
            color=BEST if name == "best" else BASELINE,
        )


def _dress(axes: Axes, metric: str, lower_is_better: bool, has_points: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("candidate")
    axes.set_ylabel(f"{metric} ({'lower' if lower_is_better else 'higher'} is better)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if has_points:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False)
    else:
        axes.text(0.5, 0.5, "no candidate yet", transform=axes.transAxes, horizontalalignment="center", color=BASELINE)
