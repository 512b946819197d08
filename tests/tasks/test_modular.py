"""Modular arithmetic: the answer at each number is what Python makes of the expression so far."""

from __future__ import annotations

import pytest

from cellsearch.testing.task import check_task
from cellsearch_tasks.modular import MODULUS, TASK, Modular
from cellsearch_tasks.parts.sequences import IGNORED
from tests.helpers.tasks.oracle import Oracle

SYMBOLS = "01234+-*"


def python(ids: list[int]) -> list[int]:
    expression = "".join(SYMBOLS[i] for i in ids)
    return [eval(expression[: t + 1]) % MODULUS if t % 2 == 0 else 0 for t in range(len(ids))]


@pytest.mark.parametrize("length", ["1", "2", "10"])
def test_it_is_a_task(length: str) -> None:
    check_task("modular", {"length": length, "batch": "8"})


def test_numbers_and_operators_take_turns_and_numbers_are_asked() -> None:
    ids, targets = next(Modular(length=6, batch=300).batches(0))
    assert ids.shape == (11, 300)
    assert ids[::2].unique().tolist() == [0, 1, 2, 3, 4]
    assert ids[1::2].unique().tolist() == [5, 6, 7]
    assert (targets[1::2] == IGNORED).all()


@pytest.mark.parametrize("length", [1, 2, 3, 12])
def test_python_is_always_right(length: int) -> None:
    assert Modular(length).score(Oracle(MODULUS, python), "validation") == 1


def test_python_is_right_on_longer_expressions() -> None:
    assert set(Modular(length=4).details(Oracle(MODULUS, python)).values()) == {1.0}


def test_no_answer_is_much_more_frequent() -> None:
    for answer in range(MODULUS):
        assert TASK.score(Oracle(MODULUS, lambda ids: [answer] * len(ids)), "test") < 0.4  # noqa: B023
