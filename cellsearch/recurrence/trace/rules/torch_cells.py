"""Rules for the cells that torch has as one operation: those of nn.RNNCell, nn.LSTMCell and nn.GRUCell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from torch import Tensor
from torch.nn import functional as F

from cellsearch.recurrence.trace.building.builder import CellBuilder
from cellsearch.recurrence.trace.building.values import Known, ResultShape, Value
from cellsearch.recurrence.trace.rules.arithmetic import add, multiply

__all__ = ["TORCH_CELLS"]


def rnn_cell(activation: str) -> Callable[..., Value]:
    """torch's nn.RNNCell."""

    def rule(builder: CellBuilder, result: ResultShape, x: Value, h: Value, *weights: Known) -> Value:
        gates = _gates(builder, result, x, h, *weights)
        return builder.elementwise(activation, [add(builder, result, *gates)], result)

    return rule


def lstm_cell(
    builder: CellBuilder, result: ResultShape, x: Value, states: list[Value], *weights: Known
) -> tuple[Value, Value]:
    """torch's nn.LSTMCell: rows input, forget, candidate, output."""
    h, c = states
    gates = _gates(builder, result, x, h, *weights)
    summed = [add(builder, result, *each) for each in zip(*(_split(gate, 4) for gate in gates), strict=True)]
    activations = ("sigmoid", "sigmoid", "tanh", "sigmoid")
    i, f, g, o = (builder.elementwise(op, [gate], result) for op, gate in zip(activations, summed, strict=True))
    c = add(builder, result, multiply(builder, result, f, c), multiply(builder, result, i, g))
    return multiply(builder, result, o, builder.elementwise("tanh", [c], result)), c


def gru_cell(builder: CellBuilder, result: ResultShape, x: Value, h: Value, *weights: Known) -> Value:
    """torch's nn.GRUCell: rows reset, update, candidate; the reset gate after the product."""
    (r_x, z_x, n_x), (r_h, z_h, n_h) = (_split(gate, 3) for gate in _gates(builder, result, x, h, *weights))
    r, z = (builder.elementwise("sigmoid", [add(builder, result, *g)], result) for g in ((r_x, r_h), (z_x, z_h)))
    n = builder.elementwise("tanh", [add(builder, result, n_x, multiply(builder, result, r, n_h))], result)
    return builder.elementwise("blend", [z, h, n], result)


def _gates(
    builder: CellBuilder, result: ResultShape, x: Value, h: Value, w_x: Known, w_h: Known, b_x: Known | None = None,
    b_h: Known | None = None,
) -> tuple[Value, Value]:  # fmt: skip
    """The products of input and state with all gates' rows."""
    wide = ResultShape((1, w_x.tensor.shape[0]), 0)
    gates = []
    for value, weight, bias in ((x, w_x, b_x), (h, w_h, b_h)):
        gates.append(builder.product(value, _linear(builder.use(weight)), wide, weight.tensor.numel(), bias))
    return gates[0], gates[1]


def _linear(weight: Tensor) -> Callable[[Tensor, int], Tensor]:
    return lambda one_hot, size: F.linear(one_hot, weight)


def _split(gates: Value, count: int) -> list[Value]:
    return [Value(units) for units in gates.units.chunk(count)]


TORCH_CELLS: Final[Mapping[str, Callable[..., Any]]] = {
    "rnn_tanh_cell": rnn_cell("tanh"),
    "rnn_relu_cell": rnn_cell("relu"),
    "lstm_cell": lstm_cell,
    "gru_cell": gru_cell,
}
"""Rule by torch's name."""
