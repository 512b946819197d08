"""A packed sequence gives what each of its sequences gives alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from cellsearch.recurrence import RNN
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.recurrence.examples import ON_CPU

LENGTHS = [2, 5, 1, 5, 3]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("backend", ON_CPU)
def test_each_sequence_is_run_as_if_it_were_alone(backend: str, bidirectional: bool) -> None:
    rnn, sequences = _case(backend, bidirectional)
    initial = torch.randn(len(rnn.layers), len(LENGTHS), 4, dtype=torch.float64)
    packed, last = rnn(pack_sequence(sequences, enforce_sorted=False), initial)
    for i, output in enumerate(unpack_sequence(packed)):
        alone, last_alone = rnn(sequences[i], initial[:, i])
        torch.testing.assert_close(output, alone)
        torch.testing.assert_close(last[:, i], last_alone)


def test_gradients_reach_each_sequence_and_its_initial_state() -> None:
    rnn, sequences = _case("eager", bidirectional=True)
    initial = torch.randn(4, len(LENGTHS), 4, dtype=torch.float64, requires_grad=True)
    for sequence in sequences:
        sequence.requires_grad_()
    packed, last = rnn(pack_sequence(sequences, enforce_sorted=False), initial)
    together = torch.autograd.grad(packed.data.sin().sum() + last.sin().sum(), [initial, *sequences])
    total = torch.zeros((), dtype=torch.float64)
    for i, sequence in enumerate(sequences):
        output, state = rnn(sequence, initial[:, i])
        total = total + output.sin().sum() + state.sin().sum()
    torch.testing.assert_close(together, torch.autograd.grad(total, [initial, *sequences]))


def test_the_packing_comes_back_as_it_was() -> None:
    packed = pack_sequence([torch.randn(n, 3) for n in LENGTHS], enforce_sorted=False)
    output, (h, c) = RNN(LSTM, 3, 4)(packed)
    assert torch.equal(output.batch_sizes, packed.batch_sizes)
    assert torch.equal(output.sorted_indices, packed.sorted_indices)
    assert torch.equal(output.unsorted_indices, packed.unsorted_indices)
    assert h.shape == c.shape == (1, len(LENGTHS), 4)


def test_a_packed_input_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"packed input must be \[rows, 3\], got \[2, 5\]"):
        RNN(LSTM, 3, 4)(pack_sequence([torch.zeros(2, 5)]))


def _case(backend: str, bidirectional: bool) -> tuple[RNN, list[Tensor]]:
    torch.manual_seed(0)
    rnn = RNN(GRU, 3, 4, num_layers=2, bidirectional=bidirectional, backend=backend, dtype=torch.float64)
    return rnn, [torch.randn(n, 3, dtype=torch.float64) for n in LENGTHS]
