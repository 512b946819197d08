"""Ragged sequences: padded and packed they are the same tokens, and every sequence is drawn once a pass."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_packed_sequence

from cellsearch_tasks.parts.ragged import PADDING, by_length, ragged, shuffled

SEQUENCES = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=8)


@given(SEQUENCES, st.data())
def test_the_chosen_sequences_come_back_in_their_order(sequences: list[list[int]], data: st.DataObject) -> None:
    kept = ragged(sequences)
    chosen = data.draw(st.lists(st.integers(0, len(sequences) - 1), min_size=1, max_size=5))
    padded = kept.padded(torch.tensor(chosen))
    for column, which in zip(padded.t().tolist(), chosen, strict=True):
        length = len(sequences[which])
        assert column[:length] == sequences[which]
        assert set(column[length:]) <= {PADDING}
    unpacked, lengths = pad_packed_sequence(kept.packed(torch.tensor(chosen)))
    assert torch.equal(unpacked, padded)
    assert lengths.tolist() == [len(sequences[which]) for which in chosen]


@pytest.mark.parametrize("batch", [1, 3, 10, 99])
def test_a_pass_draws_each_sequence_once_in_even_batches(batch: int) -> None:
    lengths = torch.arange(1, 26)
    count = -(-25 // batch)
    drawn = list(itertools.islice(shuffled(lengths, batch, seed=1), 2 * count))
    for one_pass in (drawn[:count], drawn[count:]):
        assert sorted(torch.cat(one_pass).tolist()) == list(range(25))
        sizes = [len(each) for each in one_pass]
        assert max(sizes) <= batch
        assert max(sizes) - min(sizes) <= 1
    assert not torch.equal(torch.cat(drawn[:count]), torch.cat(drawn[count:]))


def test_batches_have_similar_lengths() -> None:
    lengths = torch.randint(1, 100, (1000,), generator=torch.Generator().manual_seed(0))
    batches = itertools.islice(shuffled(lengths, 20, seed=0), 50)
    spread = torch.stack([(lengths[each].max() - lengths[each].min()).float() for each in batches])
    assert spread.mean() < 40


def test_in_order_of_length_each_sequence_comes_once() -> None:
    lengths = torch.tensor([3, 1, 2, 1, 5])
    assert torch.cat(list(by_length(lengths, 2))).tolist() == [1, 3, 2, 0, 4]
