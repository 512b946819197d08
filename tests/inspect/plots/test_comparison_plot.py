"""The figure of a comparison: drawn for any outcome, with a name for every entrant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.inspect.plots.comparison_plot import MEAN, SEED, SHOWN, save_comparison
from cellsearch.study.comparing.comparison import Comparison
from tests.helpers.comparisons import FIRST, SECOND, THIRD, comparison


@pytest.mark.parametrize(
    "found",
    [comparison(FIRST, SECOND, THIRD), comparison([1.0], [2.0]), comparison(FIRST, [None, 1.0]), comparison([], [])],
    ids=["three", "one seed", "failures", "nothing yet"],
)
def test_every_outcome_is_drawn(found: Comparison, tmp_path: Path) -> None:
    save_comparison(found, tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    save_comparison(found, tmp_path / "c.svg")
    assert "<svg" in (tmp_path / "c.svg").read_text(encoding="utf-8")


def test_it_names_task_and_seeds_and_marks_what_is_shown(tmp_path: Path) -> None:
    save_comparison(comparison(FIRST, SECOND, THIRD), tmp_path / "c.svg")
    shown = (tmp_path / "c.svg").read_text(encoding="utf-8")
    for text in ("cellsearch.testing.troubled_task:TASK: 5 fresh seeds", "a seed", "mean, 95 % interval"):
        assert f"<!-- {text} -->" in shown
    assert "<!-- cell - lstm, same seed (below 0 is better) -->" in shown
    # gru's difference is shown, rnn's is not: one diamond of that colour beside the one of the legend.
    assert len(re.findall(rf"<use [^>]*fill: {SHOWN}", shown)) == 2


def test_no_seed_hides_behind_its_mean(tmp_path: Path) -> None:
    """Seeds that are alike, and so equal to their mean, stand below it."""
    save_comparison(comparison([1.0] * 5, [2.0] * 5), tmp_path / "c.svg")
    shown = (tmp_path / "c.svg").read_text(encoding="utf-8")
    heights = {
        colour: {float(y) for y in re.findall(rf'<use [^>]*y="([\d.]+)"[^>]*fill: {colour}', shown)}
        for colour in (SEED, MEAN)
    }
    assert len(heights[SEED] - heights[MEAN]) >= 2


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CellsearchError, match=r"ends in neither \.svg nor \.png"):
        save_comparison(comparison(FIRST, SECOND), tmp_path / "c.txt")
