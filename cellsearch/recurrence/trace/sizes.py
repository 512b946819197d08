"""The input size and the hidden size of a step module: as given, as its attributes say, or the only ones that fit."""

from __future__ import annotations

import faulthandler
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cellsearch.errors import TraceError
from cellsearch.recurrence.trace.calls import calling_convention, random_step
from cellsearch.recurrence.trace.forms import state_by_default

__all__ = ["sizes_of"]

MOST_GATES: Final = 8
"""Vectors of the hidden size side by side in one matrix, at most, that are tried."""

Result = TypeVar("Result")

Sizes = tuple[int, int]
"""The input size and the hidden size."""


def sizes_of(
    module: nn.Module, input_size: int | None, hidden_size: int | None, constants: Mapping[str, object]
) -> tuple[int, int]:
    """The sizes with which a step runs. Raises TraceError where the module leaves none or several to choose from."""
    inputs = _told(module, "input_size", input_size)
    hidden = _told(module, "hidden_size", hidden_size)
    widths = _default_widths(module, inputs, constants) if inputs and hidden_size is None else None
    if inputs and widths and not any(width % min(widths) for width in widths):
        return inputs, min(widths)
    if inputs and hidden:
        return inputs, hidden
    fitting, nearest = _in_a_child(module, lambda: _search(module, inputs, hidden, constants))
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise TraceError(
            f"{type(module).__name__} runs with {fitting[0]} and with {fitting[1]}; pass input_size and hidden_size"
        )
    told = f"; with the likeliest, {nearest[0]}: {nearest[1]}" if nearest else ""
    raise TraceError(
        f"{type(module).__name__} does not say its sizes, and runs with none that its weights suggest; pass input_size "
        f"and hidden_size{told}"
    )


def _told(module: nn.Module, name: str, given: int | None) -> int | None:
    size = getattr(module, name, None) if given is None else given
    if size is not None and (not isinstance(size, int) or size < 1):
        raise TraceError(f"{type(module).__name__} has {name}={size}; pass {name}, a whole number of at least 1")
    return size


def _default_widths(module: nn.Module, inputs: int, constants: Mapping[str, object]) -> list[int] | None:
    default = state_by_default(module, random_step(module, inputs, inputs)[0], constants)
    return default and default[1]


def _search(
    module: nn.Module, inputs: int | None, hidden: int | None, constants: Mapping[str, object]
) -> tuple[list[Sizes], tuple[Sizes, str] | None]:
    """The sizes that fit; and the first that its parts name, with what is wrong with these.

    What its parts say is enough where one fits: an input of one unit fits wherever it is multiplied by a vector.
    """
    failed: dict[Sizes, str] = {}

    def fits(sizes: Sizes) -> bool:
        if inputs not in (None, sizes[0]) or hidden not in (None, sizes[1]) or sizes in failed:
            return False
        try:
            calling_convention(module, *random_step(module, *sizes), constants)
        except TraceError as error:
            failed[sizes] = str(error)
            return False
        return True

    fitting = [sizes for sizes in dict.fromkeys(_of_parts(module)) if fits(sizes)]
    if len(fitting) != 1:
        shapes = (sizes for sizes in _of_shapes(module) if sizes not in fitting and fits(sizes))
        fitting = [*fitting, *islice(shapes, 2)][:2]
    return fitting, next(iter(failed.items()), None)


def _of_parts(module: nn.Module) -> Iterator[Sizes]:
    """As linears and torch's cells say it: from the input alone to so many gates, or from input and state together."""
    parts = list(module.modules())
    yield from ((part.input_size, part.hidden_size) for part in parts if isinstance(part, nn.RNNCellBase))
    linears = [(part.in_features, part.out_features) for part in parts if isinstance(part, nn.Linear)]
    square = [(i, o) for i, o in linears if o % i == 0 and o // i <= MOST_GATES]
    yield from ((i, h) for h, _ in square for i, o in linears if (i, o) not in square and o % h == 0)
    yield from (
        (i - h, h) for i, o in linears for h in (o // n for n in range(1, MOST_GATES + 1) if o % n == 0) if i > h
    )


def _of_shapes(module: nn.Module) -> Iterator[Sizes]:
    """As sizes of parameters alone, several times, or side by side."""
    widths = {width for p in module.parameters() if not is_lazy(p) for width in p.shape}
    parts = sorted({width // n for width in widths for n in range(1, MOST_GATES + 1) if width % n == 0} - {1} | widths)
    for hidden in parts:
        beside = {width - n * hidden for width in widths for n in range(1, MOST_GATES + 1) if width > n * hidden}
        for inputs in sorted({*parts, *beside}):
            yield inputs, hidden


def _in_a_child(module: nn.Module, work: Callable[[], Result]) -> Result:
    """What the work gives in a process of its own: sizes that do not fit may crash a user's compiled code.

    Raises TraceError if the process dies. On a GPU, and where there is no fork, it is done here.
    """
    if not hasattr(os, "fork") or any(p.is_cuda for p in module.parameters()):
        return work()
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        try:
            faulthandler.disable()  # a crash is told below, in one line
            torch.set_num_threads(1)  # the threads of the process are not in its copy
            with os.fdopen(send, "wb") as stream:
                pickle.dump(_outcome(work), stream)
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) or not text:
        raise TraceError(
            f"{type(module).__name__} crashes with sizes that it was tried with (signal {os.WTERMSIG(status)}); pass "
            "input_size and hidden_size"
        )
    outcome = pickle.loads(text)  # of our own child
    if isinstance(outcome, TraceError):
        raise outcome
    return outcome  # type: ignore[no-any-return]


def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except TraceError as error:
        return error
