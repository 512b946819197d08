"""Intervals that hold what they promise, and tests that find nothing where nothing is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from cellsearch.study.statistics import Interval, holm, interval, paired_p_value

MANY = [2.1, 2.4, 1.9, 2.0, 2.2, 2.6, 1.8, 2.3, 2.2, 2.05]


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.5, 1.25, 3.0], [0.1, 0.2, 0.4, 0.8, 1.6], [-3.0, 5.0, 4.0, 4.0]])
def test_the_interval_of_a_few_values_is_that_of_scipys_own_t_test(values: list[float]) -> None:
    found = interval(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found is not None and found.low is not None and found.high is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(sum(values) / len(values))


def test_the_interval_of_more_values_is_a_bootstraps_the_same_each_time() -> None:
    found = interval(MANY)
    assert found is not None and found.low is not None and found.high is not None
    assert found == interval(MANY)
    assert min(MANY) < found.low < found.mean < found.high < max(MANY)
    student = stats.ttest_1samp(MANY, 0.0).confidence_interval(0.95)
    assert found.high - found.low == pytest.approx(student.high - student.low, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("count", [3, 8, 10, 20])
def test_the_interval_holds_the_mean_in_about_95_of_100_cases(count: int, skewed: bool) -> None:
    """Skewed ones in a few less, as every interval of few values."""
    random, cases, held = np.random.default_rng(count), 400, 0
    for _ in range(cases):
        values = random.lognormal(0.0, 0.5, count) if skewed else random.normal(0.0, 1.0, count)
        found = interval(list(values))
        assert found is not None and found.low is not None and found.high is not None
        held += found.low <= (math.exp(0.125) if skewed else 0.0) <= found.high
    assert (0.87 if skewed else 0.92) <= held / cases <= 0.985


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert interval([2.5]) == Interval(2.5, None, None)
    assert interval([]) is None


@pytest.mark.parametrize("count", [3, 10])
def test_equal_values_have_an_interval_of_no_width(count: int) -> None:
    assert interval([2.0] * count) == Interval(2.0, 2.0, 2.0)


def test_an_interval_is_written_as_mean_and_half_width() -> None:
    assert str(Interval(1.25, 1.0, 1.5)) == "1.2500 ± 0.2500"
    assert str(Interval(1.25, None, None)) == "1.2500"
    assert str(Interval(-123.456, -133.456, -113.456)) == "-123.46 ± 10.00"
    assert str(Interval(1.25, -122.2, 124.7)) == "1.25 ± 123.45"
    assert str(Interval(1234567.0, None, None)) == "1234567"


def test_the_p_value_is_that_of_scipys_paired_test() -> None:
    one, other = [8.9, 19.0, 29.1, 40.2], [10.0, 20.0, 30.0, 40.0]
    found = paired_p_value([a - b for a, b in zip(one, other, strict=True)])
    assert found == pytest.approx(float(stats.ttest_rel(one, other).pvalue))


def test_differences_without_spread_are_certain_and_no_difference_is_none() -> None:
    assert paired_p_value([0.0, 0.0, 0.0]) == 1.0
    assert paired_p_value([0.5, 0.5, 0.5]) == 0.0
    assert paired_p_value([0.5]) is None and paired_p_value([]) is None


def test_chance_is_taken_for_a_difference_in_one_of_twenty_cases() -> None:
    random = np.random.default_rng(0)
    p_values = [paired_p_value(list(random.normal(size=5) - random.normal(size=5))) for _ in range(2000)]
    assert sum(p is not None and p < 0.05 for p in p_values) / 2000 == pytest.approx(0.05, abs=0.015)


def test_holms_correction_is_that_of_his_paper() -> None:
    """The smallest of three times 3, the next times 2, and none below one before it."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02] and holm([]) == []


def test_a_comparison_without_a_test_counts_for_none() -> None:
    assert holm([None, 0.01, 0.04]) == [None, 0.02, 0.04]
