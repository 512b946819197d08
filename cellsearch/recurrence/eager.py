"""The eager backend: a plan carried out with torch's own operations, forward and backward, without a compiler.

`eager_passes` carries out the plan, `eager_source` writes the step functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.recurrence import sequence
from cellsearch.recurrence.eager_passes import Backward, Forward, program
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.sequence import Kept, Needs

__all__ = ["EAGER"]


class Eager:
    """x: [T, B, I] time, batch, input; states and outputs: [.., B, H]."""

    name = "eager"

    def refuses(self, cell: Cell, x: Tensor) -> str | None:
        """Only what `sequence.traced` says: it runs every cell on every device."""
        return sequence.traced(x)

    def run(self, cell: Cell, parameters: Parameters, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Outputs and last states, a step at a time."""
        return sequence.run(self, cell, parameters, x, states)

    def forward(
        self, cell: Cell, parameters: Parameters, x: Tensor, states: States, saving: bool
    ) -> tuple[Tensor, States, Kept]:
        """See `sequence.Passes`."""
        forward = Forward(program(cell), parameters, x, states, saving)
        return forward.output(), forward.last(), forward.kept() if saving else {}

    def backward(
        self,
        cell: Cell,
        parameters: Parameters,
        x: Tensor,
        states: States,
        kept: Kept,
        needs: Needs,
        gradients: tuple[Tensor, ...],
    ) -> Iterable[Tensor | None]:
        """See `sequence.Passes`."""
        return Backward(program(cell), parameters, x, states, kept, needs).run(*gradients)


EAGER: Final = Eager()
