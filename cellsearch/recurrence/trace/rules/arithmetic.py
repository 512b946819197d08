"""Rules for arithmetic unit by unit, for what changes nothing, and for precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from cellsearch.recurrence.trace.building.builder import CellBuilder
from cellsearch.recurrence.trace.building.lines import UnsupportedError
from cellsearch.recurrence.trace.building.values import Known, ResultShape, Value

__all__ = ["RULES", "Operand", "add", "cast", "divide", "multiply", "number_of", "power", "subtract"]

Operand = Value | Known | float

MOST_FACTORS: Final = 16
"""The largest whole number to whose power something is raised by multiplying."""


def add(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, alpha: float = 1) -> Value:
    """a + alpha b."""
    b = b if alpha == 1 else multiply(builder, result, b, alpha)
    if not isinstance(a, Value):
        a, b = b, a
    assert isinstance(a, Value)
    if isinstance(b, Value):
        return builder.elementwise("sum", [a, b], result)
    if part := builder.scaled(a, None, _known(b), result):
        return part
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
    if part := builder.scaled(a, _known(b), None, result):
        return part
    if (number := number_of(b)) is not None:
        if number == 1 and a.units.shape == result.units:
            return a
        return builder.elementwise("times_constant", [a], result, constant=number)
    assert isinstance(b, Known)
    if b.sigmoid_of is not None:
        return builder.elementwise("static_gate", [a], result, {"bias": Known(b.sigmoid_of, learned=True)})
    # The two differ in where new weights start: a peephole's at 0.
    return builder.elementwise("scale" if b.tensor.any() else "peephole", [a], result, {"weight": b})


def divide(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, rounding_mode: str | None = None) -> Any:
    """a / b as a * (1 / b)."""
    if rounding_mode:
        raise UnsupportedError(f"it rounds its quotient ({rounding_mode}), which has no gradient; leave it out")
    if isinstance(b, Value):
        inverse = builder.elementwise("reciprocal", [b], result)
        return inverse if number_of(a) == 1 else multiply(builder, result, a, inverse)
    return multiply(builder, result, a, Known(1 / b.tensor, b.learned) if isinstance(b, Known) else 1 / b)


def power(builder: CellBuilder, result: ResultShape, a: Operand, exponent: Operand = 2) -> Value:
    """a ** b, of which one may stay the same; a positive base as exp(b log(a)), but for whole numbers and roots."""
    if not isinstance(a, Value):
        base = a if isinstance(a, Known) else Known(torch.tensor(float(a)), learned=False)
        if not (base.tensor > 0).all():
            raise UnsupportedError("it raises what is not positive to a power that changes; use torch.exp")
        power_of_e = Known(base.tensor.double().log().to(builder.dtype), base.learned)
        return builder.elementwise("exp", [multiply(builder, result, exponent, power_of_e)], result)
    number = number_of(exponent)
    if number is not None and number < 0:
        return builder.elementwise("reciprocal", [power(builder, result, a, -number)], result)
    if number is not None and number.is_integer() and 1 <= number <= MOST_FACTORS:
        half = a if number < 4 else power(builder, result, a, number // 2)
        factors = [half] * (int(number) if number < 4 else 2) + [a] * (number >= 4 and int(number) % 2)
        product = factors[0]
        for factor in factors[1:]:
            product = builder.elementwise("product", [product, factor], result)
        return product
    if number == 0.5:
        return builder.elementwise("sqrt", [a], result)
    logarithm = builder.elementwise("log", [a], result)
    return builder.elementwise("exp", [multiply(builder, result, logarithm, exponent)], result)


def addcmul(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand, c: Operand, value: float = 1) -> Value:
    """a + value * b * c."""
    return add(builder, result, a, multiply(builder, result, b, c), value)


def lerp(builder: CellBuilder, result: ResultShape, start: Value, end: Value, weight: Operand) -> Value:
    """start + weight * (end - start)."""
    if all(isinstance(each, Value) for each in (start, end, weight)):
        assert isinstance(weight, Value)
        return builder.elementwise("blend", [weight, end, start], result)
    return add(builder, result, start, multiply(builder, result, subtract(builder, result, end, start), weight))


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
    "reciprocal": lambda builder, result, a: builder.elementwise("reciprocal", [a], result),
    "pow": power,
    "addcmul": addcmul,
    "lerp": lerp,
    "dropout": dropout,
    "copy": copied,
    "fill": copied,
}
"""Rule by torch's name, for an operation of which an operand changes with the sequence."""


def number_of(value: Operand) -> float | None:
    """The one number that is everywhere in the operand and never changes, if there is one."""
    if isinstance(value, Value):
        return None
    return value.number() if isinstance(value, Known) else float(value)


def _known(value: Operand) -> Known:
    """A number or parameter, as it is known."""
    assert not isinstance(value, Value)
    return value if isinstance(value, Known) else Known(torch.tensor(float(value)), learned=False)


def _scaled(a: Known | float, b: Operand) -> Known | float:
    assert not isinstance(b, Value)
    if isinstance(a, Known):
        return Known(a.tensor * (b.tensor if isinstance(b, Known) else b), a.learned)
    return Known(a * b.tensor, b.learned) if isinstance(b, Known) else a * b
