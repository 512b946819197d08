"""Cells of this space are linear in their states: superposition holds for every next value, whatever the input."""

from __future__ import annotations

from random import Random

import pytest
import torch

from cellsearch.cell import Cell
from cellsearch.cell.linearity import is_linear_in_state
from cellsearch.recurrence import RNN
from cellsearch_search_spaces.gated import GRU, LSTM
from cellsearch_search_spaces.linear_recurrent import SAMPLE, SPACE
from cellsearch_search_spaces.zoo_linear import SRU

H = 4


def is_superposition(cell: Cell) -> bool:
    """Whether next states are affine in states, unit by unit, for some input and learned arrays; in numbers."""
    torch.manual_seed(0)
    rnn = RNN(cell, 3, H).double()
    x = torch.randn(1, 1, 3, dtype=torch.float64)
    count = len(cell.states)

    def following(states: torch.Tensor) -> torch.Tensor:
        """[states, H] to [states, H]."""
        given = tuple(state.reshape(1, 1, H) for state in states)
        last = rnn(x, given if count > 1 else given[0])[1]
        return torch.stack([each.reshape(H) for each in (last if count > 1 else [last])])

    one, other = torch.randn(2, count, H, dtype=torch.float64)
    affine = following(one) + following(other) - following(torch.zeros_like(one))
    jacobian = torch.autograd.functional.jacobian(following, one)
    off_diagonal = jacobian * (1 - torch.eye(H, dtype=torch.float64)[:, None, :])
    scale = 1 + float(following(one).detach().abs().max())
    return bool(torch.allclose(following(one + other), affine, atol=1e-9 * scale)) and not bool(off_diagonal.any())


@pytest.mark.parametrize("cell", SPACE.seeds.values(), ids=lambda cell: cell.name)
def test_the_seeds_are_linear_in_numbers(cell: Cell) -> None:
    assert is_superposition(cell)


def test_samples_are_linear_in_numbers() -> None:
    random = Random(0)
    for _ in range(40):
        assert is_superposition(SAMPLE(random))


@pytest.mark.parametrize("cell", [GRU, LSTM, SRU], ids=lambda cell: cell.name)
def test_gates_that_read_the_state_are_not_linear_and_lie_outside(cell: Cell) -> None:
    assert not SPACE.contains(cell)
    assert not is_linear_in_state(cell)


def test_as_many_drafts_are_rejected_as_the_docstring_says() -> None:
    assert SAMPLE.rejected(Random(0), 1000) == pytest.approx(0.37, abs=0.05)


def test_samples_have_one_or_two_states_and_read_the_input_in_gates() -> None:
    random = Random(0)
    cells = [SAMPLE(random) for _ in range(100)]
    assert {len(cell.states) for cell in cells} == {1, 2}
    assert all(any(node.op == "linear" for node in cell.nodes.values()) for cell in cells)
