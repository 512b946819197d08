"""The figure of learning curves: drawn for any outcome, the baselines apart and every cell in the legend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.inspect.plots.curves_plot import Line, save_curves
from cellsearch.statistics.curves import LearningCurve
from cellsearch.testing.troubled_task import TASK


def line(name: str, *seeds: Sequence[float], baseline: bool = False) -> Line:
    """Seeds with a report each 100 of 500 steps."""
    scores = {seed: {100 * (i + 1): score for i, score in enumerate(each)} for seed, each in enumerate(seeds)}
    return Line(name, LearningCurve(500, True, scores), baseline)


LSTM = line("lstm (lstm_forget_bias_0)", [9.0, 3.0, 2.5, 2.2, 2.0], [8.0, 3.2, 2.6, 2.3, 2.2], baseline=True)
CELL = line("cell_3", [9.0, 2.8, 2.2, 2.0, 1.5], [8.0, 2.9, 2.4, 2.2, 1.7])


def drawn(lines: Sequence[Line], folder: Path) -> str:
    """The figure as SVG, in which text and styles can be read."""
    save_curves(lines, TASK, 60_000, folder / "curves.svg")
    return (folder / "curves.svg").read_text(encoding="utf-8")


def test_the_figure_says_what_it_shows(tmp_path: Path) -> None:
    text = drawn([LSTM, CELL], tmp_path)
    shown = re.findall(r"<!-- (.*?) -->", text)
    assert "troubled: 60,000 parameters, 500 steps, mean and 95 % interval of 2 seeds" in shown
    assert f"{TASK.metric} on validation (lower is better)" in shown
    legend = [each for each in shown if each.startswith(("lstm", "cell_3"))]
    assert legend == ["lstm (lstm_forget_bias_0)  2.100", "cell_3  1.600"], "in the order in which the lines end"


def test_baselines_alone_are_dashed(tmp_path: Path) -> None:
    assert drawn([LSTM, CELL], tmp_path).count("stroke-dasharray") > drawn([CELL], tmp_path).count("stroke-dasharray")


@pytest.mark.parametrize(
    "lines",
    [
        [line("one", [3.0, 2.0, 1.0, 1.0, 1.0])],
        [line("early", [3.0, 2.0], [4.0, 3.0, 2.0, 1.0, 1.0]), CELL],
        [line("alike", [1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0])],
        [line("small", [1.0, 0.1, 1e-2, 1e-3, 1e-4], [1.0, 0.2, 2e-2, 2e-3, 2e-4]), LSTM],
        [line("a report", [1.0])],
        [line(f"cell_{i}", [9.0, 3.0, 2.0, 1.0, 1.0 + i]) for i in range(12)],
    ],
    ids=["one seed", "ended early", "without spread", "of many sizes", "one report", "twelve"],
)
def test_every_outcome_is_drawn(lines: Sequence[Line], tmp_path: Path) -> None:
    save_curves(lines, TASK, 60_000, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_line_there_is_no_figure(tmp_path: Path) -> None:
    save_curves([], TASK, 60_000, tmp_path / "curves.png")
    assert not any(tmp_path.iterdir())


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CellsearchError, match=r"ends in neither \.svg nor \.png"):
        save_curves([LSTM], TASK, 60_000, tmp_path / "c.txt")
