from __future__ import annotations

from math import inf, isfinite, log

import pytest
import torch

from cellsearch import plugins
from cellsearch.signals import STATE_SIGNALS, gradient_by_lag, lyapunov_exponents, probe
from cellsearch.signals.states import growth, output_variance
from tests.helpers.known_signals import DEAF, EXPLOSIVE, HALVING


def test_a_cell_that_halves_its_state_has_exponents_of_minus_ln_two() -> None:
    exponents = lyapunov_exponents(probe(HALVING))
    torch.testing.assert_close(exponents, torch.full_like(exponents, -log(2)))


def test_the_exponents_add_up_to_the_log_determinant_of_the_whole_jacobian() -> None:
    fresh = probe(plugins.seed("lstm"), input_size=3, hidden_size=4, steps=2, batch=1)

    def last(states: torch.Tensor) -> torch.Tensor:
        h, c = states.view(2, 1, 1, 4)
        _, end = fresh.rnn(fresh.x, (h, c))
        return torch.cat([state.flatten() for state in end])

    whole = torch.autograd.functional.jacobian(last, torch.zeros(8, dtype=torch.float64))
    expected = torch.linalg.slogdet(whole).logabsdet / 2
    torch.testing.assert_close(lyapunov_exponents(fresh).sum(), expected)


def test_gradients_of_a_halving_cell_halve_with_every_step_of_lag() -> None:
    gradients = gradient_by_lag(probe(HALVING, steps=10))
    torch.testing.assert_close(gradients[1:] / gradients[:-1], torch.full((9,), 0.5, dtype=torch.float64))
    assert STATE_SIGNALS["gradient slope"](probe(HALVING)) == pytest.approx(-log(2))


def test_growth_is_infinite_where_states_overflow() -> None:
    assert growth(probe(EXPLOSIVE)) == inf
    assert growth(probe(plugins.seed("rnn"))) <= 0


def test_a_cell_that_does_not_hear_has_no_variance() -> None:
    assert output_variance(probe(DEAF)) == pytest.approx(-30)
    assert output_variance(probe(plugins.seed("gru"))) > -3


@pytest.mark.parametrize("name", STATE_SIGNALS)
def test_every_signal_is_a_number_for_published_cells_and_never_raises_for_others(name: str) -> None:
    for cell in ("rnn", "lstm", "gru"):
        assert isfinite(STATE_SIGNALS[name](probe(plugins.seed(cell), hidden_size=8, steps=12)))
    for cell in (DEAF, EXPLOSIVE):
        assert isinstance(STATE_SIGNALS[name](probe(cell)), float)
