"""The eager backend gives the reference's numbers for every cell, and keeps the manners of an ordinary operation."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from torch import Tensor

from cellsearch.cell import LINEAR, Cell, Node
from cellsearch.recurrence import RNN
from cellsearch.recurrence.eager.backend import EAGER
from cellsearch.recurrence.eager.source import adjoint_function, forward_function
from cellsearch.recurrence.plan.planner import plan
from cellsearch.recurrence.rnn import Layer
from cellsearch.recurrence.structured import plain
from cellsearch.testing.backend import SHAPES, Shape, check_backend
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM, SPACE
from tests.helpers.recurrence.examples import EVERY_OP, KNOWN

CELLS = {cell.name: cell for cell in (*SPACE.seeds.values(), EVERY_OP, KNOWN["a decision on what it takes"])}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_known_cells_agree_with_the_reference(name: str, shape: Shape) -> None:
    assert check_backend(EAGER, CELLS[name], shape, torch.float64)
    assert check_backend(EAGER, CELLS[name], shape, torch.float32)


@given(cells())
@settings(max_examples=60)
def test_random_cells_agree_with_the_reference(cell: Cell) -> None:
    compared = [check_backend(EAGER, cell, shape) for shape in SHAPES]
    assume(any(compared))
    check_backend(EAGER, cell, SHAPES[3], torch.float32)


@pytest.mark.slow
@given(cells())
@settings(max_examples=500)
def test_many_random_cells_agree_with_the_reference(cell: Cell) -> None:
    compared = [check_backend(EAGER, cell, shape) for shape in SHAPES]
    assume(any(compared))
    check_backend(EAGER, cell, SHAPES[3], torch.float32)


def test_a_cell_without_learned_numbers_runs() -> None:
    cell = Cell("running_sum", {"total": Node("sum", ("x", "h"))}, {"h": "total"}, "total")
    x = torch.randn(5, 2, 3)
    output, last = RNN(cell, 3, 3, backend="eager")(x)
    torch.testing.assert_close(output, x.cumsum(0))
    torch.testing.assert_close(last, x.sum(0, keepdim=True))


def test_a_state_that_only_delays_the_input_runs() -> None:
    nodes = {"now": Node(LINEAR, ("x",)), "both": Node("product", ("now", "h"))}
    assert check_backend(EAGER, Cell("delay", nodes, {"h": "now"}, "both"), Shape(4, 2, 3, 5))


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_first_and_second_order_are_those_of_finite_differences(name: str) -> None:
    layer, x, states = _layer(CELLS[name], T=2, B=2, I=2, H=3)
    arrays = [x, *states, *layer.parameters()]

    def run(*given: Tensor) -> tuple[Tensor, ...]:
        learned = iter(given[1 + len(states) :])
        parameters = {node: {p: next(learned) for p in arrays} for node, arrays in layer.learned().items()}
        output, last = EAGER.run(layer.cell, parameters, given[0], given[1 : 1 + len(states)])
        return output, *last

    assert torch.autograd.gradcheck(run, arrays)
    if name in ("rnn", "gru"):
        assert torch.autograd.gradgradcheck(run, arrays)


def test_second_derivatives_keep_apart_inputs_that_depend_on_each_other() -> None:
    def penalty(backend: str) -> Tensor:
        torch.manual_seed(0)
        rnn = RNN(LSTM, 3, 3, backend=backend, dtype=torch.float64)
        h = torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True)
        output, _ = rnn(torch.cat([h, h.tanh()]), (h, h * 2))
        (slope,) = torch.autograd.grad(output.square().sum(), h, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.square().sum(), h)
        return curvature

    torch.testing.assert_close(penalty("eager"), penalty("reference"), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("wanted", ["x", "state", "one weight", "bias"])
def test_a_single_wanted_gradient_is_right_when_the_rest_is_frozen(wanted: str) -> None:
    layer, x, states = _layer(EVERY_OP, T=3, B=2, I=4, H=4)
    source = {"x": x, "state": states[1], "one weight": layer.weight_2_gate_linear, "bias": layer.bias_gate_layer_norm}
    for array in (x, *states, *layer.parameters()):
        array.requires_grad_(array is source[wanted])
    slopes = []
    for backend in ("eager", "reference"):
        output, last = layer(x, states, backend)
        slopes.append(torch.autograd.grad(output.sum() + last[0].square().sum(), source[wanted])[0])
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-12)


def test_the_last_state_alone_can_be_differentiated() -> None:
    layer, x, states = _layer(LSTM, T=3, B=2, I=4, H=4)
    slopes = [torch.autograd.grad(layer(x, states, b)[1][1].sum(), [x, *states]) for b in ("eager", "reference")]
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-12)


def test_what_is_given_stays_untouched_and_what_is_returned_may_be_changed() -> None:
    layer, x, states = _layer(GRU, T=3, B=2, I=4, H=4)
    before = [each.detach().clone() for each in (x, *states)]
    with torch.no_grad():
        output, last = layer(x, states, "eager")
        output.add_(1)
        last[0].mul_(2)
    assert all(torch.equal(a, b) for a, b in zip(before, (x, *states), strict=True))
    output, last = layer(x, states, "eager")
    assert not last[0]._is_view()
    output.mul(2).relu_().sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, (x.detach(), *(s.detach() for s in states)), strict=True))


def test_changing_the_output_in_place_is_either_right_or_refused() -> None:
    layer, x, states = _layer(EVERY_OP, T=3, B=2, I=4, H=4)
    slopes = []
    for backend in ("eager", "reference"):
        output, _ = layer(x, states, backend)
        slopes.append(torch.autograd.grad(output.mul_(2).sum(), x)[0])
    torch.testing.assert_close(*slopes)
    layer, x, states = _layer(GRU, T=3, B=2, I=4, H=4)
    output, _ = layer(x, states, "eager")
    output.mul_(2)  # the next step's gate reads it
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_a_graph_can_be_walked_twice() -> None:
    layer, x, states = _layer(GRU, T=3, B=2, I=4, H=4)
    total = layer(x, states, "eager")[0].sum()
    first = torch.autograd.grad(total, x, retain_graph=True)[0]
    assert torch.equal(first, torch.autograd.grad(total, x)[0])


def test_an_empty_batch_runs() -> None:
    output, last = RNN(LSTM, 3, 4, backend="eager")(torch.zeros(5, 0, 3))
    assert output.shape == (5, 0, 4)
    assert last[0].shape == (1, 0, 4)


def test_autocast_and_compilers_are_left_to_the_reference() -> None:
    x = torch.zeros(2, 1, 3)
    assert EAGER.refuses(LSTM, x) is None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert "autocast" in str(EAGER.refuses(LSTM, x))
        assert RNN(LSTM, 3, 4)(x)[0].shape == (2, 1, 4)


@given(cells())
def test_generated_code_holds_numbered_variables_only(cell: Cell) -> None:
    made = plan(plain(cell.resolved(4, 4)))
    twin = Cell("twin", *_renamed(made.cell))
    for phase, same in zip(made.phases, plan(twin).phases, strict=True):
        for function in (forward_function, adjoint_function):
            text, other = function(made, phase), function(plan(twin), same)
            assert text.source == other.source
            assert text.run is other.run


def _renamed(cell: Cell) -> tuple[dict[str, Node], dict[str, str], str]:
    names = {"x": "x"} | {name: f"other{i}" for i, name in enumerate([*cell.states, *cell.nodes])}
    nodes = {
        names[n]: replace(node, operands=tuple(names[o] for o in node.operands), initial_bias=0.0)
        for n, node in cell.nodes.items()
    }
    return nodes, {names[s]: names[n] for s, n in cell.states.items()}, names[cell.output]


def _layer(cell: Cell, T: int, B: int, I: int, H: int) -> tuple[Layer, Tensor, tuple[Tensor, ...]]:  # noqa: E741
    torch.manual_seed(1)
    layer = Layer(cell, I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    states = tuple(torch.randn(B, H, dtype=torch.float64, requires_grad=True) for _ in cell.states)
    return layer, x, states
