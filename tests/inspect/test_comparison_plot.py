"""The figure of a comparison: drawn for any outcome, with a name for every entrant."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.inspect.comparison_plot import save_comparison
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


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CellsearchError, match=r"ends in neither \.svg nor \.png"):
        save_comparison(comparison(FIRST, SECOND), tmp_path / "c.txt")
