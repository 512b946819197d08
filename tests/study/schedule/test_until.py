"""When a search ends: by what is written, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellsearch.errors import BudgetError
from cellsearch.study.record import Record
from cellsearch.study.schedule.until import Until, until
from cellsearch.testing.strategy import SEEDS, record

BASELINES = [record(number, SEEDS[number], score=0.0, role="baseline") for number in range(2)]


def tried(*scores: float | None) -> list[Record]:
    """Two baselines, and a candidate a score, the last ones still running."""
    found = [record(2 + i, SEEDS[0], "running" if s is None else "complete", s) for i, s in enumerate(scores)]
    return [*BASELINES, *found]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("200 candidates", Until(candidates=200)),
        ("1 candidate", Until(candidates=1)),
        ("0 candidates", Until(candidates=0)),
        ("30 minutes", Until(seconds=1800.0)),
        ("1.5 Hours", Until(seconds=5400.0)),
        ("  90   seconds ", Until(seconds=90.0)),
        ("2 days", Until(seconds=172_800.0)),
        ("no better in 80", Until(no_better_in=80)),
        ("no better in 8 candidates", Until(no_better_in=8)),
    ],
)
def test_what_is_written_is_meant(text: str, meant: Until) -> None:
    assert until(text) == meant


@pytest.mark.parametrize(
    "text", ["", "soon", "200", "-1 candidates", "30 mins", "no better in 0", "nan hours", "1e3 days"]
)
def test_what_is_not_understood_is_one_line(text: str) -> None:
    with pytest.raises(BudgetError, match="does not say until when to search; write '200 candidates', '30 minutes' or"):
        until(text)


def test_candidates_count_as_they_begin_and_baselines_do_not() -> None:
    search = until("3 candidates")
    assert [search.is_over(tried(*[None] * count), 1e9, True) for count in range(5)] == [False] * 3 + [True] * 2
    assert search.expected(tried(None)) == 3 and search.expected(tried(*[None] * 5)) == 5


def test_time_is_the_search_s_own() -> None:
    assert not until("1 minute").is_over(tried(*[1.0] * 500), 59.0, True)
    assert until("1 minute").is_over([], 60.0, True)


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_no_better_counts_the_candidates_after_the_best(lower_is_better: bool) -> None:
    sign = 1.0 if lower_is_better else -1.0
    search = until("no better in 3")
    for scores, over in (([5, 4, 3], False), ([5, 3, 4, 4], False), ([3, 5, 4, None], True), ([3, 3, 3, 3], True)):
        signed = [None if score is None else sign * score for score in scores]
        assert search.is_over(tried(*signed), 0.0, lower_is_better) == over, scores
    assert search.is_over(tried(None, None, None), 0.0, True), "where nothing has a score at all"


def test_a_baseline_is_nothing_that_a_search_found() -> None:
    worse = [replace(each, score=-9.0, scores={5: -9.0}) for each in BASELINES]
    assert not until("no better in 3").is_over([*worse, *tried(3.0, 2.0)[2:]], 0.0, True)
