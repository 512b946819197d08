"""Failures by kind, and what to do where nothing came to its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellsearch.study.failures import failures_by_kind, remedy
from cellsearch.study.record import Record
from cellsearch.testing.strategy import record
from cellsearch_search_spaces.gated import RNN


def failed(*reasons: str) -> list[Record]:
    return [replace(record(i, RNN, "failed"), reason=reason) for i, reason in enumerate(reasons)]


def test_reasons_that_differ_in_numbers_alone_are_one_kind_and_the_most_frequent_comes_first() -> None:
    trials = failed("KeyError: 'inputs' (mine.py:31)", "the loss is nan at step 8", "the loss is nan at step 12")
    assert failures_by_kind([*trials, record(3, RNN, score=1.0)]) == [
        "2 x the loss is nan at step ...",
        "1 x KeyError: 'inputs' (mine.py:31)",
    ]
    assert failures_by_kind([record(0, RNN, score=1.0)]) == []


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("the loss is nan at step 8", "begin another study with a lower rate, as --hyperparameter learning_rate=0.001"),
        ("timed out after 600 s", "give them longer with --timeout, and run the same command again"),
        (
            "its worker process died (signal 9)",
            "the machine may lack memory: run the same command again with fewer --workers",
        ),
        ("KeyError: 'inputs' (mine.py:31)", "mend what is named, then run the same command again"),
    ],
)
def test_each_reason_has_its_advice(reason: str, advice: str) -> None:
    assert remedy(failed(reason, reason)) == f"2 x {reason}; {advice}"
