"""Kernels give the reference's numbers: their own text, whose blocks and threads are fibers of the processor here."""

from __future__ import annotations

import os
from typing import Final

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN
from cellsearch.recurrence.gpu import tiles
from cellsearch.testing.backend import SHAPES, Shape, check_backend
from cellsearch.testing.cells import cells
from cellsearch_search_spaces import gated, zoo
from tests.helpers.exhaustive import many
from tests.helpers.recurrence.emulated import COMPILER, EmulatedGpu
from tests.helpers.recurrence.examples import KNOWN

pytestmark = pytest.mark.skipif(COMPILER is None, reason="kernels are emulated by C++, and there is no g++")

MANY: Final = int(os.environ.get("CELLSEARCH_RANDOM_CELLS", "20"))

WIDE: Final = (Shape(3, 9, 16, 24), Shape(2, 17, 40, 40), Shape(4, 3, 7, 33, contiguous=False))
"""Several teams, several blocks a team, hidden sizes that are no whole vectors."""

EXPLODE: Final = ("slstm_stabilised",)
"""Cells whose own numbers leave nothing to compare in float32 with the weights of a check."""

SEEDS: Final = {name: cell for name, cell in zoo.SPACE.seeds.items() if name not in KNOWN}

shapes: Final = st.builds(
    Shape,
    T=st.sampled_from((1, 2, 4)),
    B=st.sampled_from((1, 3, 9)),
    I=st.sampled_from((1, 5, 16)),
    H=st.sampled_from((1, 5, 16, 24, 33)),
    contiguous=st.booleans(),
)


@pytest.fixture(autouse=True)
def _few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of the card have hundreds, each of which is a fiber here."""
    monkeypatch.setattr(tiles, "THREADS", (64,))


FIRST: Final = ("gru", "every_op", "structured linears")
"""Known cells of the default run; the others are slow together."""


@pytest.mark.parametrize(
    "name", [name if name in FIRST else pytest.param(name, marks=pytest.mark.slow) for name in KNOWN]
)
def test_known_cells_agree_with_the_reference(name: str) -> None:
    compared = [check_backend(EmulatedGpu(), KNOWN[name], shape, torch.float32) for shape in (SHAPES[1], SHAPES[4])]
    assert any(compared)


@pytest.mark.parametrize("name", ["lstm", "gru", "every_op", "sums along the row that follow one another"])
@pytest.mark.parametrize("blocks", [1, 4])
@pytest.mark.slow
def test_any_number_of_blocks_gives_the_same(name: str, blocks: int) -> None:
    compared = [check_backend(EmulatedGpu(blocks), KNOWN[name], shape, torch.float32) for shape in WIDE]
    assert any(compared)


@pytest.mark.parametrize("name", ["lstm", "every_op"])
def test_the_order_in_which_threads_take_turns_changes_nothing(name: str) -> None:
    """As a missing barrier would."""
    for shuffled in (1, 2):
        assert check_backend(EmulatedGpu(4, shuffled), KNOWN[name], Shape(3, 5, 24, 24), torch.float32)


@given(cells(), shapes)
@settings(max_examples=3, deadline=None)
def test_random_cells_agree_with_the_reference(cell: Cell, shape: Shape) -> None:
    assume(check_backend(EmulatedGpu(), cell, shape, torch.float32))


@pytest.mark.slow
@given(cells(), shapes)
@settings(max_examples=MANY, deadline=None)
def test_many_random_cells_agree_with_the_reference(cell: Cell, shape: Shape) -> None:
    assume(check_backend(EmulatedGpu(), cell, shape, torch.float32))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SEEDS][:: many(3, 1)])
def test_published_cells_agree_with_the_reference(name: str) -> None:
    assert check_backend(EmulatedGpu(), SEEDS[name], SHAPES[4], torch.float32) or name in EXPLODE


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_half_precision_errs_no_more_than_twice_what_plain_operations_do(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    exact = RNN(KNOWN[name], 16, 24, dtype=torch.float64, backend="reference")
    exact.load_state_dict({n: a.to(dtype) for n, a in exact.state_dict().items()})
    x = torch.randn(8, 9, 16).to(dtype)
    with torch.no_grad():
        expected, _ = exact(x.double())
    plain = RNN(KNOWN[name], 16, 24, dtype=dtype, backend="reference")
    plain.load_state_dict(exact.state_dict())
    layer = plain.layers[0]
    states = tuple(torch.zeros(9, 24, dtype=dtype) for _ in KNOWN[name].states)
    with torch.no_grad():
        found, _ = EmulatedGpu().run(layer.cell, layer.learned(), x, states)  # type: ignore[arg-type, operator]
        other, _ = plain(x)
    assert _error(found, expected) <= 2 * _error(other, expected)


def test_tf32_is_used_where_torch_is_told_to() -> None:
    errors = {}
    before = torch.get_float32_matmul_precision()
    layer = RNN(gated.LSTM, 32, 32).layers[0]
    x, states = torch.randn(4, 3, 32), (torch.zeros(3, 32), torch.zeros(3, 32))
    with torch.no_grad():
        expected, _ = layer(x, states, "reference")
        for precision in ("highest", "high"):
            torch.set_float32_matmul_precision(precision)
            try:
                found, _ = EmulatedGpu().run(layer.cell, layer.learned(), x, states)  # type: ignore[arg-type, operator]
            finally:
                torch.set_float32_matmul_precision(before)
            errors[precision] = _error(found, expected.double())
    assert errors["highest"] < 1e-6 < 1e-5 < errors["high"] < 1e-2


def _error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.double() - expected).norm() / expected.norm())
