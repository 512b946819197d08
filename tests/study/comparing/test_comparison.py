"""A comparison to read: means and differences on test, p-values that are corrected, tables, and failures in words."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cellsearch.cell import to_json
from cellsearch.errors import StudyError
from cellsearch.statistics.differences import difference, interval
from cellsearch.study.comparing.comparison import COMPARISON, TRAININGS, read_comparison
from cellsearch.study.ledger import Ledger
from cellsearch.study.study import Study, load_studies, load_study
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.comparisons import FIRST, SECOND, THIRD, comparison, reported
from tests.helpers.small_search import TROUBLED


def test_means_and_intervals_are_those_of_the_fresh_trainings() -> None:
    first, second, _ = comparison(FIRST, SECOND, THIRD).entrants
    assert first.test == interval(FIRST) and second.test == interval(SECOND)
    assert first.hyperparameters == {"learning_rate": 0.01}
    assert (first.step_seconds, first.inference_seconds, first.tokens_per_second) == (pytest.approx(0.3), 0.01, 100.0)
    assert first.details == {"length 400": 60.0}


def test_differences_are_paired_by_seed_and_their_p_values_corrected_for_all_comparisons() -> None:
    first, second, third = comparison(FIRST, SECOND, THIRD).entrants
    assert first.difference is None and second.difference is not None and third.difference is not None
    tests = [dict(enumerate(each)) for each in (FIRST, SECOND, THIRD)]
    assert [second.difference, third.difference] == [difference(each, tests[0], comparisons=2) for each in tests[1:]]
    assert second.difference.shown and not third.difference.shown


def test_a_seed_that_failed_is_in_no_pair_and_is_told() -> None:
    first, second = comparison([10.0, None, 30.0], [9.0, 19.0, 29.0]).entrants
    assert second.difference is not None and second.difference.seeds == 2
    assert (first.failed, first.reason, len(first.tests)) == (1, "it raised", 2)
    assert (second.failed, second.reason) == (0, "")


def test_one_seed_has_a_difference_that_shows_nothing() -> None:
    _, second = comparison([10.0], [9.0]).entrants
    assert second.difference is not None
    assert second.difference.p_value is None and not second.difference.shown
    assert second.difference.interval.mean == -1.0


def test_an_entrant_without_a_result_says_why() -> None:
    second = comparison(FIRST, [None] * 5).entrants[1]
    assert (second.test, second.difference, second.reason) == (None, None, "it raised")
    assert comparison(FIRST, []).entrants[1].reason == "not trained yet"
    assert comparison([None], SECOND).entrants[1].difference is None


def test_what_the_last_fifth_still_changed_is_told_of_the_first_and_of_the_order(tmp_path: Path) -> None:
    found = comparison(FIRST, SECOND, THIRD, path=tmp_path)
    late = reported(found, [9.0, 5.0, 4.0, 3.0, 2.0], [9.0, 5.0, 4.0, 2.5, 2.25], [9.0, 5.0, 4.0, 2.5, 1.0])
    late.write_tables()
    assert [row["unsettled"] for row in rows(tmp_path / COMPARISON)] == [
        "lstm still improved by 33.3%, from 3 after 400 steps to 2 after 500",
        "gru - lstm was -0.5 after 400 steps and is +0.25 after 500 steps",
        "",
    ]
    assert [entrant.unsettled for entrant in comparison([None], SECOND).entrants] == ["", ""]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_tables_have_every_number(tmp_path: Path) -> None:
    written = comparison(FIRST, SECOND, [None] * 5, path=tmp_path)
    written.write_tables()
    table = {row["cell"]: row for row in rows(tmp_path / COMPARISON)}
    second = written.entrants[1]
    assert second.test and second.difference
    assert float(table["gru"]["test_low"]) == second.test.low
    assert float(table["gru"]["difference_mean"]) == second.difference.interval.mean
    assert float(table["gru"]["p_value"]) == second.difference.p_value
    assert (table["lstm"]["p_value"], table["rnn"]["test_mean"], table["rnn"]["reason"]) == ("", "", "it raised")
    assert float(table["gru"]["length 400"]) == pytest.approx(58.0)
    assert float(table["gru"]["detectable"]) == second.difference.detectable
    trainings = rows(tmp_path / TRAININGS)
    assert len(trainings) == 18 and [row["test"] for row in trainings[:2]] == ["", "10.0"]
    assert {row["learning_rate"] for row in trainings} == {"0.01"}


def test_a_search_is_no_comparison_nor_the_other_way_round(small: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="is a search, no comparison"):
        read_comparison(small.path)
    settings = {"seed": 0, "steps": 5, **TROUBLED, "entrants": [[to_json(LSTM)], [to_json(GRU)]]}
    Ledger(tmp_path, settings, {}).__exit__(None, None, None)
    with pytest.raises(StudyError, match="is a comparison, no search"):
        load_study(tmp_path)
    assert load_studies(tmp_path) == ([], {})
    assert [entrant.reason for entrant in read_comparison(tmp_path).entrants] == ["not trained yet"] * 2
