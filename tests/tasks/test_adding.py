"""The adding problem: two marked numbers, their sum, and the error of always answering one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch.training import load_task
from cellsearch_tasks.adding import TASK, Adding


class One(nn.Module):
    """Always answers one."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answer.expand(x.shape[1])


class Sum(One):
    """Answers the sum of the marked numbers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answer * (x[..., 0] * x[..., 1]).sum(0)


@pytest.mark.parametrize("length", ["2", "3", "50"])
def test_it_is_a_task(length: str) -> None:
    check_task("adding", {"length": length, "batch": "8"})


@pytest.mark.parametrize("length", [2, 3, 50, 101])
def test_one_number_in_each_half_is_marked(length: int) -> None:
    x, target = next(Adding(length, batch=200).batches(0))
    assert x.shape == (length, 200, 2)
    numbers, marks = x.unbind(-1)
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert (marks[: length // 2].sum(0) == 1).all()
    assert (marks[length // 2 :].sum(0) == 1).all()
    torch.testing.assert_close(target, (numbers * marks).sum(0))


def test_every_place_is_marked_now_and_then() -> None:
    x, _ = next(Adding(10, batch=2000).batches(0))
    assert (x[..., 1].sum(1) > 0).all()


@pytest.mark.parametrize("split", ["validation", "test"])
def test_always_answering_one_has_an_error_of_a_sixth(split: str) -> None:
    assert TASK.score(One(), split) == pytest.approx(1 / 6, rel=0.1)


def test_the_sum_itself_has_no_error() -> None:
    assert TASK.score(Sum(), "validation") == pytest.approx(0, abs=1e-12)


def test_the_length_is_an_option() -> None:
    assert load_task("adding", {"length": "120"}) == Adding(length=120)


@pytest.mark.parametrize("options", [{"length": 1}, {"batch": 0}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(DataError, match="adding needs length at least 2 and batch at least 1"):
        Adding(**options).prepare()


def test_details_tell_the_error_on_longer_sequences() -> None:
    assert Adding(length=10).details(Sum()) == pytest.approx({"error at length 20": 0, "error at length 40": 0})
    assert Adding(length=10).details(One()) == pytest.approx(
        {"error at length 20": 1 / 6, "error at length 40": 1 / 6}, rel=0.1
    )
