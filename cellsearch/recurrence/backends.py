"""Which code runs a cell over a sequence: the backends, and the choice among them.

A backend is one file in this folder with one object that has the members of `interface.Backend`. To plug in a faster
one, write its file and put it into `BACKENDS` before those that it should be preferred to; nothing else changes.
`cellsearch.testing` holds it to the reference.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.errors import BackendError
from cellsearch.recurrence.eager.backend import EAGER
from cellsearch.recurrence.gpu.backend import GPU
from cellsearch.recurrence.interface import Backend
from cellsearch.recurrence.native.backend import NATIVE
from cellsearch.recurrence.reference import REFERENCE

__all__ = ["BACKENDS", "choose", "refusals"]

BACKENDS: Final[tuple[Backend, ...]] = (NATIVE, GPU, EAGER, REFERENCE)
"""All backends, the preferred ones first; the last one runs every cell."""


def choose(cell: Cell, x: Tensor, name: str = "auto") -> Backend:
    """The backend of that name, or for `auto` the first that does not refuse. Raises BackendError if it refuses."""
    if name == "auto":
        return next(backend for backend in BACKENDS if backend.refuses(cell, x) is None)
    named = {backend.name: backend for backend in BACKENDS}
    if name not in named:
        raise BackendError(f"no backend {name!r}; use auto, {', '.join(named)}")
    refusal = named[name].refuses(cell, x)
    if refusal:
        raise BackendError(f"backend {name!r} cannot run cell {cell.name!r}: {refusal}; use backend='auto'")
    return named[name]


def refusals(cell: Cell, x: Tensor) -> dict[str, str]:
    """Why the backends that `auto` prefers to the one that it takes cannot run the cell, by their names."""
    reasons: dict[str, str] = {}
    for backend in BACKENDS:
        refusal = backend.refuses(cell, x)
        if refusal is None:
            break
        reasons[backend.name] = refusal
    return reasons
