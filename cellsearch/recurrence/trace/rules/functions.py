"""How torch's functions of a value, or of two, become operations of a cell: the same one, or several that make it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from cellsearch.cell import OPS
from cellsearch.recurrence.reference import operation
from cellsearch.recurrence.trace.building.builder import CellBuilder
from cellsearch.recurrence.trace.building.lines import UnsupportedError
from cellsearch.recurrence.trace.building.values import Known, ResultShape, Value
from cellsearch.recurrence.trace.rules.arithmetic import Operand, multiply, number_of
from cellsearch.recurrence.trace.rules.reasons import REMEDY

__all__ = ["FUNCTIONS"]


def same(name: str, op: str) -> Callable[..., Value]:
    """A function of one operand, if with these arguments it is the one of the table."""

    def rule(builder: CellBuilder, result: ResultShape, a: Value, *args: Any, **kwargs: Any) -> Value:
        points = torch.linspace(-30, 30, 601, dtype=torch.float64)
        points = points[points > 0] if OPS[op].domain else points
        theirs = getattr(torch.ops.aten, name)(points, *args, **kwargs)
        # torch's softplus leaves out exp(-a) from 20 on.
        if torch.allclose(theirs, operation(op)(points), rtol=0, atol=1e-8):
            return builder.elementwise(op, [a], result)
        if name in WITH_SETTINGS:
            return WITH_SETTINGS[name](Composer(builder, result), a, *args, **kwargs)
        settings = ", ".join(map(str, [*args, *kwargs.values()]))
        raise UnsupportedError(f"{name}({settings}) is no operation of a cell; {REMEDY}")

    return rule


def extreme(op: str) -> Callable[..., Value]:
    """The larger or smaller of two operands, one of which may be a number."""

    def rule(
        builder: CellBuilder, result: ResultShape, a: Operand, b: Operand | None = None, keepdim: bool = False
    ) -> Value:
        if b is None or isinstance(b, int):
            raise UnsupportedError(
                f"{op[:3]} runs over all units; the operations of a cell take each unit by itself, or use softmax"
            )
        if isinstance(a, Value) and isinstance(b, Value):
            return builder.elementwise(op, [a, b], result)
        value, bound = (a, b) if isinstance(a, Value) else (b, a)
        assert isinstance(value, Value)
        if number_of(bound) is None:
            raise UnsupportedError(
                f"{op} with a parameter is no operation of a cell; add the parameter to a value first"
            )
        return clamp(Composer(builder, result), value, **{"least" if op == "maximum" else "most": bound})

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


def leaky_relu(write: Composer, a: Value, slope: float = 0.01) -> Value:
    """relu(a) - slope relu(-a)."""
    return write("difference", write("relu", a), write.line(write("relu", write.line(a, -1)), slope))


def softplus(write: Composer, a: Value, sharpness: float = 1, threshold: float = 20) -> Value:
    """log(1 + exp(sharpness a)) / sharpness."""
    return write.line(write("softplus", write.line(a, sharpness)), 1 / sharpness)


def gelu(write: Composer, a: Value, approximate: str = "tanh") -> Value:
    """a / 2 (1 + tanh(sqrt(2 / pi) (a + 0.044715 a³))) (Hendrycks & Gimpel 2016)."""
    cube = write("product", write("product", a, a), a)
    inside = write.line(write("sum", a, write.line(cube, 0.044715)), math.sqrt(2 / math.pi))
    return write.line(write("product", a, write.line(write("tanh", inside), 1, 1)), 0.5)


def softsign(write: Composer, a: Value) -> Value:
    """a / (1 + |a|)."""
    size = write("maximum", a, write.line(a, -1))
    return write("product", a, write("reciprocal", write.line(size, 1, 1)))


def softshrink(write: Composer, a: Value, least: float = 0.5) -> Value:
    """relu(a - least) - relu(-a - least)."""
    return write("difference", write("relu", write.line(a, 1, -least)), write("relu", write.line(a, -1, -least)))


def threshold(write: Composer, a: Value, least: float, otherwise: float) -> Value:
    """a where a > least, else a number."""
    return write("where", write.line(a, 1, -least), a, write.line(write.line(a, 0), 1, otherwise))


def hyperbolic(sign: float) -> Callable[..., Value]:
    """(exp(a) ± exp(-a)) / 2."""

    def rule(write: Composer, a: Value) -> Value:
        return write.line(write("sum", write("exp", a), write.line(write("exp", write.line(a, -1)), sign)), 0.5)

    return rule


def prelu(builder: CellBuilder, result: ResultShape, a: Value, slope: Operand) -> Value:
    """relu(a) - slope relu(-a) for a learned slope (He et al. 2015)."""
    write = Composer(builder, result)
    if isinstance(slope, Known) and slope.tensor.numel() > 1:
        shape = [1] * len(result.shape)
        shape[1] = -1
        slope = Known(slope.tensor.reshape(shape), slope.learned)
    below = multiply(builder, result, write("relu", write.line(a, -1)), slope)
    return write("difference", write("relu", a), below)


def logaddexp(builder: CellBuilder, result: ResultShape, a: Value, b: Value) -> Value:
    """log(exp(a) + exp(b)) = b + softplus(a - b)."""
    if not isinstance(a, Value) or not isinstance(b, Value):
        raise UnsupportedError("logaddexp with a constant or parameter; write torch.log(torch.exp(a) + b)")
    write = Composer(builder, result)
    return write("sum", b, write("softplus", write("difference", a, b)))


def glu(builder: CellBuilder, result: ResultShape, a: Value, place: int = -1) -> Value:
    """The first half times the sigmoid of the second."""
    rank = a.units.dim() + 1
    place = place % rank - (place % rank > a.batch)
    values, gates = (Value(half, a.batch) for half in a.units.chunk(2, place))
    return builder.elementwise("product", [values, builder.elementwise("sigmoid", [gates], result)], result)


SELU: Final = (1.6732632423543772, 1.0507009873554805)
"""alpha and scale of Klambauer et al. 2017."""

COMPOSED: Final[Mapping[str, Callable[..., Value]]] = {
    "log1p": lambda write, a: write("log", write.line(a, 1, 1)),
    "log2": lambda write, a: write.line(write("log", a), 1 / math.log(2)),
    "log10": lambda write, a: write.line(write("log", a), 1 / math.log(10)),
    "exp2": lambda write, a: write("exp", write.line(a, math.log(2))),
    "expm1": lambda write, a: write.line(write("exp", a), 1, -1),
    "rsqrt": lambda write, a: write("reciprocal", write("sqrt", a)),
    "sinh": hyperbolic(-1),
    "cosh": hyperbolic(1),
    "tan": lambda write, a: write("product", write("sine", a), write("reciprocal", COMPOSED["cos"](write, a))),
    "softsign": softsign,
    "softshrink": softshrink,
    "threshold": threshold,
    "tanhshrink": lambda write, a: write("difference", a, write("tanh", a)),
    "hardshrink": lambda write, a, least=0.5: write(
        "difference", threshold(write, a, least, 0.0), threshold(write, write.line(a, -1), least, 0.0)
    ),
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

WITH_SETTINGS: Final[Mapping[str, Callable[..., Value]]] = {
    "leaky_relu": leaky_relu,
    "softplus": softplus,
    "gelu": gelu,
}
"""Functions of the table with other settings than it has."""

ALIKE: Final = ("sigmoid", "tanh", "relu", "leaky_relu", "exp", "softplus", "silu", "gelu", "log", "sqrt")
"""Functions that torch and the table call the same."""

SAME: Final = {name: name for name in ALIKE} | {"sin": "sine", "hardsigmoid": "hard_sigmoid"}
"""Operation of the table by torch's name."""


def _composed(write: Callable[..., Value]) -> Callable[..., Value]:
    return lambda builder, result, *args, **kwargs: write(Composer(builder, result), *args, **kwargs)


FUNCTIONS: Final[Mapping[str, Callable[..., Value]]] = {
    **{name: same(name, op) for name, op in SAME.items()},
    **{name: extreme(op) for op in ("maximum", "minimum") for name in (op, op[:3])},
    **{name: _composed(write) for name, write in COMPOSED.items()},
    "prelu": prelu,
    "logaddexp": logaddexp,
    "glu": glu,
}
"""Rule by torch's name, of builder, shape of the result and arguments."""


def _bound(bound: Operand) -> float:
    number = number_of(bound)
    if number is None:
        raise UnsupportedError("its bounds change; a cell has clamp between numbers, and maximum and minimum of values")
    return number
