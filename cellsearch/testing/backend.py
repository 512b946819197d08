"""Conformance of a backend: it gives what the reference gives, in values and in every gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.recurrence.interface import Backend
from cellsearch.recurrence.reference import REFERENCE
from cellsearch.recurrence.rnn import Layer

__all__ = ["EXPLODED", "SHAPES", "TOLERANCE", "Shape", "check_backend"]


@dataclass(frozen=True)
class Shape:
    """Sizes of one check: steps, batch, input, hidden; `contiguous` tells how x and the states lie in memory."""

    T: int
    B: int
    I: int  # noqa: E741 - the field's letter for the input size
    H: int
    contiguous: bool = True


SHAPES: Final = (
    Shape(1, 1, 1, 1),
    Shape(1, 3, 4, 5),
    Shape(6, 1, 5, 5),
    Shape(5, 3, 7, 5),
    Shape(4, 2, 3, 3, contiguous=False),
)
"""One step, one sequence, odd sizes, input as wide as the hidden layer and not, memory in another order."""

TOLERANCE: Final[Mapping[torch.dtype, float]] = {torch.float64: 1e-10, torch.float32: 1e-4}
"""Largest difference allowed, relative to the largest number among all results."""

EXPLODED: Final = 1e6

NUDGE: Final = 500
"""A change of the input, in units of rounding, that may move the reference by ten times the tolerance at most."""


def check_backend(
    backend: Backend,
    cell: Cell,
    shape: Shape,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> bool:
    """Run the cell by the backend and by the reference on the same random numbers.

    Compares outputs, last states and the gradients of x, initial states and learned arrays, and the outputs and last
    states without gradients. Raises AssertionError, which names the array that differs. False if there was nothing
    to compare, since the numbers of the reference itself explode beyond EXPLODED (a state squared at each step does),
    or rounding alone changes them (the sine of a huge number).
    """
    generator = torch.Generator().manual_seed(seed)
    layer = Layer(cell, shape.I, shape.H).to(device, dtype)
    x = _random(generator, (shape.T, shape.B, shape.I), shape).to(device, dtype)
    states = tuple(_random(generator, (shape.B, shape.H), shape).to(device, dtype) for _ in cell.states)
    with torch.no_grad():
        for array in layer.parameters():
            array.copy_(torch.randn(array.shape, generator=generator, dtype=torch.float64) / 2)
    refusal = backend.refuses(layer.cell, x)
    assert refusal is None, f"backend {backend.name!r} refuses cell {cell.name!r}: {refusal}"
    expected = _results(REFERENCE, layer, x, states, seed)
    if not all(float(array.detach().abs().max()) < EXPLODED for array in expected.values()):
        return False
    moved = _results(REFERENCE, layer, _nudged(x), tuple(map(_nudged, states)), seed)
    if not all(difference <= 10 * TOLERANCE[dtype] for difference in _differences(moved, expected).values()):
        return False
    _compare(_results(backend, layer, x, states, seed), expected, TOLERANCE[dtype])
    with torch.no_grad():
        output, last = backend.run(layer.cell, layer.learned(), x, states)
    _compare(_named(cell, output, last), expected, TOLERANCE[dtype])
    return True


def _random(generator: torch.Generator, size: tuple[int, ...], shape: Shape) -> Tensor:
    numbers = torch.randn(size, generator=generator, dtype=torch.float64)
    if not shape.contiguous:
        numbers = numbers.transpose(0, -1).contiguous().transpose(0, -1)
    return numbers.requires_grad_()


def _nudged(array: Tensor) -> Tensor:
    numbers = array.detach()
    change = torch.arange(numbers.numel(), device=numbers.device).sin().to(numbers).view(numbers.shape)
    return (numbers + numbers * change * NUDGE * torch.finfo(numbers.dtype).eps).requires_grad_()


def _results(backend: Backend, layer: Layer, x: Tensor, states: tuple[Tensor, ...], seed: int) -> dict[str, Tensor]:
    output, last = backend.run(layer.cell, layer.learned(), x, states)
    results = _named(layer.cell, output, last)
    generator = torch.Generator().manual_seed(seed + 1)
    weights = [torch.randn(r.shape, generator=generator, dtype=torch.float64).to(r) for r in results.values()]
    sources = {"x": x, **dict(zip((f"initial {state}" for state in layer.cell.states), states, strict=True))}
    sources |= dict(layer.named_parameters())
    gradients = torch.autograd.grad([*results.values()], [*sources.values()], weights)
    return results | {f"gradient of {name}": g for name, g in zip(sources, gradients, strict=True)}


def _named(cell: Cell, output: Tensor, last: tuple[Tensor, ...]) -> dict[str, Tensor]:
    return {"output": output, **{f"last {state}": value for state, value in zip(cell.states, last, strict=True)}}


def _compare(results: Mapping[str, Tensor], expected: Mapping[str, Tensor], tolerance: float) -> None:
    for name, result in results.items():
        assert result.shape == expected[name].shape, f"{name}: {list(result.shape)}, not {list(expected[name].shape)}"
        assert result.dtype == expected[name].dtype, f"{name}: {result.dtype}, not {expected[name].dtype}"
    for name, difference in _differences(results, expected).items():
        assert difference <= tolerance, f"{name} differs by {difference:.1e} of the largest, allowed {tolerance:.0e}"


def _differences(results: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, float]:
    # By the largest of all results: a gradient may cancel to zero, of which only rounding is left to compare.
    largest = max(1.0, *(float(array.detach().abs().max()) for array in expected.values()))
    return {name: float((each - expected[name]).detach().abs().max()) / largest for name, each in results.items()}
