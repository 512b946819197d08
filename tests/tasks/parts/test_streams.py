"""Streams: every token is read once a pass, states go on within it, and a score does not depend on its windows."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch_tasks.parts.streams import nats, windows

TEXT = torch.arange(997)


class Ladder(nn.Module):
    """Knows that the next token is one more, but for how often it has been called."""

    def __init__(self) -> None:
        super().__init__()
        self.sure = nn.Parameter(torch.tensor(5.0), requires_grad=False)

    def forward(self, ids: Tensor, states: Tensor | None = None) -> tuple[Tensor, Tensor]:
        states = torch.zeros(ids.shape[1]) if states is None else states
        before = states + torch.arange(len(ids)).unsqueeze(1)
        return F.one_hot(ids + 1, 1000) * (self.sure / (1 + before)).unsqueeze(-1), states + len(ids)


@pytest.mark.parametrize(("batch", "length"), [(1, 10), (4, 7), (10, 500), (33, 1)])
def test_a_pass_reads_each_stream_in_order(batch: int, length: int) -> None:
    last: Tensor | None = None
    for ids, following, goes_on in itertools.islice(windows(TEXT, batch, length, seed=0), 300):
        assert ids.shape == following.shape
        assert ids.shape[1] == batch
        assert ((following - ids) % len(TEXT) == 1).all()
        if goes_on:
            assert last is not None
            assert torch.equal(ids[0], last)
        last = following[-1]


@pytest.mark.parametrize("window", [1, 7, 1000])
def test_a_score_carries_states_from_window_to_window(window: int) -> None:
    assert nats(Ladder(), TEXT, 3, window) == pytest.approx(nats(Ladder(), TEXT, 3, 332), rel=1e-5)
