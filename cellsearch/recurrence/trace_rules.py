"""How torch's operations become operations of a cell: one rule a name, a function of graph, layout and arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from cellsearch.recurrence.reference import operation
from cellsearch.recurrence.trace_calls import UnsupportedError
from cellsearch.recurrence.trace_graph import Graph
from cellsearch.recurrence.trace_values import Known, Layout, Value

__all__ = ["REASONS", "RULES", "SOFTMAX", "add", "multiply"]

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
    if (number := _number(b)) is not None:
        return graph.elementwise("plus_constant", [a], layout, constant=number)
    assert isinstance(b, Known)
    return graph.elementwise("bias", [a], layout, {"bias": b})


def subtract(graph: Graph, layout: Layout, a: Operand, b: Operand, alpha: float = 1) -> Value:
    """a - alpha b."""
    b = b if alpha == 1 else multiply(graph, layout, b, alpha)
    if isinstance(a, Value) and isinstance(b, Value):
        return graph.elementwise("difference", [a, b], layout)
    if _number(a) == 1 and isinstance(b, Value):
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
    if (number := _number(b)) is not None:
        return graph.elementwise("times_constant", [a], layout, constant=number)
    assert isinstance(b, Known)
    if b.sigmoid_of is not None:
        return graph.elementwise("static_gate", [a], layout, {"bias": Known(b.sigmoid_of, learned=True)})
    # The two differ in where new weights start: a peephole's at 0.
    return graph.elementwise("scale" if b.tensor.any() else "peephole", [a], layout, {"weight": b})


def negative(graph: Graph, layout: Layout, a: Value) -> Value:
    """-a."""
    return graph.elementwise("times_constant", [a], layout, constant=-1.0)


def divide(graph: Graph, layout: Layout, a: Operand, b: Operand, rounding_mode: str | None = None) -> Any:
    """a / b, where b does not change with the sequence."""
    if isinstance(b, Value) or rounding_mode:
        raise UnsupportedError("it divides by what changes with the sequence; a cell has no division")
    return multiply(graph, layout, a, Known(1 / b.tensor, b.learned) if isinstance(b, Known) else 1 / b)


def power(graph: Graph, layout: Layout, a: Value, exponent: Operand = 2) -> Value:
    """The square."""
    if _number(exponent) != 2:
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


def activation(name: str, op: str) -> Callable[..., Value]:
    """A function of one operand, if with these arguments it is the one of the table."""

    def rule(graph: Graph, layout: Layout, a: Value, *args: Any, **kwargs: Any) -> Value:
        points = torch.linspace(-30, 30, 601, dtype=torch.float64)
        theirs = getattr(torch.ops.aten, name)(points, *args, **kwargs)
        # torch's softplus leaves out exp(-a) from 20 on.
        if not torch.allclose(theirs, operation(op)(points), rtol=0, atol=1e-8):
            settings = ", ".join(map(str, [*args, *kwargs.values()]))
            raise UnsupportedError(f"{name}({settings}) is no operation of a cell; see cellsearch.cell.OPS for what is")
        return graph.elementwise(op, [a], layout)

    return rule


def clamp(graph: Graph, layout: Layout, a: Value, least: Any = None, most: Any = None) -> Value:
    """relu, where that is what it is."""
    if least is None or isinstance(least, Value) or _number(least) != 0 or most is not None:
        raise UnsupportedError("a cell has no clamp but relu, at least 0")
    return graph.elementwise("relu", [a], layout)


def binary(op: str) -> Callable[..., Value]:
    """A function of two operands that both change."""

    def rule(graph: Graph, layout: Layout, a: Operand, b: Operand, keepdim: bool = False) -> Value:
        if isinstance(b, int):
            raise UnsupportedError(f"{op[:3]} runs over all units; the operations of a cell take each unit by itself")
        if not isinstance(a, Value) or not isinstance(b, Value):
            raise UnsupportedError(f"{op} with a constant or parameter is no operation of a cell")
        return graph.elementwise(op, [a, b], layout)

    return rule


def absolute(graph: Graph, layout: Layout, a: Value) -> Value:
    """max(a, -a)."""
    return graph.elementwise("maximum", [a, negative(graph, layout, a)], layout)


def cosine(graph: Graph, layout: Layout, a: Value) -> Value:
    """sine(a + pi / 2)."""
    return graph.elementwise("sine", [add(graph, layout, a, math.pi / 2)], layout)


def log_sigmoid(graph: Graph, layout: Layout, a: Value) -> Value:
    """-softplus(-a)."""
    return negative(graph, layout, graph.elementwise("softplus", [negative(graph, layout, a)], layout))


def mish(graph: Graph, layout: Layout, a: Value) -> Value:
    """a tanh(softplus(a)) (Misra 2019)."""
    bounded = graph.elementwise("tanh", [graph.elementwise("softplus", [a], layout)], layout)
    return graph.elementwise("product", [a, bounded], layout)


NAMES: Final = ("sigmoid", "tanh", "relu", "leaky_relu", "exp", "softplus", "silu", "gelu")
"""Activations that torch and the table call the same."""

ACTIVATIONS: Final = {name: name for name in NAMES} | {"sin": "sine", "hardsigmoid": "hard_sigmoid"}
"""Operation of the table by torch's name."""

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
    "neg": negative,
    "negative": negative,
    "square": power,
    "pow": power,
    "addcmul": addcmul,
    "lerp": lerp,
    "clamp": clamp,
    "clamp_min": clamp,
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
    "abs": absolute,
    "absolute": absolute,
    "cos": cosine,
    "log_sigmoid": log_sigmoid,
    "mish": mish,
    **{name: binary(op) for op in ("maximum", "minimum") for name in (op, op[:3])},
    **{name: activation(name, op) for name, op in ACTIVATIONS.items()},
}
"""Rule by torch's name, for an operation of which an operand changes with the sequence."""


def _check_norm(graph: Graph, shape: list[int], eps: float | None) -> None:
    if list(shape) != [graph.hidden_size]:
        raise UnsupportedError(
            f"it normalizes over {list(shape)}; a cell does over the hidden size, {graph.hidden_size}"
        )
    if eps != 1e-5:
        raise UnsupportedError(f"its eps is {eps}; that of a cell is 1e-05")


def _number(value: Operand) -> float | None:
    if isinstance(value, Value):
        return None
    return value.number() if isinstance(value, Known) else float(value)


def _scaled(a: Known | float, b: Operand) -> Known | float:
    assert not isinstance(b, Value)
    if isinstance(a, Known):
        return Known(a.tensor * (b.tensor if isinstance(b, Known) else b), a.learned)
    return Known(a * b.tensor, b.learned) if isinstance(b, Known) else a * b
