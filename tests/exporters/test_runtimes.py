"""An exported file is plain PyTorch: torch scripts, compiles, exports and traces it, in any precision, as a stream."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given, reject, settings
from torch import Tensor, nn

import cellsearch as cs
from cellsearch.cell import Cell, identity
from cellsearch.errors import DivergenceError
from cellsearch.exporters.names import class_name
from cellsearch.exporters.standalone import export
from cellsearch.recurrence.structured import plain
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.exported import CELLS, SEEDS, imported

SIZE = 4
NAMES = ["gru", "three states, raw x, every operation", "matrices made of smaller ones, constants, functions"]


def file_of(cell: Cell, folder: Path) -> ModuleType:
    path, *_ = export(cell, folder / "exported_cell.py")
    return imported(path)


def one_step(cell: Cell, folder: Path, input_size: int = SIZE) -> nn.Module:
    torch.manual_seed(0)
    module: nn.Module = getattr(file_of(cell, folder), f"{class_name(cell)}Cell")(input_size, SIZE)
    return module


def sequence(cell: Cell, folder: Path, **how: object) -> nn.Module:
    torch.manual_seed(0)
    module: nn.Module = getattr(file_of(cell, folder), class_name(cell))(SIZE, SIZE, **how)
    return module


def states_of(cell: Cell, batch: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(batch, SIZE) for _ in cell.states)


def traced(cell: Cell, folder: Path) -> Cell:
    return cs.trace(one_step(cell, folder), input_size=SIZE, hidden_size=SIZE).cell


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "raw x alone", "an output of its own"])
def test_the_circle_closes_for_the_seeds(name: str, tmp_path: Path) -> None:
    assert identity(traced(CELLS[name], tmp_path)) == identity(CELLS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO.seeds)
def test_the_circle_closes_for_published_cells(name: str, tmp_path: Path) -> None:
    """A matrix made of smaller ones is read as the matrix that it is."""
    assert identity(traced(ZOO.seeds[name], tmp_path)) == identity(plain(ZOO.seeds[name]))


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(cell=cells())
def test_the_circle_closes_for_random_cells(cell: Cell) -> None:
    """Arrays that only add up are read as one, so that a cell may change on its first way round, and never again."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            once = traced(cell, Path(folder))
            again = traced(once, Path(folder))
        except DivergenceError:
            reject()
    assert identity(again) == identity(once)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", CELLS)
def test_the_cell_can_be_scripted(name: str, tmp_path: Path) -> None:
    cell = CELLS[name]
    module, x, states = one_step(cell, tmp_path), torch.randn(2, SIZE), states_of(cell, 2)
    torch.testing.assert_close(torch.jit.script(module)(x, states), module(x, states))


@pytest.mark.parametrize("name", NAMES)
def test_the_sequence_compiles_in_one_graph(name: str, tmp_path: Path) -> None:
    module, x = sequence(CELLS[name], tmp_path, bidirectional=True), torch.randn(3, 2, SIZE, requires_grad=True)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    ours, theirs = (torch.autograd.grad(run(x)[0].square().sum(), x)[0] for run in (compiled, module))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_exported_by_torch_for_any_batch(name: str, tmp_path: Path) -> None:
    cell = CELLS[name]
    module, batch = one_step(cell, tmp_path), torch.export.Dim("batch", min=2)
    shapes = ({0: batch}, tuple({0: batch} for _ in cell.states))
    program = torch.export.export(module, (torch.randn(3, SIZE), states_of(cell, 3)), dynamic_shapes=shapes).module()
    x, states = torch.randn(7, SIZE), states_of(cell, 7)
    torch.testing.assert_close(program(x, states), module(x, states))


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_ends_where_the_sequence_does(name: str, tmp_path: Path) -> None:
    cell = CELLS[name]
    module, x = sequence(cell, tmp_path), torch.randn(5, 2, SIZE)
    states: tuple[Tensor, ...] = (torch.zeros(2, SIZE),) * len(cell.states)
    for x_t in x:
        output, states = module.cells[0](x_t, states)  # type: ignore[index]
    outputs, last = module(x)
    torch.testing.assert_close(output, outputs[-1])
    torch.testing.assert_close(states, (last[0],) if len(states) == 1 else tuple(each[0] for each in last))


@pytest.mark.parametrize("name", NAMES)
def test_lower_precision_is_near(name: str, tmp_path: Path) -> None:
    module, x = sequence(CELLS[name], tmp_path), torch.randn(3, 2, SIZE)
    exact = module(x)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(module(x)[0].float(), exact, rtol=0.1, atol=0.1)
    for dtype in (torch.bfloat16, torch.float16):
        near = module.to(dtype)(x.to(dtype))[0]
        assert near.dtype == dtype
        torch.testing.assert_close(near.float(), exact, rtol=0.1, atol=0.1)


def test_one_product_a_step_multiplies_all_that_reads_the_same_value(tmp_path: Path) -> None:
    """An LSTM's eight products are one for the whole input and one a step."""
    module = sequence(SEEDS["lstm"], tmp_path)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        module(torch.randn(6, 2, SIZE))
    products = sum(event.count for event in profile.key_averages() if event.key == "aten::linear")
    assert products == 1 + 6
