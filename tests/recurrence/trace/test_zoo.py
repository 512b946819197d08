"""Every cell of the spaces, run as a torch module by the reference and traced, is the same cell again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from torch import Tensor, nn

from cellsearch.cell import Cell, identity
from cellsearch.recurrence import RNN
from cellsearch.recurrence.rnn import Layer
from cellsearch.recurrence.trace.trace import trace
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import SPACE as GATED
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.exhaustive import many

SEEDS = {**GATED.seeds, **ZOO.seeds}
SOME = ("gru", "lstm", "peephole_lstm", "nested_lstm", "brc", "ordered_neurons_lstm", "layer_norm_gru")


class Step(nn.Module):
    """One step of a cell by the reference, a torch function a node."""

    def __init__(self, cell: Cell, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = RNN(cell, input_size, hidden_size, backend="reference")

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        layer = self.rnn.layers[0]
        assert isinstance(layer, Layer)
        output, states = layer(x[None], state, "reference")
        return output[0], states


def round_trip(cell: Cell, input_size: int, hidden_size: int) -> None:
    """Trace the cell's own step; the same graph and values come back."""
    torch.manual_seed(0)
    module = Step(cell, input_size, hidden_size).double()
    traced = trace(module, input_size, hidden_size)
    assert identity(traced.cell) == identity(cell.resolved(input_size, hidden_size))
    x = torch.randn(3, 2, input_size, dtype=torch.float64)
    ours, theirs = traced.rnn(x)[0], module.rnn(x)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SOME)
def test_a_seed_comes_back(name: str) -> None:
    round_trip(SEEDS[name], 3, 6)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_every_seed_comes_back(name: str) -> None:
    """In one of three sizes; all of them where CELLSEARCH_EXHAUSTIVE is set."""
    sizes = [(3, 6), (4, 4), (7, 2)]
    for place in range(many(1, 3)):
        round_trip(SEEDS[name], *sizes[(len(name) + place) % 3])


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(cells())
def test_a_random_cell_comes_back_in_value(cell: Cell) -> None:
    # These are spelled in torch as what could be anything, and refused.
    assume(not {node.op for node in cell.nodes.values()} & {"block_linear", "low_rank_linear", "hard_sigmoid"})
    # Tracing compares one step's values by itself.
    trace(Step(cell, 3, 4).double(), 3, 4)
