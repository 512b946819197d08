"""The module is called, saved and refuses like `torch.nn.LSTM`."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from cellsearch.cell import Cell, Node
from cellsearch.recurrence import RNN, parameter_count
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM

X = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))


def test_a_missing_initial_state_is_zeros() -> None:
    rnn = RNN(LSTM, 3, 4, num_layers=2)
    zeros = torch.zeros(2, 2, 4)
    assert torch.equal(rnn(X)[0], rnn(X, (zeros, zeros))[0])


def test_a_cell_of_one_state_takes_and_gives_a_tensor_others_a_tuple() -> None:
    assert isinstance(RNN(GRU, 3, 4)(X)[1], Tensor)
    assert isinstance(RNN(LSTM, 3, 4)(X)[1], tuple)
    assert RNN(GRU, 3, 4)(X, (torch.zeros(1, 2, 4),))[0].shape == (5, 2, 4)


def test_sequences_in_two_pieces_give_what_the_whole_gives() -> None:
    rnn = RNN(LSTM, 3, 4, num_layers=2)
    first, states = rnn(X[:2])
    rest, _ = rnn(X[2:], states)
    torch.testing.assert_close(torch.cat([first, rest]), rnn(X)[0])


def test_batch_first_only_turns_the_sequence() -> None:
    rnn, turned = RNN(GRU, 3, 4), RNN(GRU, 3, 4, batch_first=True)
    turned.load_state_dict(rnn.state_dict())
    torch.testing.assert_close(turned(X.transpose(0, 1))[0], rnn(X)[0].transpose(0, 1))
    torch.testing.assert_close(turned(X[:, 0])[0], rnn(X[:, 0])[0])


def test_the_second_direction_reads_from_the_end() -> None:
    rnn = RNN(GRU, 3, 4, bidirectional=True)
    output, last = rnn(X)
    assert torch.equal(last[0], output[-1, :, :4])
    assert torch.equal(last[1], output[0, :, 4:])


def test_dropout_falls_between_layers_in_training_alone() -> None:
    torch.manual_seed(0)
    dropping, plain = RNN(GRU, 3, 4, num_layers=2, dropout=1.0), RNN(GRU, 3, 4, num_layers=2)
    for parameter in dropping.parameters():
        torch.nn.init.normal_(parameter)
    plain.load_state_dict(dropping.state_dict())
    assert not torch.equal(dropping(X)[0], plain(X)[0])
    torch.testing.assert_close(dropping(X)[1][0], plain(X)[1][0])  # the first layer sees all of its input
    assert torch.count_nonzero(dropping(X)[0]) == dropping(X)[0].numel()  # the last layer's output is left whole
    dropping.eval()
    assert torch.equal(dropping(X)[0], plain(X)[0])


def test_weights_begin_within_their_bound_and_biases_where_the_cell_says() -> None:
    rnn = RNN(LSTM, 3, 100)
    learned: Any = rnn.layers[0]
    assert learned.weight_1_forget_gate_linear.abs().max() <= 0.1
    assert (learned.bias_forget_gate_linear == 1).all()
    assert (learned.bias_input_gate_linear == 0).all()
    torch.nn.init.zeros_(learned.weight_0_forget_gate_linear)
    rnn.reset_parameters()
    assert learned.weight_0_forget_gate_linear.abs().max() > 0


def test_an_input_of_another_size_used_raw_gets_a_projection() -> None:
    cell = Cell("running_sum", {"total": Node("sum", ("x", "h"))}, {"h": "total"}, "total")
    assert parameter_count(RNN(cell, 4, 4)) == 0
    rnn = RNN(cell, 3, 4, num_layers=2, bidirectional=True)
    assert parameter_count(rnn) == 2 * (4 * 3 + 4) + 2 * (4 * 8 + 4)
    assert rnn(X)[0].shape == (5, 2, 8)


def test_a_copy_and_a_pickle_compute_the_same_and_are_apart() -> None:
    rnn = RNN(LSTM, 3, 4, num_layers=2)
    expected = rnn(X)[0].detach()
    for twin in (copy.deepcopy(rnn), pickle.loads(pickle.dumps(rnn))):
        assert torch.equal(twin(X)[0], expected)
        with torch.no_grad():
            next(twin.parameters()).zero_()
    assert torch.equal(rnn(X)[0], expected)


def test_a_state_dict_goes_through_a_file() -> None:
    rnn, other = RNN(LSTM, 3, 4, bidirectional=True), RNN(LSTM, 3, 4, bidirectional=True, backend="reference")
    file = io.BytesIO()
    torch.save(rnn.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(other(X)[0], rnn(X)[0])


def test_device_and_dtype_are_those_asked_for() -> None:
    assert RNN(LSTM, 3, 4, dtype=torch.float64)(X.double())[0].dtype == torch.float64
    assert next(RNN(LSTM, 3, 4, device="meta").parameters()).is_meta


@given(cells())
@settings(max_examples=20)
def test_every_cell_makes_a_module(cell: Cell) -> None:
    output, last = RNN(cell, 3, 4, num_layers=2, bidirectional=True)(X)
    states = last if isinstance(last, tuple) else (last,)
    assert output.shape == (5, 2, 8)
    assert [state.shape for state in states] == [(4, 2, 4)] * len(cell.states)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be at least 1, got 0"),
        ({"input_size": -1}, "input_size must be at least 1, got -1"),
        ({"num_layers": 0}, "num_layers must be at least 1, got 0"),
        ({"dropout": 1.5}, "dropout must be a probability, 0 to 1, got 1.5"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RNN(LSTM, **{"input_size": 3, "hidden_size": 4, **settings})


@pytest.mark.parametrize(
    ("x", "initial", "message"),
    [
        (torch.zeros(5, 2, 4), None, r"input must be \[T, B, 3\] or \[T, 3\], got \[5, 2, 4\]"),
        (torch.zeros(3), None, r"got \[3\]"),
        (torch.zeros(0, 2, 3), None, "at least one step"),
        (X, torch.zeros(1, 2, 4), r"cell 'lstm' has 2 states \(h, c\), got 1"),
        (X, (torch.zeros(1, 2, 4), torch.zeros(2, 4)), r"initial state 'c' must be \[1, 2, 4\], got \[2, 4\]"),
        (X, (torch.zeros(1, 3, 4),) * 2, r"initial state 'h' must be \[1, 2, 4\], got \[1, 3, 4\]"),
        (X[:, 0], (torch.zeros(1, 1, 4),) * 2, r"initial state 'h' must be \[1, 4\], got \[1, 1, 4\]"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(x: Tensor, initial: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RNN(LSTM, 3, 4)(x, initial)


def test_a_batch_first_message_names_the_order_asked_for() -> None:
    with pytest.raises(ValueError, match=r"input must be \[B, T, 3\] or \[T, 3\]"):
        RNN(LSTM, 3, 4, batch_first=True)(torch.zeros(5, 2, 4))
