"""Delayed recall: the first symbol is the answer, the distractors say nothing of it."""

from __future__ import annotations

import pytest
import torch

from cellsearch.testing.task import check_task
from cellsearch_tasks.delayed_recall import CUE, SYMBOLS, TASK, DelayedRecall
from cellsearch_tasks.parts.sequences import IGNORED
from tests.helpers.tasks.oracle import Oracle


@pytest.mark.parametrize("length", ["1", "20"])
def test_it_is_a_task(length: str) -> None:
    check_task("delayed_recall", {"length": length, "batch": "8"})


def test_a_symbol_then_distractors_then_the_cue() -> None:
    ids, targets = next(DelayedRecall(length=30, batch=200).batches(0))
    assert ids.shape == (32, 200)
    assert ids[0].unique().tolist() == list(range(SYMBOLS))
    assert ids[1:-1].unique().tolist() == list(range(SYMBOLS, CUE))
    assert (ids[-1] == CUE).all()
    assert (targets[:-1] == IGNORED).all()
    assert torch.equal(targets[-1], ids[0])


def test_whoever_remembers_the_first_symbol_is_always_right() -> None:
    model = Oracle(SYMBOLS, lambda ids: [ids[0]] * len(ids))
    assert TASK.score(model, "validation") == 1
    assert TASK.details(model) == {"accuracy at length 40": 1.0, "accuracy at length 80": 1.0}


def test_guessing_is_right_once_in_eight() -> None:
    assert TASK.score(Oracle(SYMBOLS, lambda ids: [3] * len(ids)), "test") == pytest.approx(1 / 8, abs=0.03)
