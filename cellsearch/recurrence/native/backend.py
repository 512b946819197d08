"""The native backend: the whole time loop as C that was written for this cell, compiled here, and kept on disk.

`program` turns the plan into products and groups, `source` writes them as C, `build` compiles and caches,
`compiled_cell` holds what all sizes share, `memory_layout` says where everything lies, `passes` runs both routines.
The folder `c` is what all cells share.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.cell.complexity import parameter_shapes
from cellsearch.errors import BackendError
from cellsearch.recurrence import sequence
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.native.build import unavailable
from cellsearch.recurrence.native.threads import alone_after_fork
from cellsearch.recurrence.program.lowering import foreign
from cellsearch.recurrence.sequence import Given, Kept, Needs
from cellsearch.recurrence.structured import plain

__all__ = ["NATIVE"]

OUTPUT: Final = "as returned"

RETRY: Final = 60
"""Seconds for which a library that could not be made is not tried again: a disk that was full may have room then."""


class Native:
    """x: [T, B, I] time, batch, input; states and outputs: [.., B, H]. float32 and float64 on the CPU."""

    name = "native"

    def refuses(self, cell: Cell, x: Tensor) -> str | None:
        """What has no C here: another device or precision, an operation of a user, a machine without a compiler."""
        if reason := sequence.traced(x):  # first: nothing else here is for a compiler's eyes
            return reason
        if x.device.type != "cpu":
            return f"it runs on the CPU, and the input is on {x.device}"
        if x.dtype not in (torch.float32, torch.float64):
            return f"it computes in float32 and float64, not in {str(x.dtype).removeprefix('torch.')}"
        if operation := foreign(cell):
            return f"operation {operation!r} is a function of torch tensors, for which no C can be written"
        return _unbuilt(plain(cell), x.dtype, int(time.monotonic() // RETRY))

    def run(self, cell: Cell, parameters: Parameters, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Outputs and last states, all steps in one call."""
        return sequence.run(self, cell, parameters, x, states)

    def forward(self, given: Given, saving: bool) -> tuple[Tensor, States, Kept]:
        """See `sequence.Passes`."""
        from cellsearch.recurrence.native.passes import NativeForward

        _check(given)
        with alone_after_fork():
            forward = NativeForward(given, saving)
            output = forward.output()
            # The output is kept beside the series whose memory it may share, so that autograd sees a change in place.
            kept = {OUTPUT: output, **{base: forward.buffers[base] for base in ("output", "kept")}}
            return output, forward.last(), kept if saving else {}

    def backward(
        self, given: Given, kept: Kept, needs: Needs, gradients: tuple[Tensor, ...]
    ) -> Iterable[Tensor | None]:
        """See `sequence.Passes`."""
        from cellsearch.recurrence.native.passes import NativeBackward

        buffers = {base: kept[base] for base in ("output", "kept")}
        with alone_after_fork():
            return [*NativeBackward(given, buffers, needs).run_back(*gradients)]


NATIVE: Final = Native()


@lru_cache(maxsize=1024)
def _unbuilt(cell: Cell, dtype: torch.dtype, _: int) -> str | None:
    """Why there is no library for this cell, which is made if there can be one; None if there is.

    The last argument is another number from time to time, so that a failure is not remembered for ever.
    """
    from cellsearch.recurrence.native.compiled_cell import compiled_cell

    if reason := unavailable():
        return _logged(reason)
    try:
        compiled_cell(cell, dtype)
    except BackendError as error:
        return _logged(str(error))
    return None


@cache
def _logged(reason: str) -> str:
    """The reason, logged once."""
    logging.getLogger("cellsearch").warning("%s: recurrences train two to three times slower by eager", reason)
    return reason


def _check(given: Given) -> None:
    """Raise BackendError if an array does not fit: C would read past its end, or take its bytes for other numbers."""
    cell, parameters, x, states = given
    batch, hidden = x.shape[1], states[0].shape[-1]
    learned = (
        (f"{name} of {node!r}", parameters[node][name], shape)
        for node, name, shape in _shapes(cell, x.shape[2], hidden)
    )
    for what, array, shape in (*(("initial state", state, (batch, hidden)) for state in states), *learned):
        if array.shape != shape or array.dtype != x.dtype or array.device != x.device:
            raise BackendError(
                f"{what} must be {x.dtype} {list(shape)} on {x.device} like the input, "
                f"got {array.dtype} {list(array.shape)} on {array.device}"
            )


@lru_cache(maxsize=1024)
def _shapes(cell: Cell, input_size: int, hidden_size: int) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    return tuple(parameter_shapes(cell, input_size, hidden_size))
