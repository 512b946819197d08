"""The figure of a search: every candidate is in it, and no outlier squashes it."""

from __future__ import annotations

import re
import struct
import sys
from math import nan
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.inspect.plots.progress_plot import Point, save_progress

POINTS = [Point(n, 2.5 - 0.02 * n + 0.1 * (n % 3), "pruned" if n % 4 == 3 else "complete") for n in range(20)]
BASELINES = {"LSTM": 2.241, "GRU": 2.239}


def test_the_figure_is_a_png_of_a_readable_size(tmp_path: Path) -> None:
    save_progress(POINTS, BASELINES, "bits per character", True, tmp_path / "progress.png")
    image = (tmp_path / "progress.png").read_bytes()
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", image[16:24]) == (1350, 675)


def test_it_names_the_metric_the_baselines_and_the_best(tmp_path: Path) -> None:
    shown = figure(tmp_path, POINTS, BASELINES)
    for text in ("bits per character (lower is better)", "LSTM 2.241", "GRU 2.239", "best 2.140", "pruned"):
        assert f"<!-- {text} -->" in shown


def test_every_candidate_has_a_mark_and_those_off_the_scale_a_triangle(tmp_path: Path) -> None:
    pruned, complete = (sum(point.state == state for point in POINTS) for state in ("pruned", "complete"))
    assert marks(figure(tmp_path, POINTS, BASELINES)) == [pruned, 0, 0, complete, 0, 0]
    far = [*POINTS, Point(20, 1e9, "complete"), Point(21, 1e9, "pruned")]
    assert marks(figure(tmp_path, far, BASELINES)) == [pruned, 1, 0, complete, 1, 0]


def test_it_says_what_every_mark_is_and_of_what_search_it_is(tmp_path: Path) -> None:
    odd = [Point(20, 1e9, "complete"), Point(21, 1e9, "pruned"), Point(22, nan, "failed"), Point(23, nan, "failed")]
    assert marks(figure(tmp_path, [*POINTS, *odd], BASELINES))[-1] == 2
    save_progress([*POINTS, *odd], BASELINES, "loss", True, tmp_path / "progress.svg", "adding: 1,000 parameters")
    shown = (tmp_path / "progress.svg").read_text()
    for text in ("adding: 1,000 parameters", "complete, off the scale", "pruned, off the scale", "failed"):
        assert f"<!-- {text} -->" in shown
    plain = figure(tmp_path, POINTS, BASELINES)
    assert "off the scale" not in plain and "<!-- failed -->" not in plain
    only = figure(tmp_path, odd[2:], BASELINES)
    assert "<!-- failed -->" in only and "no candidate yet" not in only


def test_of_many_baselines_the_best_are_labelled_and_the_others_counted(tmp_path: Path) -> None:
    seeds = {f"seed_{number}": 2.3 + number / 100 for number in range(70)}
    shown = figure(tmp_path, POINTS, seeds | {"gru": 2.5, "lstm": 2.6})
    labels = re.findall(r"<!-- (\w+ \d\.\d+) -->", shown)
    assert {label.split()[0] for label in labels} == {"lstm", "gru", "seed_0", "seed_1", "best"}
    assert "<!-- 68 other baselines -->" in shown


@pytest.mark.parametrize("outlier", [1e9, 40.0])
def test_outliers_and_scores_that_are_not_finite_leave_the_axis_alone(tmp_path: Path, outlier: float) -> None:
    odd = [Point(20, outlier, "complete"), Point(21, float("nan"), "complete"), Point(22, float("inf"), "pruned")]
    low, high = axis(figure(tmp_path, [*POINTS, *odd], BASELINES | {"RNN": outlier}))
    assert low <= 2.2 < 2.5 < high < 4


def test_the_best_is_the_highest_where_more_is_better(tmp_path: Path) -> None:
    points = [Point(0, 0.5, "complete"), Point(1, 0.7, "complete"), Point(2, 0.6, "complete"), Point(3, 0.9, "pruned")]
    shown = figure(tmp_path, points, {"LSTM": 0.65}, lower_is_better=False)
    assert "<!-- best 0.7000 -->" in shown, "a pruned candidate is no best"
    assert "higher is better" in shown


@pytest.mark.parametrize(
    "points",
    [
        [],
        [Point(7, 2.0, "complete")],
        [Point(7, 2.0, "pruned")],
        [Point(0, 0.0, "complete"), Point(1, 0.0, "complete")],
    ],
)
@pytest.mark.parametrize("baselines", [{}, {"LSTM": 2.0}])
def test_a_search_that_has_hardly_begun_has_a_figure(
    tmp_path: Path, points: list[Point], baselines: dict[str, float]
) -> None:
    shown = figure(tmp_path, points, baselines)
    assert ("no candidate yet" in shown) == (not points)


def test_pyplot_is_left_alone(tmp_path: Path) -> None:
    before = "matplotlib.pyplot" in sys.modules
    save_progress(POINTS, BASELINES, "loss", True, tmp_path / "progress.png")
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CellsearchError, match=r"ends in neither \.svg nor \.png"):
        save_progress(POINTS, BASELINES, "loss", True, tmp_path / "progress.jpg")


def figure(folder: Path, points: list[Point], baselines: dict[str, float], lower_is_better: bool = True) -> str:
    save_progress(points, baselines, "bits per character", lower_is_better, folder / "progress.svg")
    text = (folder / "progress.svg").read_text()
    ElementTree.fromstring(text)
    return text


def marks(shown: str) -> list[int]:
    """Numbers of marks: pruned within, above and below the axes, then complete ones."""
    collections = shown[: shown.index('<g id="legend_1">')].split('<g id="PathCollection_')[1:]
    return [collection[: collection.find("<g id=")].count("<use ") for collection in collections]


def axis(shown: str) -> tuple[float, float]:
    """The least and greatest number written on the vertical axis."""
    vertical = shown[shown.index('<g id="matplotlib.axis_2">') : shown.index("<!-- bits per character")]
    numbers = [float(number.replace("−", "-")) for number in re.findall(r"<!-- (−?[\d.]+) -->", vertical)]
    return min(numbers), max(numbers)
