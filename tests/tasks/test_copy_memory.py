"""Copy memory: the symbols come back after the mark, and a memoryless guess costs what is published."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from cellsearch.testing.task import check_task
from cellsearch_tasks.copy_memory import BLANK, MARK, REMEMBERED, SYMBOLS, TASK, CopyMemory
from tests.helpers.tasks.oracle import Oracle


class Memoryless(nn.Module):
    """Blank until the mark, then all symbols alike."""

    def __init__(self) -> None:
        super().__init__()
        self.sure = nn.Parameter(torch.tensor(50.0), requires_grad=False)

    def forward(self, ids: Tensor) -> tuple[Tensor, None]:
        logits = torch.zeros(*ids.shape, SYMBOLS + 1)
        logits[:-REMEMBERED, :, BLANK] = self.sure
        logits[-REMEMBERED:, :, BLANK] = -self.sure
        return logits, None


def remembering(ids: list[int]) -> list[int]:
    return [BLANK] * (len(ids) - REMEMBERED) + ids[:REMEMBERED]


def forgetting_the_first(ids: list[int]) -> list[int]:
    answers = remembering(ids)
    answers[-REMEMBERED] = BLANK
    return answers


@pytest.mark.parametrize("length", ["1", "50"])
def test_it_is_a_task(length: str) -> None:
    check_task("copy_memory", {"length": length, "batch": "8"})


@pytest.mark.parametrize("length", [1, 2, 50])
def test_ten_symbols_a_silence_a_mark_and_room_to_answer(length: int) -> None:
    ids, targets = next(CopyMemory(length, batch=100).batches(0))
    assert ids.shape == targets.shape == (length + 20, 100)
    assert ids[:10].unique().tolist() == list(range(1, SYMBOLS + 1))
    assert (ids[10 : 10 + length - 1] == BLANK).all()
    assert (ids[10 + length - 1] == MARK).all()
    assert (ids[10 + length :] == BLANK).all()
    assert (targets[:-10] == BLANK).all()
    assert torch.equal(targets[-10:], ids[:10])


@pytest.mark.parametrize(("length", "published"), [(50, 0.297), (200, 0.0945)])
def test_whoever_remembers_nothing_has_the_published_loss(length: int, published: float) -> None:
    loss = CopyMemory(length).score(Memoryless(), "validation")
    assert loss == pytest.approx(10 * math.log(8) / (length + 20), rel=1e-5)
    assert loss == pytest.approx(published, rel=2e-3)


def test_whoever_remembers_all_has_no_loss_at_any_length() -> None:
    model = Oracle(SYMBOLS + 1, remembering)
    assert TASK.score(model, "test") == pytest.approx(0, abs=1e-6)
    assert TASK.details(model) == {"recall at length 50": 1.0, "recall at length 100": 1.0}


def test_recall_counts_the_symbols_and_not_the_silence() -> None:
    details = TASK.details(Oracle(SYMBOLS + 1, forgetting_the_first))
    assert details["recall at length 50"] == pytest.approx(0.9)
