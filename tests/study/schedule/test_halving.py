"""Halving: who goes on from a rung, whatever order the candidates came in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellsearch.errors import BudgetError
from cellsearch.study.record import Record
from cellsearch.study.schedule.halving import Halving, halving, waiting
from cellsearch.testing.strategy import SEEDS, record

RUNGS = Halving((10, 30), 90)


def stopped(number: int, **scores: float) -> Record:
    """A candidate that paused at the last of the steps that it has a score of."""
    by_step = {int(step.removeprefix("at_")): score for step, score in scores.items()}
    return replace(record(number, SEEDS[0], "paused"), scores=by_step, checkpoint=max(by_step))


def going_on(records: list[Record], lower_is_better: bool = True) -> int | None:
    promoted = RUNGS.promoted(records, lower_is_better)
    return None if promoted is None else promoted.number


def test_the_best_third_of_those_at_a_rung_goes_on() -> None:
    records = [stopped(number, at_10=float(score)) for number, score in enumerate([5, 3, 4, 2, 6, 1])]
    assert going_on(records[:2]) is None, "a third of two is nobody"
    assert going_on(records[:3]) == 1
    assert going_on(records) == 5
    records[5] = replace(records[5], state="running")
    assert going_on(records) == 3
    records[3] = replace(records[3], state="complete", scores={10: 2.0, 30: 1.0, 90: 0.5})
    assert going_on(records) is None, "a third of six is two, and these were let go on"
    assert going_on(records, lower_is_better=False) == 4


def test_the_highest_rung_comes_first() -> None:
    low = [stopped(number, at_10=float(number)) for number in range(9)]
    high = [stopped(9 + number, at_10=0.0, at_30=float(number)) for number in range(3)]
    assert going_on([*low, *high]) == 9
    assert going_on([*low, *high[:2]]) == 0, "of the eleven at the lower rung"


def test_the_best_score_up_to_a_rung_counts_and_later_ones_do_not() -> None:
    records = [stopped(0, at_5=1.0, at_10=9.0), stopped(1, at_10=2.0), stopped(2, at_10=3.0)]
    assert going_on(records) == 0
    later = replace(stopped(3, at_10=5.0), scores={10: 5.0, 20: 0.0})  # it was interrupted after the rung
    assert going_on([*records[1:], later]) == 1


def test_baselines_are_to_be_beaten_and_never_stop() -> None:
    baselines = [replace(record(n, SEEDS[n], role="baseline"), scores={10: 0.0}, score=0.0) for n in range(2)]
    records = [*baselines, *(stopped(number, at_10=float(number)) for number in range(2, 6))]
    assert going_on(records) is None, "the best third is the two of them"
    assert RUNGS.pause(replace(baselines[0], state="running", scores={})) is None


def test_a_candidate_stops_at_the_next_rung_from_where_it_waits() -> None:
    new = replace(record(0, SEEDS[0], "running"), scores={})
    assert RUNGS.pause(new) == 10
    assert RUNGS.pause(replace(new, checkpoint=10, scores={10: 1.0})) == 30
    assert RUNGS.pause(replace(new, checkpoint=10, scores={10: 1.0, 30: 1.0})) == 30, "after an interruption"
    assert RUNGS.pause(replace(new, checkpoint=30, scores={10: 1.0, 30: 1.0})) is None


def test_who_stopped_latest_is_the_best_of_those_that_wait() -> None:
    assert waiting([record(0, SEEDS[0], score=0.0)], True) == []
    paused = [stopped(0, at_10=1.0), stopped(1, at_10=9.0, at_30=8.0), stopped(2, at_10=9.0, at_30=7.0)]
    assert [each.number for each in waiting(paused, True)] == [2, 1, 0]


@pytest.mark.parametrize(("steps", "rungs"), [(900, (100, 300)), (300, (34, 100)), (5, (1, 2)), (2, (1,)), (1, ())])
def test_the_default_rungs_are_a_ninth_and_a_third_of_the_training(steps: int, rungs: tuple[int, ...]) -> None:
    assert halving(steps) == Halving(rungs, steps)
    assert halving(steps, []) == Halving((), steps)


@pytest.mark.parametrize("rungs", [[0, 5], [5, 5], [7, 5], [5, 10], [11]])
def test_rungs_that_do_not_rise_within_the_training_are_refused(rungs: list[int]) -> None:
    with pytest.raises(BudgetError, match=r"rungs must rise from 1 to less than the 10 steps of a training, got \d"):
        halving(10, rungs)
