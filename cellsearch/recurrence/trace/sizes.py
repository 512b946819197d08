"""The input size and the hidden size of a step module: as given, as its attributes say, or the only ones that fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import nn
from torch.nn.parameter import is_lazy

from cellsearch.errors import TraceError
from cellsearch.recurrence.trace.calls import calling_convention, random_step

__all__ = ["sizes_of"]

MOST_GATES: Final = 8
"""Vectors of the hidden size side by side in one matrix, at most, that are tried."""


def sizes_of(module: nn.Module, input_size: int | None, hidden_size: int | None) -> tuple[int, int]:
    """The sizes with which a step runs. Raises TraceError where the module leaves none or several to choose from."""
    inputs = _told(module, "input_size", input_size)
    hidden = _told(module, "hidden_size", hidden_size)
    if inputs and hidden:
        return inputs, hidden
    possible = ((i, h) for i, h in _candidates(module) if inputs in (None, i) and hidden in (None, h))
    fitting = [sizes for sizes in possible if _fit(module, *sizes)]
    if len(fitting) == 1:
        return fitting[0]
    found = f"runs with {fitting[0]} and with {fitting[1]}" if fitting else "does not say its sizes"
    raise TraceError(f"{type(module).__name__} {found}; pass input_size and hidden_size")


def _told(module: nn.Module, name: str, given: int | None) -> int | None:
    size = getattr(module, name, None) if given is None else given
    if size is not None and (not isinstance(size, int) or size < 1):
        raise TraceError(f"{type(module).__name__} has {name}={size}; pass {name}, a whole number of at least 1")
    return size


def _candidates(module: nn.Module) -> Iterator[tuple[int, int]]:
    """(input size, hidden size) as the shapes of parameters may have them: alone, several times, or side by side."""
    widths = {width for p in module.parameters() if not is_lazy(p) for width in p.shape}
    parts = sorted({width // n for width in widths for n in range(1, MOST_GATES + 1) if width % n == 0} - {1} | widths)
    for hidden in parts:
        beside = {width - n * hidden for width in widths for n in range(1, MOST_GATES + 1) if width > n * hidden}
        for inputs in sorted({*parts, *beside}):
            yield inputs, hidden


def _fit(module: nn.Module, input_size: int, hidden_size: int) -> bool:
    try:
        calling_convention(module, *random_step(module, input_size, hidden_size))
    except TraceError:
        return False
    return True
