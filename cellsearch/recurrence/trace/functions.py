"""How torch's functions of a value, or of two, become operations of a cell: the same one, or several that make it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from cellsearch.recurrence.reference import operation
from cellsearch.recurrence.trace.builder import CellBuilder
from cellsearch.recurrence.trace.calls import UnsupportedError
from cellsearch.recurrence.trace.rules import Operand, number_of
from cellsearch.recurrence.trace.values import ResultShape, Value

__all__ = ["FUNCTIONS"]


def same(name: str, op: str) -> Callable[..., Value]:
    """A function of one operand, if with these arguments it is the one of the table."""

    def rule(builder: CellBuilder, result: ResultShape, a: Value, *args: Any, **kwargs: Any) -> Value:
        points = torch.linspace(-30, 30, 601, dtype=torch.float64)
        theirs = getattr(torch.ops.aten, name)(points, *args, **kwargs)
        # torch's softplus leaves out exp(-a) from 20 on.
        if not torch.allclose(theirs, operation(op)(points), rtol=0, atol=1e-8):
            settings = ", ".join(map(str, [*args, *kwargs.values()]))
            raise UnsupportedError(f"{name}({settings}) is no operation of a cell; see cellsearch.cell.OPS for what is")
        return builder.elementwise(op, [a], result)

    return rule


def binary(op: str) -> Callable[..., Value]:
    """A function of two operands that both change."""

    def rule(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, keepdim: bool = False) -> Value:
        if isinstance(b, int):
            raise UnsupportedError(f"{op[:3]} runs over all units; the operations of a cell take each unit by itself")
        if not isinstance(a, Value) or not isinstance(b, Value):
            raise UnsupportedError(f"{op} with a constant or parameter is no operation of a cell")
        return builder.elementwise(op, [a, b], result)

    return rule


class Composer:
    """Composes a function of several operations of the table."""

    def __init__(self, builder: CellBuilder, result: ResultShape) -> None:
        self.builder = builder
        self.result = result

    def __call__(self, op: str, *operands: Value) -> Value:
        """An operation of the table."""
        return self.builder.elementwise(op, list(operands), self.result)

    def line(self, a: Value, slope: float = 1.0, offset: float = 0.0) -> Value:
        """slope a + offset."""
        if slope != 1:
            a = self.builder.elementwise("times_constant", [a], self.result, constant=slope)
        return self.builder.elementwise("plus_constant", [a], self.result, constant=offset) if offset else a


def clamp(write: Composer, a: Value, least: Operand | None = None, most: Operand | None = None) -> Value:
    """m + relu(a - m), n - relu(n - a), or m + (n - m) hard_sigmoid(6 (a - m) / (n - m) - 3) with both bounds."""
    m, n = (None if bound is None else _bound(bound) for bound in (least, most))
    if m is not None and n is not None:
        if m >= n:
            raise UnsupportedError(f"it clamps between {m:g} and {n:g}, which leaves nothing")
        inside = write.line(a, 6 / (n - m), -6 * m / (n - m) - 3)
        return write.line(write("hard_sigmoid", inside), n - m, m)
    if m is not None:
        return write.line(write("relu", write.line(a, 1, -m)), 1, m)
    assert n is not None
    return write.line(write("relu", write.line(a, -1, n)), -1, n)


def elu(write: Composer, a: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Value:
    """scale (relu(a) + alpha (exp(-input_scale relu(-a)) - 1)) (Clevert et al. 2016)."""
    below = write("exp", write.line(write("relu", write.line(a, -1)), -input_scale))
    return write.line(write("sum", write("relu", a), write.line(below, alpha, -alpha)), scale)


SELU: Final = (1.6732632423543772, 1.0507009873554805)
"""alpha and scale of Klambauer et al. 2017."""

COMPOSED: Final[Mapping[str, Callable[..., Value]]] = {
    "abs": lambda write, a: write("maximum", a, write.line(a, -1)),
    "celu": lambda write, a, alpha=1: elu(write, a, alpha, 1, 1 / alpha),
    "clamp": clamp,
    "clamp_max": lambda write, a, most: clamp(write, a, None, most),
    "clamp_min": clamp,
    "cos": lambda write, a: write("sine", write.line(a, 1, math.pi / 2)),
    "elu": elu,
    "hardswish": lambda write, a: write("product", a, write("hard_sigmoid", a)),
    "hardtanh": lambda write, a, least=-1, most=1: clamp(write, a, least, most),
    "log_sigmoid": lambda write, a: write.line(write("softplus", write.line(a, -1)), -1),
    "mish": lambda write, a: write("product", a, write("tanh", write("softplus", a))),
    "relu6": lambda write, a: clamp(write, a, 0, 6),
    "selu": lambda write, a: elu(write, a, *SELU),
}
"""Functions that operations of the table make."""

ALIKE: Final = ("sigmoid", "tanh", "relu", "leaky_relu", "exp", "softplus", "silu", "gelu")
"""Functions that torch and the table call the same."""

SAME: Final = {name: name for name in ALIKE} | {"sin": "sine", "hardsigmoid": "hard_sigmoid"}
"""Operation of the table by torch's name."""


def _composed(write: Callable[..., Value]) -> Callable[..., Value]:
    return lambda builder, result, *args, **kwargs: write(Composer(builder, result), *args, **kwargs)


FUNCTIONS: Final[Mapping[str, Callable[..., Value]]] = {
    **{name: same(name, op) for name, op in SAME.items()},
    **{name: binary(op) for op in ("maximum", "minimum") for name in (op, op[:3])},
    **{name: _composed(write) for name, write in COMPOSED.items()},
}
"""Rule by torch's name, of builder, shape of the result and arguments."""


def _bound(bound: Operand) -> float:
    number = number_of(bound)
    if number is None:
        raise UnsupportedError("its bounds change; a cell has clamp between numbers, and maximum and minimum of values")
    return number
