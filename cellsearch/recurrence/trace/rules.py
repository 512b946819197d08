"""How torch's operations become operations of a cell: one rule a name.

A rule is a function of the builder, the shape of the result, and the arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from cellsearch.recurrence.trace.builder import CellBuilder
from cellsearch.recurrence.trace.calls import UnsupportedError
from cellsearch.recurrence.trace.values import Known, ResultShape, Value

__all__ = ["REASONS", "RULES", "SOFTMAX", "Operand", "add", "multiply", "number_of"]

Operand = Value | Known | float

SOFTMAX: Final = "softmax"
"""A node while a module is read; in a cell only `cumulative_softmax` is left."""

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


def add(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, alpha: float = 1) -> Value:
    """a + alpha b."""
    b = b if alpha == 1 else multiply(builder, result, b, alpha)
    if not isinstance(a, Value):
        a, b = b, a
    assert isinstance(a, Value)
    if isinstance(b, Value):
        return builder.elementwise("sum", [a, b], result)
    if (number := number_of(b)) is not None:
        return builder.elementwise("plus_constant", [a], result, constant=number)
    assert isinstance(b, Known)
    return builder.elementwise("bias", [a], result, {"bias": b})


def subtract(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, alpha: float = 1) -> Value:
    """a - alpha b."""
    b = b if alpha == 1 else multiply(builder, result, b, alpha)
    if isinstance(a, Value) and isinstance(b, Value):
        return builder.elementwise("difference", [a, b], result)
    if number_of(a) == 1 and isinstance(b, Value):
        return builder.elementwise("one_minus", [b], result)
    return add(builder, result, a, multiply(builder, result, b, -1.0))


def multiply(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand) -> Any:
    """a * b, element by element."""
    if not isinstance(a, Value):
        a, b = b, a
    if not isinstance(a, Value):
        return _scaled(a, b)
    if isinstance(b, Value):
        return builder.elementwise("product", [a, b], result)
    if (number := number_of(b)) is not None:
        return builder.elementwise("times_constant", [a], result, constant=number)
    assert isinstance(b, Known)
    if b.sigmoid_of is not None:
        return builder.elementwise("static_gate", [a], result, {"bias": Known(b.sigmoid_of, learned=True)})
    # The two differ in where new weights start: a peephole's at 0.
    return builder.elementwise("scale" if b.tensor.any() else "peephole", [a], result, {"weight": b})


def divide(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, rounding_mode: str | None = None) -> Any:
    """a / b, where b does not change with the sequence."""
    if isinstance(b, Value) or rounding_mode:
        raise UnsupportedError("it divides by what changes with the sequence; a cell has no division")
    return multiply(builder, result, a, Known(1 / b.tensor, b.learned) if isinstance(b, Known) else 1 / b)


def power(builder: CellBuilder, result: ResultShape, a: Value, exponent: Operand = 2) -> Value:
    """The square."""
    if number_of(exponent) != 2:
        raise UnsupportedError(f"a cell has no power but the square, got the exponent {exponent}")
    return builder.elementwise("product", [a, a], result)


def addcmul(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, c: Operand, value: float = 1) -> Value:
    """a + value * b * c."""
    return add(builder, result, a, multiply(builder, result, b, c), value)


def lerp(builder: CellBuilder, result: ResultShape, start: Value, end: Value, weight: Operand) -> Value:
    """start + weight * (end - start)."""
    if all(isinstance(each, Value) for each in (start, end, weight)):
        assert isinstance(weight, Value)
        return builder.elementwise("blend", [weight, end, start], result)
    return add(builder, result, start, multiply(builder, result, subtract(builder, result, end, start), weight))


def layer_norm(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    shape: list[int],
    weight: Known | None = None,
    bias: Known | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    """Layer normalization over the hidden units."""
    _check_norm(builder, shape, eps)
    normalized = builder.elementwise("normalize", [a], result)
    scaled = normalized if weight is None else multiply(builder, result, normalized, weight)
    return scaled if bias is None else add(builder, result, scaled, bias)


def rms_norm(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    shape: list[int],
    weight: Known | None = None,
    eps: float | None = None,
) -> Value:
    """Root mean square normalization over the hidden units."""
    _check_norm(builder, shape, eps)
    weight = weight or builder.parameter(torch.ones(builder.hidden_size, dtype=builder.dtype))
    return builder.elementwise("rms_norm", [a], result, {"weight": weight})


def softmax(builder: CellBuilder, result: ResultShape, a: Value, place: int, dtype: torch.dtype | None = None) -> Value:
    """A node that no cell has, unless it is summed up next."""
    if place % len(result.shape) != len(result.shape) - 1 or result.shape[-1] != builder.hidden_size:
        raise UnsupportedError(REASONS[SOFTMAX])
    return builder.elementwise(SOFTMAX, [a], result)


def cumsum(builder: CellBuilder, result: ResultShape, a: Value, place: int, dtype: torch.dtype | None = None) -> Value:
    """The sum of a softmax from the first unit on."""
    node = builder.nodes.get(builder.node(a))
    if node is None or node.op != SOFTMAX or place % len(result.shape) != len(result.shape) - 1:
        raise UnsupportedError("cumsum runs over all units; a cell has that of a softmax over them alone")
    return builder.elementwise("cumulative_softmax", [builder.value(node.operands[0])], result)


def dropout(builder: CellBuilder, result: ResultShape, a: Value, p: float, train: bool) -> Value:
    """Nothing while evaluating."""
    if train and p:
        raise UnsupportedError("dropout is no part of a cell; trace module.eval(), and give RNN its dropout")
    return a


def cast(builder: CellBuilder, result: ResultShape, a: Value, *args: Any, **kwargs: Any) -> Value:
    """Nothing, to the precision that the cell has anyway."""
    for dtype in (*args, *kwargs.values()):
        if isinstance(dtype, torch.dtype) and dtype != builder.dtype:
            raise UnsupportedError(
                f"it changes the precision to {dtype}; a cell keeps that of its weights, {builder.dtype}"
            )
    return a


def copied(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, non_blocking: bool = False) -> Operand:
    """b, written over a."""
    if isinstance(b, Value) and b.units.numel() != math.prod(result.shape):
        raise UnsupportedError(f"it repeats what it copies to fill {list(result.shape)}; expand it before")
    return Known(torch.tensor(b, dtype=builder.dtype), learned=False) if isinstance(b, int | float) else b


RULES: Final[Mapping[str, Callable[..., Any]]] = {
    "add": add,
    "sub": subtract,
    "subtract": subtract,
    "rsub": lambda builder, result, a, b, alpha=1: subtract(builder, result, b, a, alpha),
    "mul": multiply,
    "multiply": multiply,
    "div": divide,
    "divide": divide,
    "true_divide": divide,
    "neg": lambda builder, result, a: multiply(builder, result, a, -1.0),
    "negative": lambda builder, result, a: multiply(builder, result, a, -1.0),
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


def _check_norm(builder: CellBuilder, shape: list[int], eps: float | None) -> None:
    if list(shape) != [builder.hidden_size]:
        raise UnsupportedError(
            f"it normalizes over {list(shape)}; a cell does over the hidden size, {builder.hidden_size}"
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
