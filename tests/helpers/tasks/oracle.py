"""Models that know the answer: a task whose data are true gives them the best score."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Oracle(nn.Module):
    """Answers each sequence [T] of symbols with what a plain function says of it, `answers` different ones."""

    def __init__(self, answers: int, answer: Callable[[list[int]], Sequence[int]]) -> None:
        super().__init__()
        self.answers = answers
        self.answer = answer
        self.sureness = nn.Parameter(torch.tensor(1e3), requires_grad=False)

    def forward(self, ids: Tensor, states: object = None) -> tuple[Tensor, None]:
        columns = [list(self.answer(column)) for column in ids.t().tolist()]
        assert {len(column) for column in columns} == {len(ids)}
        return self.sureness * F.one_hot(torch.tensor(columns).t(), self.answers), None
