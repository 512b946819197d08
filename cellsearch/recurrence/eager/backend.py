"""The eager backend: a plan carried out with torch's own operations, forward and backward, without a compiler.

`passes` carries out the plan, `source` writes the step functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.recurrence import sequence
from cellsearch.recurrence.eager.passes import EagerBackward, EagerForward, step_functions
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.sequence import Given, Kept, Needs

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

    def forward(self, given: Given, saving: bool) -> tuple[Tensor, States, Kept]:
        """See `sequence.Passes`."""
        forward = EagerForward(step_functions(given.cell), given.parameters, given.x, given.states, saving)
        return forward.output(), forward.last(), forward.kept() if saving else {}

    def backward(
        self, given: Given, kept: Kept, needs: Needs, gradients: tuple[Tensor, ...]
    ) -> Iterable[Tensor | None]:
        """See `sequence.Passes`."""
        backward = EagerBackward(step_functions(given.cell), given.parameters, given.x, given.states, kept, needs)
        return backward.run(*gradients)


EAGER: Final = Eager()
