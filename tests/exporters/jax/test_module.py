"""The file of JAX answers as the module does, is differentiated by JAX, and runs where there is nothing but JAX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import equinox
import jax
import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import load_file

import cellsearch as cs
from cellsearch.cell import Cell
from cellsearch.errors import ExportError
from cellsearch.exporters.jax import module as jax_module
from cellsearch.exporters.jax.module import FILE, answer, check, opened, write
from cellsearch.exporters.weights import WEIGHTS, exported_arrays
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.alone import run
from tests.helpers.exported import CELLS, SEEDS, assert_agrees, assert_random_cell_agrees, small

JAX = (
    "jax",
    "jaxlib",
    "equinox",
    "jaxtyping",
    "wadler_lindig",
    "numpy",
    "scipy",
    "ml_dtypes",
    "opt_einsum",
    "typing_extensions",
)
"""jax and equinox, and what they themselves import."""

BOTH_WAYS: dict[str, Any] = {"num_layers": 2, "bidirectional": True, "batch_first": True}


MEANS = cs.from_equations(
    "means", "h_next = tanh(mean(linear(x, h)) + group_mean(linear(h), constant=2) * rms_norm(x))", ["h"], "h_next"
)


@pytest.mark.parametrize("cell", [SEEDS["gru"], MEANS, CELLS["matrices made of smaller ones, constants, functions"]])
def test_every_number_of_steps_and_sequences_is_answered(cell: Cell, tmp_path: Path) -> None:
    rnn = small(cell, dtype=torch.float64)
    write(rnn, tmp_path)
    with opened(tmp_path) as file, torch.no_grad():
        module = equinox.filter_jit(file.load())
        for steps, batch in ((1, 3), (9, 1)):
            x, states = (torch.randn(*shape, dtype=torch.float64) for shape in ((steps, batch, 3), (1, batch, 4)))
            initial = (states,) * len(rnn.cell.states)
            outputs, last = rnn(x, initial if len(initial) > 1 else states)
            found, ended = answer(module, x, initial)
            torch.testing.assert_close(found, outputs, rtol=1e-10, atol=1e-10)
            torch.testing.assert_close(ended, last if isinstance(last, tuple) else (last,), rtol=1e-10, atol=1e-10)


def test_both_ways_in_two_layers_agree_and_another_module_is_noticed(tmp_path: Path) -> None:
    rnn = small(SEEDS["rnn"], **BOTH_WAYS)
    write(rnn, tmp_path)
    check(rnn, tmp_path)
    with torch.no_grad():
        next(rnn.parameters())[0, 0] += 1e-2
    with pytest.raises(ExportError, match=r"model_jax.py differs from the module"):
        check(rnn, tmp_path)


def test_gradients_are_those_of_torch(tmp_path: Path) -> None:
    rnn, x = small(SEEDS["rnn"], dtype=torch.float64), torch.randn(4, 2, 3, dtype=torch.float64)
    write(rnn, tmp_path)
    rnn(x)[0].sum().backward()
    with opened(tmp_path) as file:
        gradient = jax.grad(lambda module: module(jax.numpy.asarray(x.numpy()))[0].sum())(file.load())
        wanted = exported_arrays(rnn)["cells.0.U_h.weight"].grad
        assert wanted is not None
        torch.testing.assert_close(torch.tensor(gradient.cells[0].U_h.tolist()), wanted.float())


def test_a_file_checks_itself_with_jax_alone_and_notices_other_weights(tmp_path: Path) -> None:
    write(small(SEEDS["lstm"]), tmp_path)
    done = run(tmp_path / FILE, alone=JAX)
    assert done.returncode == 0 and done.stdout.endswith(", agrees\n"), done.stderr
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:-40])
    done = run(tmp_path / FILE)
    assert done.returncode == 1 and done.stderr.startswith("lstm: its weights cannot be read: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_keep_their_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    write(small(SEEDS["rnn"], dtype=dtype), tmp_path)
    stored = load_file(tmp_path / WEIGHTS)
    with opened(tmp_path) as file:
        (cell,) = file.load().cells
    assert str(cell.U_h.dtype) == str(dtype).removeprefix("torch.")
    assert cell.U_h.astype(float).tolist() == stored["cells.0.U_h.weight"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ZOO.seeds][::15])
def test_published_cells_agree(name: str, tmp_path: Path) -> None:
    assert_agrees(jax_module, small(ZOO.seeds[name]), tmp_path)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(cell=cells())
def test_random_cells_agree(cell: Cell) -> None:
    assert_random_cell_agrees(jax_module, cell)
