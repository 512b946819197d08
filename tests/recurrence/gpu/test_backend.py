"""The GPU backend refuses what it cannot run in words, and imports where there is neither card nor CUDA."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from cellsearch.errors import BackendError
from cellsearch.recurrence import RNN
from cellsearch.recurrence.backends import choose
from cellsearch.recurrence.gpu.backend import GPU
from cellsearch.testing.backend import SHAPES, check_backend
from cellsearch_search_spaces import gated
from tests.helpers.recurrence.emulated import COMPILER, EmulatedGpu

CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA card")


def test_an_input_on_the_cpu_is_refused() -> None:
    assert GPU.refuses(gated.LSTM, torch.zeros(1, 1, 4)) == "it runs on NVIDIA cards, and the input is on cpu"
    with pytest.raises(BackendError, match="backend 'gpu' cannot run cell 'lstm': it runs on NVIDIA cards"):
        RNN(gated.LSTM, 4, 4, backend="gpu")(torch.zeros(1, 1, 4))
    assert choose(gated.LSTM, torch.zeros(1, 1, 4)).name == "native"


def test_nothing_of_cuda_is_needed_without_a_card() -> None:
    code = "import sys; sys.modules['cuda'] = None; import torch, cellsearch as cs; "
    code += "from cellsearch.recurrence.gpu.build import unavailable; "
    code += "cs.RNN(cs.find_cell('lstm'), 4, 4)(torch.ones(2, 1, 4)); print(unavailable())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cuda.bindings, which torch's builds for CUDA install, is missing" in done.stdout


@pytest.mark.skipif(COMPILER is None, reason="there is no g++")
def test_a_layer_that_the_card_cannot_hold_is_run_by_the_eager_plan() -> None:
    backend = EmulatedGpu()
    backend.fits = lambda given: False  # type: ignore[method-assign]
    assert check_backend(backend, gated.LSTM, SHAPES[1], torch.float32)


@CARD
@pytest.mark.parametrize("dtype", [torch.float32], ids=str)
@pytest.mark.parametrize("cell", [gated.RNN, gated.LSTM, gated.GRU], ids=lambda cell: cell.name)
def test_a_card_gives_the_references_numbers(cell: object, dtype: torch.dtype) -> None:
    """`scripts/check_gpu` checks many more."""
    assert all(check_backend(GPU, cell, shape, dtype, "cuda") for shape in SHAPES)  # type: ignore[arg-type]
