"""Rules for what looks along the hidden units: means, sums, variances, softmax and the normalizations made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Final

import torch

from cellsearch.recurrence.trace.building.builder import CellBuilder
from cellsearch.recurrence.trace.building.lines import UnsupportedError
from cellsearch.recurrence.trace.building.values import Known, ResultShape, Value
from cellsearch.recurrence.trace.rules.arithmetic import add, divide, multiply, power, subtract
from cellsearch.recurrence.trace.rules.reasons import REASONS

__all__ = ["REDUCTIONS"]

EPS: Final = 1e-5
"""What the table's normalizations add to a variance."""

Places = int | Sequence[int] | None
"""Dimensions of a tensor as torch takes them."""


def mean(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    places: Places = None,
    keepdim: bool = False,
    dtype: torch.dtype | None = None,
) -> Value:
    """The mean over units."""
    return builder.mean(a, _units(a, places), result)


def total(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    places: Places = None,
    keepdim: bool = False,
    dtype: torch.dtype | None = None,
) -> Value:
    """The sum over units, as a mean times their number; of several gates unit by unit, as sums of them."""
    over = _units(a, places)
    if gates := _gates(builder, a, over):
        added = _chained("sum", builder, _shape(gates[0]), gates)
        return Value(added.units.reshape(result.units), result.batch)
    count = prod(a.units.shape[place] for place in over)
    builder.note(f"sums {count} units; with another hidden size the cell takes {count} times their mean")
    summed: Value = multiply(builder, result, builder.mean(a, over, result), float(count))
    return summed


def variance(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    places: Places | bool = None,
    unbiased: bool = True,
    keepdim: bool = False,
    correction: float | None = 1,
) -> Value:
    """The mean of squared deviations, or their sum over one less than their number."""
    if isinstance(places, bool):  # var(a, unbiased), over all units
        return variance(builder, result, a, None, places)
    correction = correction if unbiased else 0
    over = _units(a, places)
    count = prod(a.units.shape[place] for place in over)
    deviation = _deviation(builder, a, over)
    found = builder.mean(power(builder, _shape(a), deviation), over, result)
    less = 1 if correction is None else correction
    corrected: Value = multiply(builder, result, found, count / (count - less)) if less else found
    return corrected


def deviation(builder: CellBuilder, result: ResultShape, *args: Any, **kwargs: Any) -> Value:
    """The square root of the variance."""
    return power(builder, result, variance(builder, result, *args, **kwargs), 0.5)


def norm(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    order: float | str | None = 2,
    places: Places = None,
    keepdim: bool = False,
    dtype: torch.dtype | None = None,
) -> Value:
    """The Euclidean length."""
    if order not in (2, None):
        raise UnsupportedError(f"a cell has the Euclidean norm alone, got the order {order}; write the norm out")
    return power(builder, result, total(builder, result, power(builder, _shape(a), a), places), 0.5)


def softmax(builder: CellBuilder, result: ResultShape, a: Value, place: int, dtype: torch.dtype | None = None) -> Value:
    """Over the hidden units, or between gates unit by unit."""
    (over,) = _units(a, place)
    if gates := _gates(builder, a, (over,)):
        single = _shape(gates[0])
        most = _chained("maximum", builder, single, gates)
        exponentials = [builder.elementwise("exp", [subtract(builder, single, gate, most)], single) for gate in gates]
        whole = builder.elementwise("reciprocal", [_chained("sum", builder, single, exponentials)], single)
        parts = [multiply(builder, single, each, whole).units for each in exponentials]
        beside = [a.units.shape[i] for i in range(a.units.dim()) if i != over]
        return Value(torch.stack([part.reshape(beside) for part in parts], over), a.batch)
    if a.units.shape[over] != builder.hidden_size or over != a.units.dim() - 1:
        raise UnsupportedError(
            f"softmax over {a.units.shape[over]} units, the hidden size is {builder.hidden_size}; a cell has it over "
            "all hidden units, or between whole gates"
        )
    return builder.elementwise("softmax", [a], result)


def cumsum(builder: CellBuilder, result: ResultShape, a: Value, place: int, dtype: torch.dtype | None = None) -> Value:
    """The sum of a softmax from the first unit on."""
    node = builder.nodes.get(builder.node(a))
    if node is None or node.op != "softmax" or _units(a, place) != (a.units.dim() - 1,):
        raise UnsupportedError(
            "cumsum runs over all units; a cell has that of a softmax over them alone: take one of a softmax"
        )
    return builder.elementwise("cumulative_softmax", [builder.value(node.operands[0])], result)


def layer_norm(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    shape: Sequence[int],
    weight: Known | None = None,
    bias: Known | None = None,
    eps: float = EPS,
    cudnn_enable: bool = True,
) -> Value:
    """Layer normalization, over the hidden units or over several gates together (Ba et al. 2016)."""
    over = tuple(range(a.units.dim() - len(shape), a.units.dim()))
    return _scaled_and_shifted(builder, result, _normalized(builder, result, a, over, eps), weight, bias)


def group_norm(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    groups: int,
    weight: Known | None = None,
    bias: Known | None = None,
    eps: float = EPS,
    cudnn_enabled: bool = True,
) -> Value:
    """Normalization over each of some groups of neighbouring units (Wu & He 2018)."""
    grouped = Value(a.units.reshape(groups, -1), 0)
    normalized = _normalized(builder, _shape(grouped), grouped, (1,), eps)
    return _scaled_and_shifted(builder, result, Value(normalized.units.reshape(a.units.shape), a.batch), weight, bias)


def rms_norm(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    shape: Sequence[int],
    weight: Known | None = None,
    eps: float | None = None,
) -> Value:
    """Division by the root of the mean square (Zhang & Sennrich 2019)."""
    over = tuple(range(a.units.dim() - len(shape), a.units.dim()))
    eps = torch.finfo(builder.dtype).eps if eps is None else eps
    if list(shape) == [builder.hidden_size] and eps > 0:
        weight = weight or builder.parameter(torch.ones(builder.hidden_size, dtype=builder.dtype))
        return builder.elementwise("rms_norm", [_for_eps(builder, result, a, eps)], result, {"weight": weight})
    square = builder.mean(power(builder, _shape(a), a), over, _narrow(a, over))
    return _scaled_and_shifted(builder, result, _over_root(builder, result, a, square, over, eps), weight, None)


def batch_norm(
    builder: CellBuilder,
    result: ResultShape,
    a: Value,
    weight: Known | None,
    bias: Known | None,
    middle: Known,
    spread: Known,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Value:
    """The running mean and variance of a batch normalization that no longer changes them: a factor and a summand."""
    if training:
        raise UnsupportedError(REASONS["batch_norm"])
    builder.note("has a running mean and variance, which are fixed; the cell learns a factor and a summand instead")
    factor = torch.rsqrt(spread.tensor + eps) * (1 if weight is None else weight.tensor)
    summand = (0 if bias is None else bias.tensor) - middle.tensor * factor
    scaled = multiply(builder, result, a, Known(factor.to(builder.dtype), learned=True))
    return add(builder, result, scaled, Known(summand.to(builder.dtype), learned=True))


def _normalized(builder: CellBuilder, result: ResultShape, a: Value, over: tuple[int, ...], eps: float) -> Value:
    """Zero mean and unit variance over some units."""
    count = prod(a.units.shape[place] for place in over)
    along_units = over[-1] == a.units.dim() - 1 and a.units.shape[-1] == builder.hidden_size
    if along_units and count == builder.hidden_size and eps > 0:
        return builder.elementwise("normalize", [_for_eps(builder, result, a, eps)], result)
    centred = _deviation(builder, a, over)
    square = builder.mean(power(builder, _shape(a), centred), over, _narrow(a, over))
    return _over_root(builder, result, centred, square, over, eps)


def _over_root(
    builder: CellBuilder, result: ResultShape, a: Value, square: Value, over: tuple[int, ...], eps: float
) -> Value:
    """a / sqrt(square + eps)."""
    narrow = _narrow(a, over)
    root = power(builder, narrow, add(builder, narrow, square, eps) if eps else square, 0.5)
    quotient: Value = divide(builder, result, a, root)
    return quotient


def _for_eps(builder: CellBuilder, result: ResultShape, a: Value, eps: float) -> Value:
    """What the table's normalization has to be given: with s = sqrt(1e-5 / eps), s a / sqrt(s² v + 1e-5)."""
    scaled: Value = a if eps == EPS else multiply(builder, result, a, (EPS / eps) ** 0.5)
    return scaled


def _deviation(builder: CellBuilder, a: Value, over: tuple[int, ...]) -> Value:
    """The difference to the mean."""
    middle = builder.mean(a, over, _narrow(a, over))
    return subtract(builder, _shape(a), a, middle)


def _scaled_and_shifted(
    builder: CellBuilder, result: ResultShape, a: Value, weight: Known | None, bias: Known | None
) -> Value:
    scaled = a if weight is None else multiply(builder, result, a, weight)
    return scaled if bias is None else add(builder, result, scaled, bias)


def _gates(builder: CellBuilder, a: Value, over: tuple[int, ...]) -> list[Value]:
    """The gates that a reduction between gates, and not along units, takes: one for each place of its dimension."""
    if len(over) != 1 or a.units.shape[over[0]] == 1:
        return []
    parts = [part.flatten() for part in a.units.unbind(over[0])]
    return [] if len(parts[0]) % builder.hidden_size else [Value(part) for part in parts]


def _chained(op: str, builder: CellBuilder, result: ResultShape, values: Sequence[Value]) -> Value:
    found = values[0]
    for each in values[1:]:
        found = builder.elementwise(op, [found, each], result)
    return found


def _units(a: Value, places: Places) -> tuple[int, ...]:
    """Dimensions of a tensor as those of the units. Raises UnsupportedError for the batch's."""
    rank = a.units.dim() + 1
    given = range(rank) if places is None or places == [] else [places] if isinstance(places, int) else places
    found = sorted(place % rank for place in given)
    if a.batch in found:
        raise UnsupportedError(
            "it runs over the sequences of a batch; a cell takes each by itself, so run over the units alone"
        )
    return tuple(place - (place > a.batch) for place in found)


def _shape(a: Value) -> ResultShape:
    """The shape of a value itself."""
    sizes = list(a.units.shape)
    return ResultShape((*sizes[: a.batch], 1, *sizes[a.batch :]), a.batch)


def _narrow(a: Value, over: Sequence[int]) -> ResultShape:
    """The same with one place for the units that were reduced."""
    sizes = [1 if place in over else size for place, size in enumerate(a.units.shape)]
    return ResultShape((*sizes[: a.batch], 1, *sizes[a.batch :]), a.batch)


REDUCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "mean": mean,
    "sum": total,
    "var": variance,
    "std": deviation,
    "linalg_vector_norm": norm,
    "norm": norm,
    "softmax": softmax,
    "_softmax": lambda builder, result, a, place, half: softmax(builder, result, a, place),
    "cumsum": cumsum,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "rms_norm": rms_norm,
    "batch_norm": batch_norm,
}
"""Rule by torch's name."""
