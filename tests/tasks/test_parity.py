"""Parity: the answer at each step is the parity of the bits so far."""

from __future__ import annotations

import pytest

from cellsearch.testing.task import check_task
from cellsearch_tasks.parity import TASK
from tests.helpers.tasks.oracle import Oracle


def parity(bits: list[int]) -> list[int]:
    return [sum(bits[: t + 1]) % 2 for t in range(len(bits))]


@pytest.mark.parametrize("length", ["1", "20"])
def test_it_is_a_task(length: str) -> None:
    check_task("parity", {"length": length, "batch": "8"})


def test_counting_is_always_right_at_any_length() -> None:
    assert TASK.score(Oracle(2, parity), "validation") == 1
    assert TASK.details(Oracle(2, parity)) == {f"accuracy at length {n}": 1.0 for n in (80, 200, 400)}


def test_the_last_bit_alone_says_nothing() -> None:
    assert TASK.score(Oracle(2, lambda bits: bits), "test") == pytest.approx(0.5, abs=0.03)
