"""Intervals that hold what they promise, and tests that find nothing where nothing is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from cellsearch.statistics.differences import CLAIM, Difference, Interval, interval
from cellsearch.statistics.differences import difference as paired


def difference(values: Sequence[float], comparisons: int = 1) -> Difference | None:
    """The difference of scores that are these values to others of 0."""
    return paired(dict(enumerate(values)), dict.fromkeys(range(len(values)), 0.0), comparisons)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.5, 1.25, 3.0], [0.1, 0.2, 0.4, 0.8, 1.6], [-3.0, 5.0, 4.0, 4.0]])
def test_the_interval_of_a_few_values_is_that_of_scipys_own_t_test(values: list[float]) -> None:
    found = interval(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found is not None and found.low is not None and found.high is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(sum(values) / len(values))


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
def test_equal_values_have_no_interval_rather_than_one_of_no_width(count: int) -> None:
    assert interval([2.0] * count) == Interval(2.0, None, None)


def test_an_interval_is_written_as_mean_and_half_width() -> None:
    assert str(Interval(1.25, 1.0, 1.5)) == "1.2500 ± 0.2500"
    assert str(Interval(1.25, None, None)) == "1.2500"
    assert str(Interval(-123.456, -133.456, -113.456)) == "-123.46 ± 10.00"
    assert str(Interval(1.25, -122.2, 124.7)) == "1.25 ± 123.45"
    assert str(Interval(1234567.0, None, None)) == "1234567"


def test_the_p_value_is_that_of_scipys_paired_test() -> None:
    one, other = [8.9, 19.0, 29.1, 40.2], [10.0, 20.0, 30.0, 40.0]
    found = paired(dict(enumerate(one)), dict(enumerate(other)))
    assert found is not None and found.p_value == pytest.approx(float(stats.ttest_rel(one, other).pvalue))


def test_ties_are_ties_and_equal_differences_are_not_certain() -> None:
    tie, same = difference([0.0] * 6), difference([0.5] * 6)
    assert tie is not None and same is not None
    assert (tie.p_value, same.p_value) == (1.0, 2 / 2**6)
    assert not tie.shown and not same.shown
    assert same.interval == Interval(0.5, None, None) and same.detectable is None


@pytest.mark.parametrize("rounded", [float, np.float32], ids=["float64", "float32"])
def test_differences_that_rounding_alone_sets_apart_are_equal(rounded: type) -> None:
    """Shares of right answers, one hundredth apart with every seed: as numbers, no two differences are alike."""
    scores = {seed: float(rounded((3 + 19 * seed) / 100)) for seed in range(6)}
    found = paired(scores, {seed: float(rounded((2 + 19 * seed) / 100)) for seed in scores})
    assert found is not None and not found.shown
    assert (found.interval.low, found.spread, found.p_value) == (None, 0.0, 2 / 2**6)


def test_scores_that_rounding_alone_sets_apart_are_a_tie_without_an_interval() -> None:
    scores = {seed: 0.1 * 3 if seed % 2 else 0.3 for seed in range(6)}
    found = paired(scores, dict.fromkeys(scores, 0.3))
    assert found is not None and (found.p_value, found.shown, found.detectable) == (1.0, False, None)
    spread = interval(list(scores.values()))
    assert spread is not None and spread.low is None


def test_fewer_than_five_seeds_claim_nothing_however_clear() -> None:
    values = [1.0, 1.01, 0.99, 1.005, 0.995]
    assert [difference(values[:n]).shown for n in (2, 3, 4, 5)] == [False, False, False, True]  # type: ignore[union-attr]


def test_one_difference_has_neither_interval_nor_p_value_and_none_is_none() -> None:
    one = difference([0.5])
    assert one is not None and (one.interval.low, one.p_value, one.shown) == (None, None, False)
    assert difference([]) is None


def test_a_difference_is_claimed_exactly_where_its_p_value_is_under_one_per_cent() -> None:
    """The table must never show an interval clear of zero beside "no difference", or the other way round."""
    random = np.random.default_rng(1)
    shown = 0
    for _ in range(500):
        found = difference(list(random.normal(1.2, 1.0, 8)), comparisons=3)
        assert found is not None and found.p_value is not None
        assert found.shown == (found.p_value < 1 - CLAIM)
        shown += found.shown
    assert 50 < shown < 450


def test_several_comparisons_widen_the_interval_and_multiply_the_p_value() -> None:
    values = [0.3, 0.5, 0.4, 0.35, 0.6]
    one, three = difference(values), difference(values, comparisons=3)
    assert one is not None and three is not None and one.p_value is not None
    assert three.p_value == pytest.approx(3 * one.p_value)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(1 - (1 - CLAIM) / 3)
    assert (three.interval.low, three.interval.high) == pytest.approx((expected.low, expected.high))


def test_chance_is_taken_for_a_difference_in_one_of_a_hundred_cases() -> None:
    random = np.random.default_rng(0)
    found = [difference(list(random.normal(size=5) - random.normal(size=5))) for _ in range(2000)]
    assert sum(each is not None and each.shown for each in found) / 2000 == pytest.approx(1 - CLAIM, abs=0.006)


def test_a_difference_of_the_detectable_size_is_shown_in_eight_of_ten_cases() -> None:
    random = np.random.default_rng(2)
    size = difference(list(random.normal(0.0, 1.0, 4000))[:10])
    assert size is not None
    # The detectable difference of ten seeds with a spread of one, from the quantiles of Student's t.
    expected = float(stats.t.ppf((1 + CLAIM) / 2, 9) + stats.t.ppf(0.8, 9)) / math.sqrt(10)
    assert size.detectable == pytest.approx(expected * size.spread)
    cases = [difference(list(random.normal(expected, 1.0, 10))) for _ in range(2000)]
    assert sum(each is not None and each.shown for each in cases) / 2000 == pytest.approx(0.8, abs=0.04)
