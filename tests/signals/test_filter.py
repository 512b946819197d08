from __future__ import annotations

import pytest

from cellsearch import plugins
from cellsearch.cell import from_equations, to_json
from cellsearch.errors import DivergenceError
from cellsearch.signals import will_fail
from cellsearch.training import Budget, Evaluation, Hyperparameters, evaluate
from tests.helpers.known_signals import DEAF, DEAF_AT_ZERO, EXPLOSIVE


def test_a_cell_that_squares_its_state_is_rejected() -> None:
    assert will_fail(EXPLOSIVE) == "with fresh weights its values overflow within 1000 steps"


def test_slow_growth_is_found_too_but_adding_up_is_no_explosion() -> None:
    growing = from_equations("growing", "h_next = tanh(linear(x)) + times_constant(h, constant=1.05)", ["h"], "h_next")
    adding = from_equations("adding", "h_next = tanh(linear(x)) + h", ["h"], "h_next")
    assert will_fail(growing) == "with fresh weights its values reach 1e22 within 1000 steps"
    assert will_fail(adding) is None


def test_a_state_that_training_may_let_explode_passes_and_its_training_ends_at_once() -> None:
    """A state that a matrix multiplies, with fresh weights a contraction: as far as the filter's promise goes."""
    equations = "s_next = linear(x, h, s)\nh_next = tanh(s_next)"
    linear = from_equations("linear", equations, ["h", "s"], "h_next")
    assert will_fail(linear) is None
    budget = Budget(60_000, steps=60, reports=1)
    with pytest.raises(DivergenceError, match=r"the loss is nan at step \d+") as raised:
        list(evaluate(Evaluation("chars", to_json(linear), budget, Hyperparameters(2e-2), seed=0)))
    assert int(str(raised.value).split()[-1]) < 60


def test_a_cell_whose_output_is_constant_is_rejected() -> None:
    assert will_fail(DEAF) == "its output does not depend on the input"


def test_a_cell_that_is_deaf_at_its_first_weights_alone_is_accepted() -> None:
    assert will_fail(DEAF_AT_ZERO) is None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mut1", "sru"])
def test_cells_that_everybody_uses_are_accepted_whatever_the_seed(cell: str, seed: int) -> None:
    assert will_fail(plugins.seed(cell), seed=seed) is None


@pytest.mark.slow
def test_of_all_published_cells_one_is_rejected_which_needs_small_first_weights() -> None:
    assert {name for name, cell in plugins.seeds().items() if will_fail(cell)} == {"rin"}
