"""Ranks over tasks: the tests of Demsar (2006), on the example that his paper computes by hand."""

from __future__ import annotations

import pytest
from scipy import stats

from cellsearch.statistics.ranks import critical_difference, fewest_tasks, ranking

ACCURACIES = {
    "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957],
    "C4.5+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978],
    "C4.5+cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.000, 0.965, 0.614, 0.9751, 0.946],
    "C4.5+m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.000, 0.962, 0.669, 0.975, 0.970],
}
"""Table 6 of the paper: areas under the curve of four learners on 14 data sets."""


def test_demsars_example_has_the_ranks_the_test_and_the_critical_difference_of_his_paper() -> None:
    found = ranking({name: [-value for value in values] for name, values in ACCURACIES.items()})
    means = [round(found.ranks[name].mean, 3) for name in ACCURACIES]
    assert means == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=0.001)
    assert found.p_value is not None and found.p_value == pytest.approx(float(stats.f.sf(3.69, 3, 39)), abs=2e-4)
    assert found.critical == pytest.approx(1.25, abs=0.005)


def test_the_pairwise_tests_against_the_first_are_those_of_bonferroni_and_dunn() -> None:
    """The paper's z of 2.34 and 2.42 against C4.5, which is the control there."""
    found = ranking({name: [-value for value in values] for name, values in ACCURACIES.items()})
    assert found.p_values["C4.5+m"] == pytest.approx(3 * 0.019, abs=0.002)
    assert found.p_values["C4.5+m+cf"] == pytest.approx(3 * 0.016, abs=0.002)


def test_relative_differences_are_shares_of_the_first_cells_score() -> None:
    found = ranking({"first": [2.0, 10.0], "second": [1.8, 9.0], "third": [2.2, 11.0]})
    assert found.relative["second"].mean == pytest.approx(-0.1) and found.relative["third"].mean == pytest.approx(0.1)
    assert set(found.relative) == {"second", "third"}


def test_ties_share_their_rank() -> None:
    found = ranking({"a": [1.0, 1.0], "b": [1.0, 2.0], "c": [3.0, 3.0]})
    assert [found.ranks[name].mean for name in "abc"] == [1.25, 1.75, 3.0]


def test_one_task_or_two_cells_have_no_test_over_tasks() -> None:
    assert ranking({"a": [1.0], "b": [2.0], "c": [3.0]}).p_value is None
    assert ranking({"a": [1.0, 2.0], "b": [2.0, 1.0]}).critical is None


def test_tasks_that_all_rank_alike_are_no_certainty() -> None:
    found = ranking({"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [3.0, 3.0]})
    assert found.p_value == pytest.approx(1 / 6)


def test_more_cells_ask_for_larger_differences_and_more_tasks_for_smaller_ones() -> None:
    assert critical_difference(70, 4) > critical_difference(10, 4) > critical_difference(10, 8)


def test_relative_differences_to_a_score_of_zero_do_not_exist() -> None:
    found = ranking({"first": [0.0, 10.0], "second": [1.0, 9.0]})
    assert found.relative == {} and found.ranks["first"].mean == 1.5


def test_the_interval_of_a_mean_rank_holds_no_rank_that_there_is_not() -> None:
    found = ranking({"a": [1.0, 3.0], "b": [2.0, 1.0], "c": [3.0, 2.0]}).ranks
    assert [(each.low, each.high) for each in found.values()] == [(1.0, 3.0)] * 3


def test_two_cells_are_held_against_each_other_by_the_sign_test_without_ties() -> None:
    """Five wins of five have the odds 2 / 2^5, six of six 2 / 2^6; a tie is no win."""
    five = ranking({"a": [2.0] * 6, "b": [1.0] * 5 + [2.0]})
    six = ranking({"a": [2.0] * 6, "b": [1.0] * 6})
    assert five.p_values["b"] == pytest.approx(2 / 2**5) and not five.differs("b")
    assert six.p_values["b"] == pytest.approx(2 / 2**6) and six.differs("b")
    assert ranking({"a": [1.0, 2.0], "b": [1.0, 2.0]}).p_values["b"] == 1.0


def test_one_of_the_cells_differs_only_where_all_together_do() -> None:
    """Of 20 cells on two tasks that agree on one alone, its own test would be passed."""
    cells = {str(cell): [float(cell), float((7 * cell) % 19 if cell < 19 else 19)] for cell in range(20)}
    found = ranking(cells)
    assert found.p_values["19"] < 0.05 and found.p_value is not None and found.p_value > 0.05
    assert not found.differs("19")


@pytest.mark.parametrize(("cells", "tasks"), [(2, 6), (3, 3)])
def test_from_so_many_tasks_on_a_difference_could_be_shown(cells: int, tasks: int) -> None:
    assert fewest_tasks(cells) == tasks
    agreed = {str(cell): [float(cell)] for cell in range(cells)}
    shown = [ranking({name: each * n for name, each in agreed.items()}).differs(str(cells - 1)) for n in (1, 2, tasks)]
    assert shown == [False, False, True]
