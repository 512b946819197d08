"""What a traced value is: which unit of which node stands at each of its places, or numbers known beforehand.

A user's tensor may hold several gates at once, x and h side by side, or a node's units in another shape. So each unit
of each source, node and merged product has a number, and a value is an integer tensor of these numbers, its batch
dimension left out. What only moves units (chunk, cat, view, ...) torch itself runs on the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from cellsearch.recurrence.trace.building.lines import Line

__all__ = ["Condition", "Known", "ResultShape", "TracedNode", "Value"]


@dataclass(frozen=True)
class Value:
    """Something that changes with the sequence: the numbers of its units [..], and where the batch dimension goes."""

    units: Tensor
    batch: int = 0


@dataclass(frozen=True)
class Condition(Value):
    """Whether the units are positive; or, `negated`, whether they are not."""

    negated: bool = False


@dataclass(frozen=True)
class Known:
    """Something that is the same for every sequence: parameters, buffers and what is computed from them alone.

    `sigmoid_of` is the parameter that it is the sigmoid of, if it is one.
    """

    tensor: Tensor
    learned: bool
    sigmoid_of: Tensor | None = None

    @property
    def is_bare(self) -> bool:
        """Whether it is a number that fills whatever shape it is used in."""
        return not self.learned and not self.tensor.shape

    def number(self) -> float | None:
        """Its one number if it is fixed and one number throughout."""
        if self.learned or self.tensor.numel() == 0 or (self.tensor != self.tensor.flatten()[0]).any():
            return None
        return float(self.tensor.flatten()[0])


@dataclass(frozen=True)
class ResultShape:
    """A result's shape with 1 for the batch, and the batch's dimension."""

    shape: tuple[int, ...]
    batch: int

    @property
    def units(self) -> tuple[int, ...]:
        """The shape without the batch."""
        return self.shape[: self.batch] + self.shape[self.batch + 1 :]


@dataclass(frozen=True)
class TracedNode:
    """A node of the cell to be, with its learned arrays; a linear without a bias has none yet."""

    op: str
    operands: tuple[str, ...]
    line: Line
    learned: Mapping[str, Tensor] = field(default_factory=dict)
    constant: float = 1.0
