"""The same values from the same weights: a cell beside another way to write it, whose learned arrays are the cell's.

x: [T, B, I]; states: [B, H]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from cellsearch.cell import LINEAR, Cell
from cellsearch.cell.canonical.terms import Origin
from cellsearch.recurrence.reference import REFERENCE
from cellsearch.recurrence.rnn import Layer

__all__ = ["assert_same_values"]

STEPS, BATCH, INPUT_SIZE, HIDDEN_SIZE = 3, 16, 3, 4


class Rewritten(Protocol):
    """A cell and the origin of its learned arrays."""

    @property
    def cell(self) -> Cell: ...
    @property
    def weights(self) -> Mapping[str, Origin]: ...
    @property
    def biases(self) -> Mapping[str, Origin]: ...


def layer(cell: Cell) -> Layer:
    """A layer in float64 with every learned array moved from where it starts by a random one."""
    torch.manual_seed(0)
    made = Layer(cell, INPUT_SIZE, HIDDEN_SIZE).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return made


def values(made: Layer, nudge: float = 0.0) -> Tensor:
    """Outputs of a few steps, and the last states, each number sorted among them, as they have no order.

    All states begin with the same values. `nudge` moves inputs by that share.
    """
    torch.manual_seed(1)
    x = 2 * (1 + nudge) * torch.randn(STEPS, BATCH, made.input_size, dtype=torch.float64)
    first = (1 + nudge) * torch.randn(BATCH, HIDDEN_SIZE, dtype=torch.float64)
    with torch.no_grad():
        output, last = REFERENCE.run(made.cell, made.learned(), x, (first,) * len(made.cell.states))
    return torch.cat([output, torch.stack(last).sort(0).values])


def assert_same_values(cell: Cell, rewritten: Rewritten) -> None:
    original = layer(cell)
    other = layer(rewritten.cell)
    carry(original, other, rewritten)
    assert_equal_values(other, original)


def assert_equal_values(one: Layer, other: Layer) -> None:
    """Up to rounding, and as far as numbers do not explode: there a cell is sensitive to its inputs' last bit."""
    first, second = values(one), values(other)
    assert first.shape == second.shape
    sensitivity = sum((values(made, nudge=1e-14) - values(made)).abs() for made in (one, other))
    tolerance = 1e-9 * (1 + second.abs()) + 1000 * sensitivity
    differing = (first - second).abs() > tolerance
    assert not bool((differing.any(-1) & tame(first) & tame(second)).any())


def tame(result: Tensor) -> Tensor:
    """Of each step and sequence, whether no number has been large up to then."""
    return (result.abs() < 1e3).all(-1).long().cumprod(0).bool()


def carry(original: Layer, other: Layer, rewritten: Rewritten) -> None:
    """The learned arrays of the original into the layer of the rewritten cell."""
    source, target = original.learned(), other.learned()
    with torch.no_grad():
        for name, arrays in target.items():
            if name not in rewritten.weights:
                # The projection of the input, which no cell names.
                if "x_projected" in source:
                    for parameter, array in arrays.items():
                        array.copy_(source["x_projected"][parameter])
                continue
            for parameter, array in arrays.items():
                if parameter == "bias":
                    array.zero_()
                    for node, k in rewritten.biases[name]:
                        array.add_(source[node]["bias"], alpha=k)
                elif rewritten.cell.nodes[name].op == LINEAR:
                    node, place = rewritten.weights[name][int(parameter.removeprefix("weight_"))]
                    array.copy_(source[node][f"weight_{int(place)}"])
                else:
                    array.copy_(source[rewritten.weights[name][0][0]][parameter])
