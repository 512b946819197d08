"""The native backend keeps the manners of an operation of torch: gradients, graphs walked twice, changes in place."""

from __future__ import annotations

from random import Random
from threading import Thread
from typing import Final

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from cellsearch.cell import Cell, from_equations
from cellsearch.recurrence import RNN
from cellsearch.recurrence.native.backend import NATIVE
from cellsearch.testing.backend import Shape
from cellsearch_search_spaces.gated import GRU, LSTM
from cellsearch_search_spaces.nasbench_nlp import SAMPLERS
from tests.helpers.recurrence.examples import KNOWN, drawn, threads

SMALL: Final = Shape(3, 2, 4, 4)
WHOLE: Final = Shape(3, 2, 4, 16)
"""A hidden size of whole vectors, whose outputs need no copy."""

NORMED: Final = from_equations("normed", "h_next = tanh(layer_norm(linear(x, h)))", ["h"], "h_next")
SHOWN: Final = from_equations("shown", "y = linear(x, h)\nh_next = tanh(y)", ["h"], "y")
"""Its output is a linear, which its backward pass does not read."""

RANDOM: Final = tuple(SAMPLERS[1, 7](Random(number)) for number in range(2))


@pytest.mark.parametrize("cell", [LSTM, GRU, NORMED, KNOWN["every_op"], *RANDOM], ids=lambda cell: cell.name)
def test_gradients_are_those_of_finite_differences(cell: Cell) -> None:
    layer, x, states = drawn(cell, Shape(4, 2, 3, 5))
    arrays = [x, *states, *layer.parameters()]

    def run(*given: Tensor) -> tuple[Tensor, ...]:
        learned = iter(given[1 + len(states) :])
        parameters = {node: {p: next(learned) for p in arrays} for node, arrays in layer.learned().items()}
        output, last = NATIVE.run(layer.cell, parameters, given[0], given[1 : 1 + len(states)])
        return output, *last

    # In one direction of random numbers each: in all it would take a run for each of hundreds of numbers.
    assert torch.autograd.gradcheck(run, arrays, fast_mode=cell is not GRU)
    if cell is GRU:
        assert torch.autograd.gradgradcheck(run, arrays, fast_mode=True)


def test_second_derivatives_are_those_of_the_reference() -> None:
    curvatures = []
    for name in ("native", "reference"):
        layer, x, states = drawn(KNOWN["every_op"], SMALL)
        output, last = layer(x, states, name)
        (slope,) = torch.autograd.grad(output.square().sum() + last[0].sum(), x, create_graph=True)
        curvatures.append(torch.autograd.grad(slope.square().sum(), [x, *layer.parameters()], allow_unused=True))
    torch.testing.assert_close(*curvatures, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("wanted", ["x", "state", "one weight", "bias"])
def test_a_single_wanted_gradient_is_right_when_the_rest_is_frozen(wanted: str) -> None:
    slopes = []
    for name in ("native", "reference"):
        layer, x, states = drawn(KNOWN["every_op"], SMALL)
        source = {
            "x": x,
            "state": states[1],
            "one weight": layer.weight_2_gate_linear,
            "bias": layer.bias_gate_layer_norm,
        }
        for array in (x, *states, *layer.parameters()):
            array.requires_grad_(array is source[wanted])
        output, last = layer(x, states, name)
        (output.sum() + last[0].square().sum()).backward()
        arrays = [x, *states, *layer.parameters()]
        assert all((each.grad is not None) == (each is source[wanted]) for each in arrays)
        slopes.append(source[wanted].grad)
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("result", [0, 1, 2])
def test_each_result_alone_can_be_differentiated(result: int) -> None:
    slopes = []
    for name in ("native", "reference"):
        layer, x, states = drawn(LSTM, SMALL)
        output, last = layer(x, states, name)
        wanted = (output, *last)[result].sin().sum()
        slopes.append(torch.autograd.grad(wanted, [x, *states, *layer.parameters()]))
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-10)


def test_gradients_that_reach_the_output_in_any_layout_are_taken() -> None:
    slopes = []
    for name in ("native", "reference"):
        layer, x, states = drawn(LSTM, WHOLE)
        output, _ = layer(x, states, name)
        arrived = torch.ones((), dtype=torch.float64).expand(output.shape)
        turned = torch.linspace(0, 1, output.numel(), dtype=torch.float64).view(output.mT.shape).mT
        slopes.append([torch.autograd.grad(output, x, g, retain_graph=True) for g in (arrived, turned)])
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-10)


def test_a_graph_can_be_walked_twice() -> None:
    layer, x, states = drawn(KNOWN["every_op"], WHOLE)
    total = layer(x, states, "native")[0].square().sum()
    wanted = [x, *states, *layer.parameters()]
    first = torch.autograd.grad(total, wanted, retain_graph=True, materialize_grads=True)
    again = torch.autograd.grad(total, wanted, materialize_grads=True)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        total.backward()


def test_gradients_add_up_over_backward_passes() -> None:
    layer, x, states = drawn(GRU, WHOLE)
    for _ in range(2):
        layer(x, states, "native")[0].sum().backward()
    expected = torch.autograd.grad(layer(x, states, "reference")[0].sum() * 2, [x, *layer.parameters()])
    torch.testing.assert_close([a.grad for a in (x, *layer.parameters())], list(expected), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [SMALL, WHOLE], ids=["copied", "shared"])
@pytest.mark.parametrize("cell", [LSTM, GRU, SHOWN, KNOWN["linear alone"]], ids=lambda cell: cell.name)
def test_a_change_in_place_of_what_is_returned_is_right_or_refused(cell: Cell, shape: Shape) -> None:
    for change in (0, 1):
        slopes = []
        for name in ("native", "reference"):
            layer, x, states = drawn(cell, shape)
            output, last = layer(x, states, name)
            (output, last[0])[change].mul_(2)
            try:
                slopes.append(torch.autograd.grad(output.sum() + last[0].sum(), x)[0])
            except RuntimeError as error:
                assert "modified by an inplace operation" in str(error)
        if len(slopes) == 2:
            torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("changed", ["x", "state", "weight"])
def test_a_change_of_what_was_given_is_refused_by_the_backward_pass(changed: str) -> None:
    layer, x, states = drawn(LSTM, WHOLE)
    total = layer(x, states, "native")[0].sum()
    given = {"x": x, "state": states[0], "weight": layer.learned()["input_gate_linear"]["weight_0"]}
    with torch.no_grad():
        given[changed].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


@pytest.mark.parametrize("shape", [SMALL, WHOLE], ids=["copied", "shared"])
def test_what_is_given_stays_untouched_and_results_are_apart(shape: Shape) -> None:
    layer, x, states = drawn(LSTM, shape)
    before = [each.detach().clone() for each in (x, *states, *layer.parameters())]
    with torch.no_grad():
        output, last = layer(x, states, "native")
        kept = output.clone()
        for state in last:
            state.fill_(7)
        assert torch.equal(output, kept)
        output.fill_(7)
        assert torch.equal(layer(x, states, "native")[0], kept)
    output, last = layer(x, states, "native")
    (output.sum() + last[1].sum()).backward()
    assert all(torch.equal(a, b) for a, b in zip(before, (x, *states, *layer.parameters()), strict=True))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])
def test_without_gradients_the_numbers_are_the_same(mode: type[torch.no_grad]) -> None:
    layer, x, states = drawn(KNOWN["every_op"], Shape(18, 3, 4, 5))
    output, last = layer(x, states, "native")
    with mode():
        other, other_last = layer(x, states, "native")
    assert torch.equal(other, output.detach())
    assert all(torch.equal(a, b.detach()) for a, b in zip(other_last, last, strict=True))
    assert not other.requires_grad


def test_a_backward_pass_may_run_in_another_thread() -> None:
    layer, x, states = drawn(LSTM, WHOLE)
    expected = torch.autograd.grad(layer(x, states, "reference")[0].sum(), x)[0]
    with threads(2):
        total = layer(x, states, "native")[0].sum()
    thread = Thread(target=total.backward)
    thread.start()
    thread.join()
    torch.testing.assert_close(x.grad, expected, rtol=1e-10, atol=1e-10)


def test_checkpoints_and_hooks_of_what_is_saved_work() -> None:
    slopes = []
    for name in ("reference", "checkpoint", "hooks"):
        rnn, x = _stacked(name if name == "reference" else "native")
        if name == "checkpoint":
            output = checkpoint(lambda x, rnn=rnn: rnn(x)[0], x, use_reentrant=False)
        else:
            with saved_tensors_hooks(lambda saved: saved.clone(), lambda kept: kept):
                output = rnn(x)[0]
        slopes.append(torch.autograd.grad(output.square().sum(), [x, *rnn.parameters()]))
    torch.testing.assert_close(slopes[1], slopes[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(slopes[2], slopes[0], rtol=1e-10, atol=1e-10)


def test_a_default_device_of_somebody_else_changes_nothing() -> None:
    rnn, x = _stacked("native")
    initial = tuple(torch.zeros(2, 2, 16, dtype=torch.float64) for _ in rnn.cell.states)
    expected = rnn(x, initial)[0]
    with torch.device("meta"):
        output = rnn(x, initial)[0]
        output.sum().backward()
    assert torch.equal(output, expected)
    assert x.grad is not None


def _stacked(backend: str) -> tuple[RNN, Tensor]:
    torch.manual_seed(0)
    rnn = RNN(LSTM, 4, 16, num_layers=2, backend=backend, dtype=torch.float64)
    return rnn, torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
