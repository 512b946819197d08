"""Associative recall: the digit that came after the letter that is asked."""

from __future__ import annotations

import pytest

from cellsearch.testing.task import check_task
from cellsearch_tasks.associative_recall import DIGITS, LETTERS, QUESTION, TASK, AssociativeRecall
from tests.helpers.tasks.oracle import Oracle


def lookup(ids: list[int]) -> list[int]:
    pairs = dict(zip(ids[:-3:2], ids[1:-3:2], strict=True))
    return [0] * (len(ids) - 1) + [pairs[ids[-1]] - LETTERS]


@pytest.mark.parametrize("length", ["1", "4", "26"])
def test_it_is_a_task(length: str) -> None:
    check_task("associative_recall", {"length": length, "batch": "8"})


def test_pairs_then_two_question_marks_then_a_letter_that_came() -> None:
    ids, _ = next(AssociativeRecall(length=5, batch=400).batches(0))
    assert ids.shape == (13, 400)
    letters, digits = ids[:10:2], ids[1:10:2]
    assert letters.unique().tolist() == list(range(LETTERS))
    assert digits.unique().tolist() == list(range(LETTERS, LETTERS + DIGITS))
    assert all(len(set(column)) == 5 for column in letters.t().tolist())
    assert (ids[10:12] == QUESTION).all()
    places = (letters == ids[12]).long().argmax(0)
    assert places.unique().tolist() == [0, 1, 2, 3, 4]


def test_looking_it_up_is_always_right() -> None:
    assert TASK.score(Oracle(DIGITS, lookup), "validation") == 1
    assert TASK.details(Oracle(DIGITS, lookup)) == {"accuracy at length 8": 1.0, "accuracy at length 16": 1.0}


def test_the_last_digit_is_right_about_once_in_as_many_pairs() -> None:
    last = Oracle(DIGITS, lambda ids: [0] * (len(ids) - 1) + [ids[-4] - LETTERS])
    assert TASK.score(last, "test") == pytest.approx(1 / 4 + 3 / 4 / 10, abs=0.04)
