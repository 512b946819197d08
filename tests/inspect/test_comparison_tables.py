"""A comparison printed: readable in 80 columns, and no claim beyond the corrected test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellsearch.inspect.comparison_tables import comparison_statement, comparison_table
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.record import TuningResult
from tests.helpers.comparisons import FIRST, SECOND, THIRD, comparison, reported
from tests.helpers.printed import printed


def test_the_best_stands_first_with_intervals_differences_and_times_in_80_columns() -> None:
    text = printed(comparison_table(comparison(FIRST, SECOND, THIRD)))
    assert text.startswith("test squared error, lower is better; mean and 95 % interval over fresh seeds")
    order = [line.split()[0] for line in text.splitlines() if "[" in line]
    assert order == ["gru", "lstm", "rnn"]
    assert "cell - lstm" in text and "-1.0000 [-1.1" in text and "< 0.001" in text
    assert "…" not in text and max(map(len, text.splitlines())) <= 80
    assert "300 ms" in text and "10 ms" in text and "length 400" in text


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            comparison(FIRST, SECOND),
            "gru is better than lstm by 1 squared error on test (99 % interval 0.8544 to 1.146, corrected p < 0.001,",
        ),
        (comparison(SECOND, FIRST), "gru is worse than lstm by 1 squared error on test (99 % interval 0.8544 to 1.146"),
        (
            comparison(FIRST, THIRD),
            "no difference between gru and lstm is shown: gru - lstm is +0.12 squared error on test (-0.69",
        ),
        (comparison([1.0], [2.0]), "gru - lstm is +1 squared error on test with one seed, which shows nothing (lower"),
        (
            comparison([1.0, 2.0, 3.0], [2.0, 3.1, 4.2]),
            "gru - lstm is +1.1 squared error on test (+0.527 to +1.673, lower is better); 3 seeds are too few to",
        ),
        (
            comparison(FIRST, FIRST),
            "gru and lstm have the same score on test with each of 5 seeds: a tie.",
        ),
        (
            comparison(FIRST, [each - 1 for each in FIRST]),
            "gru - lstm is -1 squared error on test with each of 5 seeds alike, whose spread is therefore unknown",
        ),
        (comparison(FIRST, [None, None]), ""),
    ],
)
def test_a_sentence_claims_no_more_than_the_test_does(found: Comparison, sentence: str) -> None:
    assert comparison_statement(found).startswith(sentence)
    assert bool(comparison_statement(found)) == bool(sentence)


def test_a_comparison_says_what_was_not_settled_after_its_claims() -> None:
    late = reported(comparison(FIRST, SECOND), [9.0, 5.0, 4.0, 3.0, 2.0], [9.0, 5.0, 4.0, 2.5, 2.25])
    claimed, note = comparison_statement(late).splitlines()
    assert claimed.startswith("gru is better than lstm by 1")
    assert note == (
        "not settled: lstm still improved by 33.3%, from 3 after 400 steps to 2 after 500; "
        "gru - lstm was -0.5 after 400 steps and is +0.25 after 500 steps."
    )
    settled = reported(comparison(FIRST, SECOND), [9.0, 5.0, 4.0, 2.0, 2.0], [9.0, 5.0, 4.0, 1.5, 1.0])
    assert len(comparison_statement(settled).splitlines()) == 1


def test_failures_are_told_in_words() -> None:
    text = printed(comparison_table(comparison([10.0, None, 30.0], [None, None, None])), 120)
    assert "lstm: 1 of 3 seeds failed and are in no mean: it raised" in text
    assert "gru has no result: it raised" in text


def test_nothing_is_claimed_of_a_cell_that_is_not_tuned_and_the_table_says_so() -> None:
    found = comparison(FIRST, SECOND)
    bound = "its best rate, 0.1, is at the highest that may be tried"
    (cell, records), *_ = found.forms[1].items()
    open_ones = [replace(each, tuning=TuningResult(1.0, 5, bound)) for each in records]
    untuned = replace(found, forms=[found.forms[0], {cell: open_ones}])
    assert "which claims nothing: gru is not tuned, its best rate, 0.1" in comparison_statement(untuned)
    assert "better" not in comparison_statement(untuned).replace("lower is better", "")
    assert f"gru is not tuned, {bound}" in printed(comparison_table(untuned), 120)
    assert "not tuned" not in printed(comparison_table(found), 120)
