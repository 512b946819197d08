"""Rules for comparisons and what is chosen by them: where, masks, the sign."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from cellsearch.recurrence.trace.building.builder import CellBuilder
from cellsearch.recurrence.trace.building.lines import UnsupportedError
from cellsearch.recurrence.trace.building.values import Condition, ResultShape, Value
from cellsearch.recurrence.trace.rules.arithmetic import Operand, add, cast, multiply, number_of, subtract

__all__ = ["DECISIONS", "OF_NUMBERS", "as_number"]


def greater(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand) -> Condition:
    """a > b where a - b is positive."""
    if not isinstance(a, Value) and not isinstance(b, Value):
        raise UnsupportedError("it compares what never changes; leave it out")
    if number_of(b) == 0 and isinstance(a, Value):
        return Condition(a.units, a.batch)
    if number_of(a) == 0 and isinstance(b, Value):
        difference = multiply(builder, result, b, -1.0)
    else:
        difference = subtract(builder, result, a, b)
    return Condition(difference.units, difference.batch)


def not_greater(builder: CellBuilder, result: ResultShape, a: Operand, b: Operand) -> Condition:
    """a <= b."""
    found = greater(builder, result, a, b)
    return Condition(found.units, found.batch, negated=True)


def negated(builder: CellBuilder, result: ResultShape, a: Operand) -> Condition:
    """Not a."""
    if not isinstance(a, Condition):
        raise UnsupportedError("it negates what is no comparison; compare with > or < first")
    return Condition(a.units, a.batch, negated=not a.negated)


def where(builder: CellBuilder, result: ResultShape, condition: Operand, a: Operand, b: Operand) -> Value:
    """a where the condition holds, else b."""
    if not isinstance(condition, Condition):
        raise UnsupportedError("it chooses by what is no comparison of values; compare with > or <")
    if condition.negated:
        a, b = b, a
    decides = Value(condition.units, condition.batch)
    numbers = number_of(a), number_of(b)
    if None not in numbers:
        step = builder.elementwise("is_positive", [decides], result)
        first, second = numbers
        assert first is not None and second is not None
        scaled = step if first - second == 1 else multiply(builder, result, step, first - second)
        return add(builder, result, scaled, second) if second else scaled
    chosen = [_as_value(builder, result, each, decides) for each in (a, b)]
    return builder.elementwise("where", [decides, *chosen], result)


def sign(builder: CellBuilder, result: ResultShape, a: Value) -> Value:
    """1 where a is positive, -1 where it is negative."""
    below = builder.elementwise("is_positive", [multiply(builder, result, a, -1.0)], result)
    return subtract(builder, result, builder.elementwise("is_positive", [a], result), below)


def as_number(builder: CellBuilder, result: ResultShape, condition: Condition) -> Value:
    """1 where the condition holds, else 0."""
    step = builder.elementwise("is_positive", [Value(condition.units, condition.batch)], result)
    return subtract(builder, result, 1.0, step) if condition.negated else step


def _as_value(builder: CellBuilder, result: ResultShape, operand: Operand, like: Value) -> Value:
    """What does not change as a node: 0 times another value, and added to it."""
    if isinstance(operand, Value):
        return operand
    nothing = builder.elementwise("times_constant", [like], result, constant=0.0)
    return add(builder, result, nothing, operand)


def _cast(builder: CellBuilder, result: ResultShape, a: Value, *args: Any, **kwargs: Any) -> Value:
    """A comparison as numbers, or anything else as it is."""
    to_bool = any(each is torch.bool for each in (*args, *kwargs.values()))
    if isinstance(a, Condition) and not to_bool:
        a = as_number(builder, result, a)
    if to_bool and not isinstance(a, Condition):
        raise UnsupportedError("it takes numbers for true or false; compare with > or <")
    return a if to_bool else cast(builder, result, a, *args, **kwargs)


DECISIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "gt": greater,
    "greater": greater,
    "lt": lambda builder, result, a, b: greater(builder, result, b, a),
    "less": lambda builder, result, a, b: greater(builder, result, b, a),
    "le": not_greater,
    "less_equal": not_greater,
    "ge": lambda builder, result, a, b: not_greater(builder, result, b, a),
    "greater_equal": lambda builder, result, a, b: not_greater(builder, result, b, a),
    "logical_not": negated,
    "bitwise_not": negated,
    "where": where,
    "masked_fill": lambda builder, result, a, mask, value: where(builder, result, mask, value, a),
    "to": _cast,
    "_to_copy": _cast,
    "type_as": _cast,
}
"""Rule by torch's name, of operations that take or make a comparison."""

OF_NUMBERS: Final[Mapping[str, Callable[..., Any]]] = {"sign": sign, "sgn": sign}
"""Rule by torch's name, of operations that decide by numbers."""
