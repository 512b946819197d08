"""A backend is chosen by name, or the first that does not refuse."""

from __future__ import annotations

import pytest
import torch

from cellsearch.errors import BackendError
from cellsearch.recurrence import BACKENDS, RNN, choose, refusals
from cellsearch_search_spaces.gated import LSTM
from tests.helpers.recurrence.examples import ON_CPU

X = torch.zeros(2, 1, 3)


def test_the_fastest_backend_that_takes_the_cell_is_chosen() -> None:
    assert choose(LSTM, X) is BACKENDS[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert choose(LSTM, X).name == "reference"


def test_the_last_backend_refuses_nothing() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert BACKENDS[-1].refuses(LSTM, X) is None


@pytest.mark.parametrize("name", ON_CPU)
def test_a_backend_is_found_by_its_name(name: str) -> None:
    assert choose(LSTM, X, name).name == name


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BackendError, match="no backend 'fast'; use auto, native, gpu, eager, reference"):
        RNN(LSTM, 3, 4, backend="fast")(X)


def test_a_named_backend_that_refuses_says_why() -> None:
    with (
        torch.autocast("cpu", dtype=torch.bfloat16),
        pytest.raises(BackendError, match="backend 'eager' cannot run cell 'lstm': autocast is on"),
    ):
        choose(LSTM, X, "eager")


def test_the_reasons_of_the_choice_can_be_read() -> None:
    assert refusals(LSTM, X) == {}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert list(refusals(LSTM, X)) == ["native", "gpu", "eager"]


@pytest.mark.parametrize("name", ON_CPU)
def test_many_gradients_at_once_are_those_of_one_after_another(name: str) -> None:
    rnn = RNN(LSTM, 3, 4, num_layers=2, backend=name, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    wanted = [x, *rnn.parameters()]
    output, _ = rnn(x)
    directions = torch.randn(3, *output.shape, dtype=torch.float64)
    together = torch.autograd.grad(output, wanted, directions, is_grads_batched=True, retain_graph=True)
    apart = [torch.autograd.grad(output, wanted, each, retain_graph=True) for each in directions]
    for found, *expected in zip(together, *apart, strict=True):
        torch.testing.assert_close(found, torch.stack(expected))


@pytest.mark.parametrize("name", ON_CPU)
def test_a_vectorized_jacobian_is_the_jacobian(name: str) -> None:
    rnn = RNN(LSTM, 3, 4, backend=name, dtype=torch.float64)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    slow, fast = (torch.autograd.functional.jacobian(lambda x: rnn(x)[0][-1], x, vectorize=v) for v in (False, True))
    torch.testing.assert_close(fast, slow)
