"""The exported module is cellsearch.RNN with other source: same values, same gradients, in every form of the call."""

import re
import tempfile
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from cellsearch.cell import Cell
from cellsearch.errors import DivergenceError
from cellsearch.recurrence import RNN
from cellsearch.testing.cells import cells
from tests.helpers.exported import CELLS, SEEDS, imported, twin

Result = tuple[Tensor | PackedSequence, Tensor | tuple[Tensor, ...]]


def tensors(result: Result) -> list[Tensor]:
    outputs, last = result
    data = outputs.data if isinstance(outputs, PackedSequence) else outputs
    return [data, *([last] if isinstance(last, Tensor) else last)]


def gradients(module: nn.Module, result: Result, *inputs: Tensor) -> list[Tensor]:
    """Of a number that weighs every value differently, in the inputs and then in the parameters."""
    parts = [(t * torch.sin(torch.arange(t.numel(), dtype=t.dtype)).view_as(t)).sum() for t in tensors(result)]
    return list(torch.autograd.grad(sum(parts[1:], parts[0]), [*inputs, *module.parameters()]))


def assert_same(ours: Result, theirs: Result, tolerance: float) -> None:
    assert type(ours[0]) is type(theirs[0])
    assert isinstance(ours[1], Tensor) == isinstance(theirs[1], Tensor)
    for mine, other in zip(tensors(ours), tensors(theirs), strict=True):
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)


def initial_states(rnn: RNN, *batch: int) -> Tensor | tuple[Tensor, ...]:
    shape = (len(rnn.layers), *batch, rnn.hidden_size)
    dtype = next(rnn.parameters()).dtype
    states = tuple(torch.randn(shape, dtype=dtype, requires_grad=True) for _ in rnn.cell.states)
    return states[0] if len(states) == 1 else states


def assert_same_gradients(rnn: RNN, module: nn.Module, x: Tensor, tolerance: float) -> None:
    """Parameters are paired by value: `twin` gave both modules the same ones under two names."""
    ours, theirs = gradients(module, module(x), x), gradients(rnn, rnn(x), x)
    torch.testing.assert_close(ours[0], theirs[0], rtol=tolerance, atol=tolerance)
    by_value = [*zip(module.parameters(), ours[1:], strict=True)]
    for array, gradient in zip(rnn.parameters(), theirs[1:], strict=True):
        mine = next(g for a, g in by_value if a.shape == array.shape and torch.equal(a, array))
        torch.testing.assert_close(mine, gradient, rtol=tolerance, atol=tolerance)


def randomized(rnn: RNN) -> RNN:
    """No two arrays alike, so that each is known by its value; the biases start equal otherwise."""
    with torch.no_grad():
        for array in rnn.parameters():
            array.add_(torch.randn_like(array) / 4)
    return rnn


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize(("size", "layers", "bidirectional"), [(4, 1, False), (3, 2, True), (4, 3, False)])
def test_values_and_gradients_equal_those_of_the_rnn(
    cell: Cell, size: int, layers: int, bidirectional: bool, tmp_path: Path
) -> None:
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        torch.manual_seed(0)
        rnn = randomized(RNN(cell, size, 4, layers, bidirectional=bidirectional, backend="reference", dtype=dtype))
        module = twin(rnn, tmp_path)
        x = torch.randn(4, 2, size, dtype=dtype, requires_grad=True)
        assert_same(module(x), rnn(x), tolerance)
        assert_same_gradients(rnn, module, x, 10 * tolerance)


@settings(max_examples=60)
@given(cell=cells(), size=st.sampled_from([2, 3]), layers=st.sampled_from([1, 2]))
def test_random_cells_agree_with_the_reference(cell: Cell, size: int, layers: int) -> None:
    """Rounding is compared with the size of the numbers: a random cell may grow without bound."""
    torch.manual_seed(0)
    rnn = RNN(cell, size, 3, layers, backend="reference", dtype=torch.float64)
    rnn = randomized(rnn)
    x = torch.randn(3, 2, size, dtype=torch.float64, requires_grad=True)
    theirs = rnn(x)
    largest = max(float(t.detach().abs().max()) for t in tensors(theirs))
    assume(largest < 1e6)
    with tempfile.TemporaryDirectory() as folder:
        try:
            module = twin(rnn, Path(folder))
        except DivergenceError:  # on the waves that an exported file is checked with
            reject()
        check = imported(Path(folder) / "exported_cell.py").check
    for mine, other in zip(tensors(module(x)), tensors(theirs), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12 * max(1.0, largest))
    ours, expected = gradients(module, module(x), x)[0], gradients(rnn, theirs, x)[0]
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-12 * max(1.0, float(expected.abs().max())))
    assert check() <= 1e-9


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_fresh_module_begins_like_a_fresh_layer(cell: Cell, tmp_path: Path) -> None:
    rnn = RNN(cell, 6, 16, 2)
    fresh = type(twin(rnn, tmp_path))(6, 16, 2)
    shared = twin(rnn, tmp_path).state_dict()
    for name, array in fresh.state_dict().items():
        if array.dim() == 1:
            torch.testing.assert_close(array, shared[name])
        elif re.search(r"(\.blocks\.\d|\.[01]\.weight)$", name):  # what a structured matrix is made of
            assert array.abs().max() <= array.shape[1] ** -0.5
            assert shared[name].abs().max() <= array.shape[1] ** -0.5
        else:
            assert array.abs().max() <= 16**-0.5
            assert array.std() == pytest.approx(16**-0.5 / 3**0.5, rel=0.25)


@pytest.mark.parametrize("name", ["lstm", "gru", "three states, raw x, every operation"])
@pytest.mark.parametrize(("batch_first", "bidirectional"), [*product([False, True], repeat=2)])
class TestEveryFormOfTheCall:
    def pair(self, name: str, batch_first: bool, bidirectional: bool, folder: Path) -> tuple[RNN, nn.Module]:
        torch.manual_seed(1)
        rnn = RNN(
            CELLS[name],
            3,
            4,
            2,
            batch_first=batch_first,
            bidirectional=bidirectional,
            backend="reference",
            dtype=torch.float64,
        )
        return rnn, twin(rnn, folder)

    def test_a_batch(self, name: str, batch_first: bool, bidirectional: bool, tmp_path: Path) -> None:
        rnn, module = self.pair(name, batch_first, bidirectional, tmp_path)
        x = torch.randn(*((2, 5) if batch_first else (5, 2)), 3, dtype=torch.float64)
        initial = initial_states(rnn, 2)
        assert_same(module(x), rnn(x), 1e-12)
        assert_same(module(x, initial), rnn(x, initial), 1e-12)
        given = [initial] if isinstance(initial, Tensor) else [*initial]
        ours, theirs = gradients(module, module(x, initial), *given), gradients(rnn, rnn(x, initial), *given)
        for mine, other in zip(ours[: len(given)], theirs[: len(given)], strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)

    def test_no_batch(self, name: str, batch_first: bool, bidirectional: bool, tmp_path: Path) -> None:
        rnn, module = self.pair(name, batch_first, bidirectional, tmp_path)
        x, initial = torch.randn(5, 3, dtype=torch.float64), initial_states(rnn)
        assert_same(module(x), rnn(x), 1e-12)
        assert_same(module(x, initial), rnn(x, initial), 1e-12)

    def test_a_packed_batch(self, name: str, batch_first: bool, bidirectional: bool, tmp_path: Path) -> None:
        rnn, module = self.pair(name, batch_first, bidirectional, tmp_path)
        padded = torch.randn(6, 4, 3, dtype=torch.float64)
        ordered = pack_padded_sequence(padded, torch.tensor([6, 4, 4, 1]))
        mixed = pack_sequence([padded[:n, i] for i, n in enumerate([2, 6, 1, 6])], enforce_sorted=False)
        for x in (ordered, mixed):
            initial = initial_states(rnn, 4)
            for arguments in ((x,), (x, initial)):
                ours, theirs = module(*arguments), rnn(*arguments)
                assert_same(ours, theirs, 1e-12)
                for mine, other in zip(ours[0][1:], theirs[0][1:], strict=True):
                    assert mine is other is None or torch.equal(mine, other)


@pytest.mark.parametrize("name", SEEDS)
def test_dropout_acts_between_layers_while_training_only(name: str, tmp_path: Path) -> None:
    x = torch.randn(1, 8, 3, dtype=torch.float64)
    rnn = RNN(SEEDS[name], 3, 4, 3, dropout=0.5, backend="reference", dtype=torch.float64)
    module = twin(rnn, tmp_path)
    torch.manual_seed(3)
    ours = module(x)
    torch.manual_seed(3)
    assert_same(ours, rnn(x), 1e-12)
    assert not torch.equal(ours[0], module(x)[0])
    assert_same(module.eval()(x), rnn.eval()(x), 1e-12)


@pytest.mark.parametrize(
    ("x", "states", "message"),
    [
        ((5, 2, 7), None, "3 values in each"),
        ((0, 2, 3), None, "at least one step"),
        ((5, 2, 3), (1, 1, 4), r"\(2, 1, 2, 4\)"),
        ((5, 2, 3), (2, 1, 4), r"\(2, 1, 2, 4\)"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(
    x: tuple[int, ...], states: tuple[int, ...] | None, message: str, tmp_path: Path
) -> None:
    module = twin(RNN(SEEDS["lstm"], 3, 4), tmp_path)
    initial = None if states is None else (torch.zeros(states),) * 2
    with pytest.raises(ValueError, match=message):
        module(torch.zeros(x), initial)
