"""What a traced module must show: the values and gradients of stepping the module itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cellsearch.cell import Cell, identity
from cellsearch.recurrence.trace.trace import Traced, trace

I, H, B, T = 3, 5, 4, 6  # noqa: E741 - the field's letters

TOLERANCE = 1e-12


def assert_traced(module: nn.Module, expected: Cell | None = None, *, weights: bool = True) -> Traced:
    """Trace in float64, compare outputs, last states, the gradients of x and the first states, and the graph.

    `weights`: compare the loss's derivative along all weights too, for modules linear in every parameter.
    """
    torch.manual_seed(0)
    module = module.double()
    traced = trace(module, I, H)
    count = len(traced.cell.states)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    initial = [torch.randn(1, B, H, dtype=torch.float64, requires_grad=True) for _ in range(count)]
    outputs, last = traced.rnn(x, initial[0] if count == 1 else tuple(initial))
    assert isinstance(outputs, Tensor)
    ours = (outputs, last) if isinstance(last, Tensor) else (outputs, *last)
    theirs = _stepped(module, x, [state[0] for state in initial])
    for mine, other in zip(ours, theirs, strict=True):
        _assert_close(mine, other)
    wanted = [x, *initial]
    mine_all = _gradients(ours, [*wanted, *traced.rnn.parameters()])
    others_all = _gradients(theirs, [*wanted, *module.parameters()])
    for mine, other in zip(mine_all[: len(wanted)], others_all[: len(wanted)], strict=True):
        _assert_close(mine, other)
    if weights:
        mine = _along(mine_all[len(wanted) :], traced.rnn)
        _assert_close(mine, _along(others_all[len(wanted) :], module))
    if expected is not None:
        assert identity(traced.cell) == identity(expected)
    return traced


def _stepped(module: Any, x: Tensor, states: list[Tensor]) -> tuple[Tensor, ...]:
    outputs = []
    for x_t in x:
        output, states = _step(module, x_t, states)
        outputs.append(output)
    return torch.stack(outputs), *(state[None] for state in states)


def _step(module: Any, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """One step by the form that the module says it has, so that the test does not trust the tracing's guess."""
    form = getattr(module, "form", "state")
    given = {"state": (states[0],), "tuple": (tuple(states),), "pair": (tuple(states),), "arguments": states}
    result = module(x, *given.get(form, (states[0],)))
    match form:
        case "state" if isinstance(result, Tensor):
            return result, [result]
        case "state":
            return result[0], [result[1]]
        case "pair":
            return result[0], list(result)
        case "tuple":
            return result[0], list(result[1])
    return result[0], list(result[1:])


def _gradients(values: tuple[Tensor, ...], of: list[Tensor]) -> list[Tensor]:
    weights = [torch.linspace(-1, 1, value.numel(), dtype=value.dtype).view_as(value) for value in values]
    found = torch.autograd.grad(values, of, weights, allow_unused=True)
    return [torch.zeros_like(o) if g is None else g for g, o in zip(found, of, strict=True)]


def _along(gradients: list[Tensor], net: nn.Module) -> Tensor:
    return sum(((g * p).sum() for g, p in zip(gradients, net.parameters(), strict=True)), torch.zeros(()))


def _assert_close(mine: Tensor, other: Tensor) -> None:
    scale = max(1.0, float(other.detach().abs().max()))
    assert float((mine - other).detach().abs().max()) <= TOLERANCE * scale
