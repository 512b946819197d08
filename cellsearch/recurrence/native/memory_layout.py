"""Where everything lies that a sequence needs: decided once for a cell and its sizes, as offsets into a few buffers.

Laying out memory by tensors would cost more than the arithmetic of a small cell. Hidden units are padded to whole
vectors, so that the routines know no remainders.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from cellsearch.cell import INPUT
from cellsearch.recurrence.native.compiled_cell import CompiledCell
from cellsearch.recurrence.native.source import Routine
from cellsearch.recurrence.program.places import Place, PlaceKind

__all__ = ["BASES", "MemoryLayout", "Series", "Sizes", "forward_layout", "reverse_layout"]

BASES: Final = ("given", "input", "input_gradient", "arrived", "output", "kept", "working")
"""The buffers: the input as given and in whole vectors, its gradient, the gradient of the outputs, the outputs with an
initial state before them, what the reverse pass reads, and what no pass needs after it."""

EVERY, TWO, ONE = -1, 1, 0
"""Masks of a step's number: a place for each step, two places in turn, one place for all."""

CACHED: Final = 2**16
"""Numbers: as much of a block as stays in a core's second cache, beside the weights."""

ALIGNED: Final = 16
"""Numbers: every region begins at a multiple, so that vectors are aligned."""


class Sizes(NamedTuple):
    """Steps, batch, input size, hidden size; slices of batch and hidden units, threads for whole products."""

    T: int
    B: int
    I: int  # noqa: E741 - the field's letter for the input size
    H: int
    slices: int
    units: int
    threads: int

    @property
    def spreads(self) -> bool:
        """Whether the products of the input leave the slices, since there are too few of these for all threads."""
        return self.slices < self.threads


class Series(NamedTuple):
    """A vector for each step and row of the batch: the numbers from the base to the first, and from one to the next."""

    base: int
    offset: int
    step: int
    row: int
    mask: int


@dataclass
class MemoryLayout:
    """Series by place, numbers that each buffer holds, and where the regions lie that are no series, by what they are.

    `slice` is how many numbers of scratch memory each slice of the batch has, `chunk` the steps
    for which the products of the input run at once, `arrays` the series that the routine is given.
    """

    series: dict[Place, Series] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BASES, 0))
    regions: dict[object, int] = field(default_factory=dict)
    slice: int = 0
    chunk: int = 1
    arrays: ctypes.Array[ctypes.c_long] = field(default_factory=ctypes.c_long * 0)

    def take(self, base: str, count: int) -> int:
        """The offset of a new region of so many numbers."""
        offset = self.numbers[base]
        self.numbers[base] += -(-count // ALIGNED) * ALIGNED
        return offset

    def region(self, name: object, count: int) -> None:
        """Room for so many numbers among what no pass needs after it."""
        self.regions[name] = self.take("working", count)


@lru_cache(maxsize=256)
def forward_layout(compiled: CompiledCell, sizes: Sizes, saving: bool) -> MemoryLayout:
    """Where the forward pass has everything; with `saving`, what the reverse pass reads has a place for each step."""
    layout = MemoryLayout()
    width = compiled.products.width(sizes.H)
    layout.chunk = _chunk(compiled, sizes)
    every = saving or compiled.output.kind == "column" or sizes.spreads
    _lay_block(layout, compiled, sizes, "column", "kept" if every else "working", sizes.T if every else layout.chunk)
    for state in compiled.cell.states:
        is_output = compiled.output == Place("state", state, shift=1)
        base = "output" if is_output else "kept"
        mask = EVERY if saving or is_output else TWO
        _lay(layout, Place("state", state), base, sizes.T + 1 if mask == EVERY else 2, sizes.B, width, mask)
    for place in (*compiled.source.forward.arrays, Place(compiled.output.kind, compiled.output.of)):
        if place.kind == "value" and place not in layout.series:
            is_output, kept = place == compiled.output, saving and place.of in compiled.program.stored
            base = "output" if is_output else "kept" if kept else "working"
            steps, mask = (1, ONE) if base == "working" else (sizes.T, EVERY)
            _lay(layout, place, base, steps, sizes.B, width, mask)
    _lay_input(layout, sizes, width)
    for product in compiled.source.forward.weights:
        k = sizes.I if product.operand == INPUT else sizes.H
        layout.region(product, compiled.products.packed_size(len(product.linears) * width, k))
    _finish(layout, compiled, compiled.source.forward, sizes, sizes.H)
    return layout


@lru_cache(maxsize=256)
def reverse_layout(compiled: CompiledCell, sizes: Sizes) -> MemoryLayout:
    """Where the reverse pass has everything, beside what a saving forward pass has kept."""
    layout = MemoryLayout()
    width = compiled.products.width(sizes.H)
    kept = forward_layout(compiled, sizes, saving=True).series
    layout.series |= {place: series for place, series in kept.items() if BASES[series.base] != "working"}
    layout.chunk = _chunk(compiled, sizes)
    _lay_block(layout, compiled, sizes, "gradient_column", "working", sizes.T)
    for state in compiled.cell.states:
        _lay(layout, Place("state_gradient", state), "working", 2, sizes.B, width, TWO)
    for place in compiled.source.reverse.arrays:
        if place.kind == "arrived":
            layout.series[place] = Series(BASES.index("arrived"), 0, sizes.B * width, width, EVERY)
        elif place.kind == "input_gradient":
            _lay(layout, place, "input_gradient", sizes.T, sizes.B, compiled.products.width(sizes.I), EVERY)
        elif place.kind in ("gradient", "returned"):
            _lay(layout, place, "working", 1, sizes.B, width, ONE)
    for product in compiled.source.reverse.weights:
        size = sizes.I if product.operand == INPUT else sizes.H
        layout.region(
            product, compiled.products.packed_size(compiled.products.width(size), len(product.linears) * width)
        )
    layout.region("sums", sizes.B * len(compiled.source.reverse.sums) * width)
    _finish(layout, compiled, compiled.source.reverse, sizes, compiled.row_of_block(width))
    return layout


def _lay(layout: MemoryLayout, place: Place, base: str, steps: int, batch: int, width: int, mask: int) -> None:
    offset = layout.take(base, steps * batch * width)
    layout.series[place] = Series(BASES.index(base), offset, batch * width, width, mask)


def _lay_block(
    layout: MemoryLayout, compiled: CompiledCell, sizes: Sizes, kind: PlaceKind, base: str, steps: int
) -> None:
    """The block of all linears, or of their gradients; with fewer than all steps, one after the other in turn."""
    width = compiled.products.width(sizes.H)
    row = compiled.row_of_block(width)
    offset = layout.take(base, steps * sizes.B * row)
    mask = EVERY if steps == sizes.T else steps - 1
    for i, linear in enumerate(compiled.phase.linears):
        layout.series[Place(kind, linear)] = Series(BASES.index(base), offset + i * width, sizes.B * row, row, mask)


def _chunk(compiled: CompiledCell, sizes: Sizes) -> int:
    """Steps whose part of the block stays in a core's cache: a power of two."""
    each = -(-sizes.B // sizes.slices) * compiled.row_of_block(compiled.products.width(sizes.H))
    return next((steps for steps in (16, 8, 4, 2) if steps * each <= CACHED), 1)


def _lay_input(layout: MemoryLayout, sizes: Sizes, width: int) -> None:
    """Nodes that read the input as it is find it padded like everything else; its size is then the hidden size."""
    layout.series[Place("given", INPUT)] = Series(BASES.index("given"), 0, sizes.B * sizes.I, sizes.I, EVERY)
    layout.series[Place("input", INPUT)] = Series(BASES.index("input"), 0, sizes.B * width, width, EVERY)


def _finish(layout: MemoryLayout, compiled: CompiledCell, routine: Routine, sizes: Sizes, deepest: int) -> None:
    """Scratch memory, for a slice within the loop and for all threads in a product for all steps; and the arrays."""
    width, every = compiled.products.width(sizes.H), sizes.T * sizes.B
    rows = -(-sizes.B // sizes.slices) * layout.chunk
    layout.slice = compiled.products.scratch_size(rows, max(deepest, sizes.I)) + routine.temporaries * width
    layout.region("slices", sizes.slices * sizes.units * layout.slice)
    largest = max(sizes.I, sizes.H)
    row = compiled.row_of_block(width)
    layout.region(
        "products",
        sizes.threads
        * max(
            compiled.products.scratch_size(every, row), compiled.products.transposed_scratch_size(row, largest, every)
        ),
    )
    numbers = [number for place in routine.arrays for number in layout.series[place]]
    layout.arrays = (ctypes.c_long * len(numbers))(*numbers)
