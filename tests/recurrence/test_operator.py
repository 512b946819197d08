"""`torch.compile` takes a recurrence whole, as one operator where that may be, and gives what it gives by itself."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import cellsearch as cs
from cellsearch.cell import Cell, Node
from cellsearch.recurrence import RNN, operator
from cellsearch_search_spaces.gated import GRU, LSTM

STRUCTURED = Cell(
    "structured",
    {
        "block": Node("block_linear", ("x",), constant=2),
        "low_rank": Node("low_rank_linear", ("h",), constant=2),
        "sum": Node("sum", ("block", "low_rank")),
        "h_next": Node("tanh", ("sum",)),
    },
    {"h": "h_next"},
    "h_next",
)


X5 = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))


def soft_step(a: Tensor) -> Tensor:
    return a / (1 + a.abs())


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def results(module: Any, x: Tensor) -> list[Tensor]:
    """Outputs, last states, and the gradients of a sum in which all of them count."""
    output, last = module(x)
    states = (last,) if isinstance(last, Tensor) else last
    total = output.sum() + sum(state.pow(2).sum() for state in states)
    return [output, *states, *torch.autograd.grad(total, [x, *module.parameters()])]


CASES = [
    ("auto", LSTM),
    ("auto", STRUCTURED),
    ("eager", GRU),
    pytest.param("reference", GRU, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("backend", "cell"), CASES, ids=lambda each: getattr(each, "name", each))
def test_a_compiled_module_computes_and_learns_the_same(backend: str, cell: Cell) -> None:
    rnn = RNN(cell, 3, 4, bidirectional=True, batch_first=True, backend=backend, dtype=torch.float64)
    x = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    compiled = torch.compile(rnn, fullgraph=True, backend="aot_eager")
    for found, expected in zip(results(compiled, x), results(rnn, x), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.usefixtures("table_of_operations")
def test_an_operation_of_a_users_is_compiled_with_its_derivative() -> None:
    cs.op(soft_step)
    own = cs.from_equations("own", "h_next = soft_step(linear(x, h))", states=["h"], output="h_next")
    rnn, x = RNN(own, 3, 4, dtype=torch.float64), torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    compiled = torch.compile(rnn, fullgraph=True, backend="aot_eager")
    for found, expected in zip(results(compiled, x), results(rnn, x), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler's own
def test_the_default_compiler_takes_a_long_sequence_in_seconds() -> None:
    rnn, x = RNN(LSTM, 3, 4), torch.randn(200, 2, 3, requires_grad=True)
    for found, expected in zip(results(torch.compile(rnn, fullgraph=True), x), results(rnn, x), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_another_batch_and_another_length_need_no_new_compilation() -> None:
    counter = torch._dynamo.testing.CompileCounter()
    compiled = torch.compile(RNN(LSTM, 3, 4), fullgraph=True, backend=counter)
    for steps, batch in ((4, 2), (4, 3), (4, 5), (5, 5), (6, 7), (9, 8)):
        assert compiled(torch.randn(steps, batch, 3))[0].shape == (steps, batch, 4)
    assert counter.frame_count <= 3


@pytest.mark.slow
def test_what_needs_each_operation_is_compiled_operation_by_operation() -> None:
    rnn, x = RNN(GRU, 3, 4), torch.randn(4, 2, 3)
    compiled = torch.compile(rnn, fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu"):
        torch.testing.assert_close(compiled(x)[0], rnn(x)[0], atol=0.02, rtol=0.02)
    many = torch.compile(torch.func.vmap(lambda each: rnn(each)[0]), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(many(x.expand(3, 4, 2, 3))[1], rnn(x)[0])
    exported = torch.export.export(rnn, (x,), dynamic_shapes=({1: torch.export.Dim("B")},), strict=True)
    assert not any("cellsearch" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(X5)[0], rnn(X5)[0])


@pytest.mark.parametrize("again", ["copied", "read"])
def test_a_module_that_was_copied_or_read_is_compiled_too(again: str) -> None:
    rnn = RNN(GRU, 3, 4, backend="reference")
    if again == "copied":
        twin = copy.deepcopy(rnn)
    else:
        file = io.BytesIO()
        torch.save(rnn, file)
        file.seek(0)
        twin = torch.load(file, weights_only=False)
    compiled = torch.compile(twin, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(X5)[0], rnn(X5)[0])


def test_the_operator_keeps_what_torch_asks_of_one() -> None:
    rnn = RNN(LSTM, 3, 4)
    layer: Any = rnn.layers[0]
    learned = [array for arrays in layer.learned().values() for array in arrays.values()]
    given = [torch.randn(4, 2, 3, requires_grad=True), torch.randn(2, 4), torch.randn(2, 4, requires_grad=True)]
    torch.library.opcheck(operator._layer, (layer._text, "auto", [*given, *learned]))
