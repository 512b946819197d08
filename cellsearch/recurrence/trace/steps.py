"""Rules for the steps that torch has as one operation: those of nn.RNNCell, nn.LSTMCell and nn.GRUCell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from torch import Tensor
from torch.nn import functional as F

from cellsearch.recurrence.trace.graph import Graph
from cellsearch.recurrence.trace.rules import add, multiply
from cellsearch.recurrence.trace.values import Known, Layout, Value

__all__ = ["STEPS"]


def rnn_cell(activation: str) -> Callable[..., Value]:
    """torch's nn.RNNCell."""

    def rule(graph: Graph, layout: Layout, x: Value, h: Value, *weights: Known) -> Value:
        gates = _gates(graph, layout, x, h, *weights)
        return graph.elementwise(activation, [add(graph, layout, *gates)], layout)

    return rule


def lstm_cell(graph: Graph, layout: Layout, x: Value, states: list[Value], *weights: Known) -> tuple[Value, Value]:
    """torch's nn.LSTMCell: rows input, forget, candidate, output."""
    h, c = states
    gates = _gates(graph, layout, x, h, *weights)
    summed = [add(graph, layout, *each) for each in zip(*(_split(gate, 4) for gate in gates), strict=True)]
    activations = ("sigmoid", "sigmoid", "tanh", "sigmoid")
    i, f, g, o = (graph.elementwise(op, [gate], layout) for op, gate in zip(activations, summed, strict=True))
    c = add(graph, layout, multiply(graph, layout, f, c), multiply(graph, layout, i, g))
    return multiply(graph, layout, o, graph.elementwise("tanh", [c], layout)), c


def gru_cell(graph: Graph, layout: Layout, x: Value, h: Value, *weights: Known) -> Value:
    """torch's nn.GRUCell: rows reset, update, candidate; the reset gate after the product."""
    (r_x, z_x, n_x), (r_h, z_h, n_h) = (_split(gate, 3) for gate in _gates(graph, layout, x, h, *weights))
    r, z = (graph.elementwise("sigmoid", [add(graph, layout, *g)], layout) for g in ((r_x, r_h), (z_x, z_h)))
    n = graph.elementwise("tanh", [add(graph, layout, n_x, multiply(graph, layout, r, n_h))], layout)
    return graph.elementwise("blend", [z, h, n], layout)


def _gates(
    graph: Graph, layout: Layout, x: Value, h: Value, w_x: Known, w_h: Known, b_x: Known | None = None,
    b_h: Known | None = None,
) -> tuple[Value, Value]:  # fmt: skip
    """The products of input and state with all gates' rows."""
    wide = Layout((1, w_x.tensor.shape[0]), 0)
    gates = []
    for value, weight, bias in ((x, w_x, b_x), (h, w_h, b_h)):
        gates.append(graph.product(value, _linear(graph.use(weight)), wide, weight.tensor.numel(), bias))
    return gates[0], gates[1]


def _linear(weight: Tensor) -> Callable[[Tensor, int], Tensor]:
    return lambda one_hot, size: F.linear(one_hot, weight)


def _split(gates: Value, count: int) -> list[Value]:
    return [Value(units) for units in gates.units.chunk(count)]


STEPS: Final[Mapping[str, Callable[..., Any]]] = {
    "rnn_tanh_cell": rnn_cell("tanh"),
    "rnn_relu_cell": rnn_cell("relu"),
    "lstm_cell": lstm_cell,
    "gru_cell": gru_cell,
}
"""Rule by torch's name."""
