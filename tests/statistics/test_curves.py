"""Learning curves: the best so far of each seed, and what the last fifth of the steps still changes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from cellsearch.statistics.curves import LearningCurve, changed_order, late_gain, unfinished


def curve(scores: Mapping[int, list[float]], lower_is_better: bool = True) -> LearningCurve:
    """A curve of 1,000 steps with a report each 200, of as many reports as there are."""
    by_step = {seed: {200 * (i + 1): score for i, score in enumerate(each)} for seed, each in scores.items()}
    return LearningCurve(1000, lower_is_better, by_step)


def test_a_curve_is_the_best_so_far_whichever_way_is_better() -> None:
    wavering = {0: [3.0, 2.0, 4.0, 1.0, 5.0]}
    assert [curve(wavering).at(step)[0] for step in (200, 400, 600, 800, 1000)] == [3, 2, 2, 1, 1]
    assert [curve(wavering, False).at(step)[0] for step in (200, 400, 600, 800, 1000)] == [3, 3, 4, 4, 5]


def test_a_training_that_ended_early_stays_where_it_was() -> None:
    early = curve({0: [3.0, 2.0], 1: [4.0, 3.0, 2.5, 2.0, 1.0]})
    assert early.at(1000) == {0: 2.0, 1: 1.0}
    assert early.reports == [200, 400, 600, 800, 1000]
    assert curve({0: [3.0, 2.0]}).reports == [200, 400, 1000]
    assert early.at(100) == {}


def test_the_last_fifth_begins_at_a_report() -> None:
    assert curve({0: [5.0, 4.0, 3.0, 2.0, 1.0]}).before_last_fifth == 800
    assert LearningCurve(7, True, {0: {2: 1.0, 3: 1.0, 5: 1.0, 6: 1.0, 7: 1.0}}).before_last_fifth == 6
    assert LearningCurve(10, True, {0: {5: 1.0, 10: 1.0}}).before_last_fifth == 5
    assert LearningCurve(10, True, {0: {10: 1.0}}).before_last_fifth == 0


def test_the_late_gain_is_a_share_of_the_mean() -> None:
    assert late_gain(curve({0: [9.0, 8.0, 5.0, 3.0, 2.9], 1: [9.0, 8.0, 5.0, 1.0, 0.9]})) == pytest.approx(0.05)
    assert late_gain(curve({0: [0.1, 0.2, 0.3, 0.4, 0.5]}, False)) == pytest.approx(0.25)
    assert late_gain(curve({0: [5.0, 4.0, 3.0, 2.0, 9.0]})) == 0
    assert late_gain(curve({0: [0.0, 0.0, 0.0, 0.0, 0.5]}, False)) == math.inf
    assert late_gain(LearningCurve(10, True, {0: {10: 1.0}})) is None


def test_what_improved_by_one_percent_is_not_finished() -> None:
    assert unfinished("lstm", curve({0: [9.0, 8.0, 5.0, 2.0, 1.97]})) == (
        "lstm still improved by 1.5%, from 2 after 800 steps to 1.97 after 1,000"
    )
    assert unfinished("lstm", curve({0: [9.0, 8.0, 5.0, 2.0, 1.985]})) == ""
    assert unfinished("lstm", LearningCurve(10, True, {0: {10: 1.0}})) == ""


def test_an_order_has_changed_if_the_sign_of_the_mean_difference_has() -> None:
    lstm = curve({0: [9.0, 8.0, 5.0, 3.0, 2.0], 1: [9.0, 8.0, 5.0, 4.0, 3.0]})
    overtaken = curve({0: [9.0, 8.0, 4.0, 2.5, 2.5], 1: [9.0, 8.0, 4.0, 3.5, 3.25]})
    assert changed_order("cell_3", overtaken, "lstm", lstm) == (
        "cell_3 - lstm was -0.5 after 800 steps and is +0.375 after 1,000 steps"
    )
    ahead = curve({0: [9.0, 8.0, 4.0, 1.5, 1.0], 1: [9.0, 8.0, 4.0, 3.9, 2.9]})
    assert changed_order("cell_3", ahead, "lstm", lstm) == ""


def test_seeds_that_only_one_of_them_has_play_no_part_in_the_order() -> None:
    lstm = curve({0: [9.0, 8.0, 5.0, 3.0, 2.0], 1: [9.0, 8.0, 5.0, 4.0, 90.0]})
    other = curve({0: [9.0, 8.0, 4.0, 2.5, 1.5], 7: [99.0, 99.0, 99.0, 99.0, -99.0]})
    assert changed_order("cell_3", other, "lstm", lstm) == ""
    assert changed_order("cell_3", curve({7: [1.0, 1.0, 1.0, 1.0, 1.0]}), "lstm", lstm) == ""
