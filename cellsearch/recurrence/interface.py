"""What every backend offers: one object with a name, a reason to refuse, and a run over a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from cellsearch.cell import Cell

__all__ = ["Backend", "Parameters", "States"]

Parameters = Mapping[str, Mapping[str, Tensor]]
"""Learned arrays by node and parameter."""

States = tuple[Tensor, ...]
"""A tensor [B, H] for each state of the cell, in its order."""


class Backend(Protocol):
    """Runs one layer in one direction; differentiable in the parameters, the input and the initial states."""

    @property
    def name(self) -> str:
        """What `RNN(backend=...)` calls it."""

    def refuses(self, cell: Cell, x: Tensor) -> str | None:
        """Why this backend cannot run the cell on such an input; None if it can."""

    def run(self, cell: Cell, parameters: Parameters, x: Tensor, states: States) -> tuple[Tensor, States]:
        """The outputs [T, B, H] and last states [B, H] of a resolved cell over x [T, B, I], T at least 1."""
