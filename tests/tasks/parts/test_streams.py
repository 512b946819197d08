"""Streams: every token is read once a pass, states go on within it, and a score does not depend on its windows."""

from __future__ import annotations

import itertools
from array import array

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch_tasks.parts.streams import characters, nats, numbers, smallest, windows, words

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


PROSE = "Ein Käse,\n\nzwei 🧀  und\tdrei\n  Mäuse\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_text_in_pieces_has_the_numbers_of_the_whole(size: int) -> None:
    pieces = [PROSE[i : i + size] for i in range(0, len(PROSE), size)]
    alphabet = sorted(set(PROSE))
    count, ids = characters(lambda: pieces)
    assert (count, [alphabet[i] for i in ids]) == (len(alphabet), list(PROSE))
    some = itertools.chain.from_iterable(words(pieces, "<eos>"))
    assert list(some) == ["Ein", "Käse,", "<eos>", "<eos>", "zwei", "🧀", "und", "drei", "<eos>", "Mäuse", "<eos>"]


@pytest.mark.parametrize("tokens", [2, 256, 257, 1 << 15, (1 << 15) + 1])
def test_numbers_are_kept_small_and_whole(tokens: int) -> None:
    kept = numbers(array("i", [0, tokens - 1]), tokens)
    assert kept.dtype == smallest(tokens) and kept.tolist() == [0, tokens - 1]
    ids, following, _ = next(windows(kept.repeat(50), 2, 5, seed=0))
    assert ids.dtype == following.dtype == torch.int64
    assert {*ids.flatten().tolist()} == {0, tokens - 1}
