"""Several threads and several processes may run recurrences at once, also processes that were forked from one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import Pool
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN
from cellsearch.recurrence.native.build import library
from cellsearch.recurrence.native.compiled_cell import compiled_cell
from cellsearch.recurrence.rnn import Layer
from cellsearch.testing.backend import Shape
from cellsearch_search_spaces import zoo
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.recurrence.examples import KNOWN, drawn, threads

PATIENCE = 60
"""Seconds until a child that has nothing to do for more than one counts as hanging."""

SHAPE = Shape(20, 6, 5, 17)
BOUNDED = ("lstm", "gru", "rnn", "delay", "every_op", "a copy as next value", "structured linears")


@pytest.mark.parametrize("count", [1, 2])
def test_threads_run_different_cells_at_once(count: int) -> None:
    given = [drawn(cell, SHAPE) for cell in (LSTM, GRU, *KNOWN.values()) if cell.name in BOUNDED]
    expected = [_run(each, "reference") for each in given]
    with threads(count), ThreadPoolExecutor(len(given)) as pool:
        for _ in range(5):
            found = pool.map(lambda each: _run(each, "native"), given)
            torch.testing.assert_close([*found], expected, rtol=1e-10, atol=1e-10)


def test_threads_that_meet_a_new_cell_at_once_all_get_it() -> None:
    given = drawn(KNOWN["learned vectors"], SHAPE)
    compiled_cell.cache_clear()
    library.cache_clear()
    with ThreadPoolExecutor(6) as pool:
        first, *others = pool.map(lambda _: _run(given, "native"), range(6))
    assert all(torch.equal(a, b) for other in others for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("count", [1, 2])
def test_a_forked_child_computes_the_same(count: int) -> None:
    with threads(count):
        expected = _results(LSTM, "native")
        assert _in_child(lambda: _same(_results(LSTM, "native"), expected)) == 0
        # A cell that only the child has met, and the parent goes on.
        assert _in_child(lambda: _results(GRU, "native")) == 0
        assert _same(_results(LSTM, "native"), expected)


def test_a_forked_child_runs_what_torch_would_split_among_the_threads_that_are_gone() -> None:
    with threads(2):
        given = drawn(LSTM, Shape(20, 64, 130, 200), torch.float32)
        expected = _run(given, "native")

        def child() -> None:
            found = _run(given, "native")
            assert torch.get_num_threads() == 2, "the program's own setting stays"
            torch.set_num_threads(1)  # for the comparison
            assert _same(found, expected)

        assert _in_child(child) == 0


def test_a_child_of_a_child_and_a_backward_pass_after_the_fork_work() -> None:
    with threads(2):
        expected = _results(LSTM, "native")
        layer, x, states = drawn(LSTM, SHAPE)
        total = layer(x, states, "native")[0].sum()
        slope = torch.autograd.grad(total, x, retain_graph=True)[0]

        def child() -> None:
            assert torch.equal(torch.autograd.grad(total, x)[0], slope)
            assert _in_child(lambda: _same(_results(LSTM, "native"), expected)) == 0

        assert _in_child(child) == 0


def test_a_pool_of_forked_workers_trains() -> None:
    with threads(2):
        expected = _trained(0)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert _patient(pool, _trained, [0, 0, 0]) == [expected] * 3


def test_the_workers_of_a_data_loader_run_a_recurrence() -> None:
    with threads(2):
        rnn = RNN(LSTM, 3, 16, backend="native").requires_grad_(False)
        rows = _Rows(rnn)
        expected = torch.stack([rows[i] for i in range(len(rows))])
        loader: DataLoader[Tensor] = DataLoader(
            rows, batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=PATIENCE
        )
        assert torch.equal(torch.cat([*loader]), expected)


class _Rows(Dataset[Tensor]):
    """What a recurrence makes of each of some sequences."""

    def __init__(self, rnn: RNN) -> None:
        self.rnn = rnn
        self.x = torch.randn(6, 9, 3, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Tensor:
        output, _ = self.rnn(self.x[index])
        assert isinstance(output, Tensor)
        return output


def _results(cell: Cell, backend: str) -> list[Tensor]:
    return _run(drawn(cell, SHAPE), backend)


def _run(given: tuple[Layer, Tensor, tuple[Tensor, ...]], backend: str) -> list[Tensor]:
    layer, x, states = given
    output, last = layer(x, states, backend)
    slopes = torch.autograd.grad([output, *last], [x, *states, *layer.parameters()], [output, *last])
    return [output.detach(), *(state.detach() for state in last), *slopes]


def _same(found: list[Tensor], expected: list[Tensor]) -> bool:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)  # another number of slices sums otherwise
    return True


def _trained(seed: int) -> float:
    torch.manual_seed(seed)
    rnn = RNN(GRU, 3, 8, backend="native")
    x, loss = torch.randn(20, 4, 3), torch.zeros(())
    optimizer = torch.optim.SGD(rnn.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        loss = rnn(x)[0].square().mean()
        loss.backward()
        optimizer.step()
    return round(loss.item(), 6)


def _in_child(work: Callable[[], object]) -> int:
    """The exit status of a forked child that does the work; a child that hangs is killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(PATIENCE)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def _patient(pool: Pool, function: Callable[[Any], Any], given: list[Any]) -> list[Any]:
    return pool.map_async(function, given).get(PATIENCE)


@pytest.mark.parametrize(
    "cell", [LSTM, GRU, zoo.SPACE.seeds["layer_norm_gru"], zoo.SPACE.seeds["min_gru"]], ids=lambda cell: cell.name
)
def test_the_number_of_threads_changes_no_bit(cell: Cell) -> None:
    def results(count: int) -> list[Tensor]:
        torch.manual_seed(0)
        rnn, x = RNN(cell, 24, 40, backend="native"), torch.randn(33, 7, 24, requires_grad=True)
        with threads(count):
            outputs, _ = rnn(x)
            outputs.backward(torch.ones_like(outputs))
        arrays = [outputs, x.grad, *(parameter.grad for parameter in rnn.parameters())]
        return [array.detach() for array in arrays if array is not None]

    alone = results(1)
    for count in (2, 3):
        assert all(map(torch.equal, alone, results(count)))
