"""The verdict: means with their intervals, and differences paired by seed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy import stats

from cellsearch.cell import Cell
from cellsearch.statistics.differences import CLAIM, Interval, interval
from cellsearch.study.record import Record
from cellsearch.study.verdict import Verdict, learning_curve, unsettled, verdicts
from cellsearch.testing.strategy import SEEDS, record
from cellsearch_search_spaces.gated import GRU, LSTM

CANDIDATE = SEEDS[0].renamed("cell_7")


def fresh(cell: Cell, seed: int, score: float | None, test: float | None = None, reason: str = "") -> Record:
    state = "failed" if score is None else "complete"
    made = record(seed, cell, "failed" if state == "failed" else "complete", score, role="fresh")
    return replace(made, seed=seed, test=test, reason=reason)


def by_name(finals: dict[Cell, list[Record]]) -> dict[str, Verdict]:
    return {verdict.cell.name: verdict for verdict in verdicts(finals)}


def test_a_verdict_has_means_over_fresh_trials_alone() -> None:
    tuning = [record(9, LSTM, "complete", 100.0, role="tuning"), record(8, LSTM, "failed", role="tuning")]
    finals = {LSTM: [*tuning, fresh(LSTM, 1, 2.0, 2.5), fresh(LSTM, 2, 4.0, 4.5)]}
    (verdict,) = verdicts(finals)
    assert (verdict.role, verdict.fresh_seeds, verdict.reason) == ("baseline", 2, "")
    assert verdict.validation == interval([2.0, 4.0]) and verdict.test == interval([2.5, 4.5])
    assert (verdict.hyperparameters, verdict.hidden_size, verdict.parameters) == ({"learning_rate": 0.01}, 8, 100)


def test_differences_are_paired_by_seed() -> None:
    """On test; the seeds' own effect, ten times larger than the cells', cancels."""
    finals = {
        LSTM: [fresh(LSTM, 1, 0.0, 10.0), fresh(LSTM, 2, 0.0, 20.0), fresh(LSTM, 3, 0.0, 30.0)],
        CANDIDATE: [fresh(CANDIDATE, 3, 0.0, 29.1), fresh(CANDIDATE, 1, 0.0, 8.9), fresh(CANDIDATE, 2, 0.0, 19.0)],
    }
    found = by_name(finals)["cell_7"].differences["lstm"]
    expected = stats.ttest_rel([8.9, 19.0, 29.1], [10.0, 20.0, 30.0]).confidence_interval(CLAIM)
    bounds = found.interval
    assert (bounds.mean, bounds.low, bounds.high) == pytest.approx((-1.0, expected.low, expected.high))
    assert not found.shown, "three seeds are too few, however clear"


def test_seeds_that_only_one_of_them_has_do_not_count_for_a_difference() -> None:
    finals = {
        LSTM: [fresh(LSTM, 1, 0.0, 1.0), fresh(LSTM, 2, None, reason="it hung"), fresh(LSTM, 3, 0.0, 3.0)],
        CANDIDATE: [fresh(CANDIDATE, 1, 0.0, 1.5), fresh(CANDIDATE, 2, 0.0, 9.0)],
    }
    found = by_name(finals)
    assert found["cell_7"].differences["lstm"].interval == Interval(0.5, None, None)
    assert (found["cell_7"].fresh_seeds, found["lstm"].fresh_seeds) == (2, 2)


def test_differences_are_corrected_for_all_finalists_and_baselines() -> None:
    other = CANDIDATE.renamed("cell_8")
    tests = {LSTM: [10.0, 20.0, 30.0], GRU: [10.0, 20.0, 30.0], CANDIDATE: [8.9, 19.0, 29.1], other: [9.0, 9.0, 9.0]}
    finals = {cell: [fresh(cell, seed, 0.0, test) for seed, test in enumerate(each)] for cell, each in tests.items()}
    found = {v.cell.name: v for v in verdicts(finals)}["cell_7"].differences["lstm"]
    assert found.p_value == pytest.approx(4 * float(stats.ttest_rel([8.9, 19.0, 29.1], [10.0, 20.0, 30.0]).pvalue))


def test_a_baseline_is_held_against_the_others_but_not_against_itself() -> None:
    finals = {cell: [fresh(cell, 1, 0.0, 1.0)] for cell in (LSTM, GRU, CANDIDATE)}
    found = by_name(finals)
    assert set(found["lstm"].differences) == {"gru"}
    assert set(found["cell_7"].differences) == {"lstm", "gru"}


def test_a_finalist_without_a_score_says_why() -> None:
    finals = {
        LSTM: [record(0, LSTM, "failed", role="tuning")],
        GRU: [record(0, GRU, "running", role="tuning")],
        CANDIDATE: [record(0, CANDIDATE, score=1.0, role="tuning"), fresh(CANDIDATE, 1, None, reason="it hung")],
    }
    found = by_name(finals)
    assert {name: verdict.reason for name, verdict in found.items()} == {
        "lstm": "it raised",
        "gru": "not trained yet",
        "cell_7": "it hung",
    }
    assert all(v.validation is None and v.test is None and v.fresh_seeds == 0 for v in found.values())


def curved(cell: Cell, *seeds: list[float]) -> list[Record]:
    """Fresh trainings of 500 steps with a report each 100."""
    scores = [{100 * (i + 1): score for i, score in enumerate(each)} for each in seeds]
    return [replace(fresh(cell, i, min(seeds[i]), 1.0), steps=500, scores=each) for i, each in enumerate(scores)]


LATE = {
    LSTM: curved(LSTM, [9.0, 8.0, 5.0, 3.0, 2.0], [9.0, 8.0, 5.0, 4.0, 3.0]),
    GRU: curved(GRU, [9.0, 8.0, 5.0, 2.0, 1.0], [9.0, 8.0, 5.0, 2.0, 1.0]),
    CANDIDATE: curved(CANDIDATE, [9.0, 8.0, 5.0, 2.5, 2.5], [9.0, 8.0, 5.0, 3.5, 3.0]),
}


def test_what_the_last_fifth_still_changed_is_not_settled() -> None:
    """The candidate fell behind the LSTM but not the GRU; the GRU improved as well, which is no yardstick."""
    curves = {cell: curve for cell, records in LATE.items() if (curve := learning_curve(records, True))}
    assert unsettled(verdicts(LATE), curves) == {
        LSTM: "lstm still improved by 28.6%, from 3.5 after 400 steps to 2.5 after 500",
        GRU: "",
        CANDIDATE: "cell_7 - lstm was -0.5 after 400 steps and is +0.25 after 500 steps",
    }


def test_a_finalist_without_fresh_trainings_has_no_curve_and_leaves_nothing_open() -> None:
    finals = LATE | {CANDIDATE: [record(0, CANDIDATE, "failed", role="tuning")]}
    assert learning_curve(finals[CANDIDATE], True) is None
    curves = {cell: curve for cell, records in finals.items() if (curve := learning_curve(records, True))}
    assert unsettled(verdicts(finals), curves)[CANDIDATE] == ""
