"""How torch's operations become operations of a cell: one rule a name, a function of graph, layout and arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from cellsearch.recurrence.trace.calls import UnsupportedError
from cellsearch.recurrence.trace.graph import Graph
from cellsearch.recurrence.trace.values import Known, Layout, Value

__all__ = ["REASONS", "RULES", "SOFTMAX", "Operand", "add", "multiply", "number_of"]

Operand = Value | Known | float

SOFTMAX: Final = "softmax"
"""A step of a graph that is read; in a cell only `cumulative_softmax` is left."""

MIXING: Final = {
    "batch_norm": "batch_norm",
    "_native_batch_norm_legit_functional": "batch_norm",
    "instance_norm": "instance_norm",
}
"""Normalizations over the batch by torch's names, which has another where nothing changes in place."""

REASONS: Final[Mapping[str, str]] = {
    SOFTMAX: "softmax runs over all units; the operations of a cell take each unit by itself, or use nn.LayerNorm",
    "detach": "detach cuts the gradient; a cell is differentiated throughout",
    "mean": "mean runs over all units; the operations of a cell take each unit by itself, or use nn.LayerNorm",
    "sum": "sum runs over all units; the operations of a cell take each unit by itself, or use a Linear",
    "where": "where chooses by a condition; use a gate, which has a gradient",
    **{f"conv{d}d": "a convolution shares weights between places; a cell has full matrices" for d in (1, 2, 3)},
    **{name: f"{name} runs over time; trace the step alone" for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
    **{name: f"{norm} mixes the sequences of a batch; use nn.LayerNorm" for name, norm in MIXING.items()},
}
"""Why operations without a rule have none."""


def add(graph: Graph, layout: Layout, a: Operand, b: Operand, alpha: float = 1) -> Value:
    """a + alpha b."""
    b = b if alpha == 1 else multiply(graph, layout, b, alpha)
    if not isinstance(a, Value):
        a, b = b, a
    assert isinstance(a, Value)
    if isinstance(b, Value):
        return graph.elementwise("sum", [a, b], layout)
    if (number := number_of(b)) is not None:
        return graph.elementwise("plus_constant", [a], layout, constant=number)
    assert isinstance(b, Known)
    return graph.elementwise("bias", [a], layout, {"bias": b})


def subtract(graph: Graph, layout: Layout, a: Operand, b: Operand, alpha: float = 1) -> Value:
    """a - alpha b."""
    b = b if alpha == 1 else multiply(graph, layout, b, alpha)
    if isinstance(a, Value) and isinstance(b, Value):
        return graph.elementwise("difference", [a, b], layout)
    if number_of(a) == 1 and isinstance(b, Value):
        return graph.elementwise("one_minus", [b], layout)
    return add(graph, layout, a, multiply(graph, layout, b, -1.0))


def multiply(graph: Graph, layout: Layout, a: Operand, b: Operand) -> Any:
    """a * b, element by element."""
    if not isinstance(a, Value):
        a, b = b, a
    if not isinstance(a, Value):
        return _scaled(a, b)
    if isinstance(b, Value):
        return graph.elementwise("product", [a, b], layout)
    if (number := number_of(b)) is not None:
        return graph.elementwise("times_constant", [a], layout, constant=number)
    assert isinstance(b, Known)
    if b.sigmoid_of is not None:
        return graph.elementwise("static_gate", [a], layout, {"bias": Known(b.sigmoid_of, learned=True)})
    # The two differ in where new weights start: a peephole's at 0.
    return graph.elementwise("scale" if b.tensor.any() else "peephole", [a], layout, {"weight": b})


def divide(graph: Graph, layout: Layout, a: Operand, b: Operand, rounding_mode: str | None = None) -> Any:
    """a / b, where b does not change with the sequence."""
    if isinstance(b, Value) or rounding_mode:
        raise UnsupportedError("it divides by what changes with the sequence; a cell has no division")
    return multiply(graph, layout, a, Known(1 / b.tensor, b.learned) if isinstance(b, Known) else 1 / b)


def power(graph: Graph, layout: Layout, a: Value, exponent: Operand = 2) -> Value:
    """The square."""
    if number_of(exponent) != 2:
        raise UnsupportedError(f"a cell has no power but the square, got the exponent {exponent}")
    return graph.elementwise("product", [a, a], layout)


def addcmul(graph: Graph, layout: Layout, a: Operand, b: Operand, c: Operand, value: float = 1) -> Value:
    """a + value * b * c."""
    return add(graph, layout, a, multiply(graph, layout, b, c), value)


def lerp(graph: Graph, layout: Layout, start: Value, end: Value, weight: Operand) -> Value:
    """start + weight * (end - start)."""
    if all(isinstance(each, Value) for each in (start, end, weight)):
        assert isinstance(weight, Value)
        return graph.elementwise("blend", [weight, end, start], layout)
    return add(graph, layout, start, multiply(graph, layout, subtract(graph, layout, end, start), weight))


def layer_norm(
    graph: Graph,
    layout: Layout,
    a: Value,
    shape: list[int],
    weight: Known | None = None,
    bias: Known | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    """Layer normalization over the hidden units."""
    _check_norm(graph, shape, eps)
    normalized = graph.elementwise("normalize", [a], layout)
    scaled = normalized if weight is None else multiply(graph, layout, normalized, weight)
    return scaled if bias is None else add(graph, layout, scaled, bias)


def rms_norm(
    graph: Graph, layout: Layout, a: Value, shape: list[int], weight: Known | None = None, eps: float | None = None
) -> Value:
    """Root mean square normalization over the hidden units."""
    _check_norm(graph, shape, eps)
    weight = weight or graph.parameter(torch.ones(graph.hidden_size, dtype=graph.dtype))
    return graph.elementwise("rms_norm", [a], layout, {"weight": weight})


def softmax(graph: Graph, layout: Layout, a: Value, place: int, dtype: torch.dtype | None = None) -> Value:
    """A step that no cell has, unless it is summed up next."""
    if place % len(layout.shape) != len(layout.shape) - 1 or layout.shape[-1] != graph.hidden_size:
        raise UnsupportedError(REASONS[SOFTMAX])
    return graph.elementwise(SOFTMAX, [a], layout)


def cumsum(graph: Graph, layout: Layout, a: Value, place: int, dtype: torch.dtype | None = None) -> Value:
    """The sum of a softmax from the first unit on."""
    step = graph.steps.get(graph.node(a))
    if step is None or step.op != SOFTMAX or place % len(layout.shape) != len(layout.shape) - 1:
        raise UnsupportedError("cumsum runs over all units; a cell has that of a softmax over them alone")
    return graph.elementwise("cumulative_softmax", [graph.value(step.operands[0])], layout)


def dropout(graph: Graph, layout: Layout, a: Value, p: float, train: bool) -> Value:
    """Nothing while evaluating."""
    if train and p:
        raise UnsupportedError("dropout is no part of a cell; trace module.eval(), and give RNN its dropout")
    return a


def cast(graph: Graph, layout: Layout, a: Value, *args: Any, **kwargs: Any) -> Value:
    """Nothing, to the precision that the cell has anyway."""
    for dtype in (*args, *kwargs.values()):
        if isinstance(dtype, torch.dtype) and dtype != graph.dtype:
            raise UnsupportedError(
                f"it changes the precision to {dtype}; a cell keeps that of its weights, {graph.dtype}"
            )
    return a


def copied(graph: Graph, layout: Layout, a: Operand, b: Operand, non_blocking: bool = False) -> Operand:
    """b, written over a."""
    if isinstance(b, Value) and b.units.numel() != math.prod(layout.shape):
        raise UnsupportedError(f"it repeats what it copies to fill {list(layout.shape)}; expand it before")
    return Known(torch.tensor(b, dtype=graph.dtype), learned=False) if isinstance(b, int | float) else b


RULES: Final[Mapping[str, Callable[..., Any]]] = {
    "add": add,
    "sub": subtract,
    "subtract": subtract,
    "rsub": lambda graph, layout, a, b, alpha=1: subtract(graph, layout, b, a, alpha),
    "mul": multiply,
    "multiply": multiply,
    "div": divide,
    "divide": divide,
    "true_divide": divide,
    "neg": lambda graph, layout, a: multiply(graph, layout, a, -1.0),
    "negative": lambda graph, layout, a: multiply(graph, layout, a, -1.0),
    "square": power,
    "pow": power,
    "addcmul": addcmul,
    "lerp": lerp,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "softmax": softmax,
    "cumsum": cumsum,
    "dropout": dropout,
    "copy": copied,
    "fill": copied,
    "to": cast,
    "_to_copy": cast,
    "type_as": cast,
}
"""Rule by torch's name, for an operation of which an operand changes with the sequence."""


def _check_norm(graph: Graph, shape: list[int], eps: float | None) -> None:
    if list(shape) != [graph.hidden_size]:
        raise UnsupportedError(
            f"it normalizes over {list(shape)}; a cell does over the hidden size, {graph.hidden_size}"
        )
    if eps != 1e-5:
        raise UnsupportedError(f"its eps is {eps}; that of a cell is 1e-05")


def number_of(value: Operand) -> float | None:
    """The one number that is everywhere in the operand and never changes, if there is one."""
    if isinstance(value, Value):
        return None
    return value.number() if isinstance(value, Known) else float(value)


def _scaled(a: Known | float, b: Operand) -> Known | float:
    assert not isinstance(b, Value)
    if isinstance(a, Known):
        return Known(a.tensor * (b.tensor if isinstance(b, Known) else b), a.learned)
    return Known(a * b.tensor, b.learned) if isinstance(b, Known) else a * b
