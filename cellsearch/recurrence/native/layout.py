"""Where everything lies that a sequence needs: decided once for a cell and its sizes, as offsets into a few buffers.

Laying out memory by tensors would cost more than the arithmetic of a small cell. Hidden units are padded to whole
vectors, so that the routines know no remainders.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import torch

from cellsearch.cell import INPUT, Cell
from cellsearch.recurrence.native.build import library
from cellsearch.recurrence.native.places import Kind, Place, home
from cellsearch.recurrence.native.products import Products, products
from cellsearch.recurrence.native.program import Program, program
from cellsearch.recurrence.native.source import Routine, Source, source
from cellsearch.recurrence.plan.plan import Product, weight_names

__all__ = ["BASES", "Blueprint", "Layout", "Series", "Sizes", "blueprint"]

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
class Layout:
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


class Blueprint:
    """A cell in one precision, ready to be laid out at any size: its program, its source, and its products."""

    def __init__(self, cell: Cell, dtype: torch.dtype) -> None:
        self.cell = cell
        self.program: Program = program(cell)
        self.phase = self.program.phase
        self.source: Source = source(self.program)
        with ThreadPoolExecutor(1) as beside:  # on a machine's first use both have to be compiled
            promised = beside.submit(products, dtype)
            made = library(self.source.text, dtype)
            self.products: Products = promised.result()
        self.output: Place = home(self.phase, cell, cell.output)
        routines = (self.source.forward, self.source.reverse)
        self.divides_units = self.program.divides_units
        self.reads_input = any(place.kind == "input" for routine in routines for place in routine.arrays)
        self.call: dict[str, Callable[..., None]] = {routine.name: made[routine.name] for routine in routines}

    @cached_property
    def weights(self) -> dict[Product, tuple[tuple[str, tuple[str, ...]], ...]]:
        """The linears of a product, each with the names of its weights for the operand."""
        every = (*self.phase.products, *self.source.forward.weights)
        return {
            product: tuple((linear, weight_names(self.cell, linear, product.operand)) for linear in product.linears)
            for product in every
        }

    def row_of_block(self, width: int) -> int:
        return max(1, len(self.phase.linears)) * width


@lru_cache(maxsize=1024)
def blueprint(cell: Cell, dtype: torch.dtype) -> Blueprint:
    """The blueprint of a resolved cell whose linears are all plain ones."""
    return Blueprint(cell, dtype)


@lru_cache(maxsize=256)
def forward_layout(plan: Blueprint, sizes: Sizes, saving: bool) -> Layout:
    """Where the forward pass has everything; with `saving`, what the reverse pass reads has a place for each step."""
    layout = Layout()
    width = plan.products.width(sizes.H)
    layout.chunk = _chunk(plan, sizes)
    every = saving or plan.output.kind == "column" or sizes.spreads
    _lay_block(layout, plan, sizes, "column", "kept" if every else "working", sizes.T if every else layout.chunk)
    for state in plan.cell.states:
        is_output = plan.output == Place("state", state, shift=1)
        base = "output" if is_output else "kept"
        mask = EVERY if saving or is_output else TWO
        _lay(layout, Place("state", state), base, sizes.T + 1 if mask == EVERY else 2, sizes.B, width, mask)
    for place in (*plan.source.forward.arrays, Place(plan.output.kind, plan.output.of)):
        if place.kind == "value" and place not in layout.series:
            is_output, kept = place == plan.output, saving and place.of in plan.program.stored
            base = "output" if is_output else "kept" if kept else "working"
            steps, mask = (1, ONE) if base == "working" else (sizes.T, EVERY)
            _lay(layout, place, base, steps, sizes.B, width, mask)
    _lay_input(layout, sizes, width)
    for product in plan.source.forward.weights:
        k = sizes.I if product.operand == INPUT else sizes.H
        layout.region(product, plan.products.packed_size(len(product.linears) * width, k))
    _finish(layout, plan, plan.source.forward, sizes, sizes.H)
    return layout


@lru_cache(maxsize=256)
def reverse_layout(plan: Blueprint, sizes: Sizes) -> Layout:
    """Where the reverse pass has everything, beside what a saving forward pass has kept."""
    layout = Layout()
    width = plan.products.width(sizes.H)
    kept = forward_layout(plan, sizes, saving=True).series
    layout.series |= {place: series for place, series in kept.items() if BASES[series.base] != "working"}
    layout.chunk = _chunk(plan, sizes)
    _lay_block(layout, plan, sizes, "gradient_column", "working", sizes.T)
    for state in plan.cell.states:
        _lay(layout, Place("state_gradient", state), "working", 2, sizes.B, width, TWO)
    for place in plan.source.reverse.arrays:
        if place.kind == "arrived":
            layout.series[place] = Series(BASES.index("arrived"), 0, sizes.B * width, width, EVERY)
        elif place.kind == "input_gradient":
            _lay(layout, place, "input_gradient", sizes.T, sizes.B, plan.products.width(sizes.I), EVERY)
        elif place.kind in ("gradient", "returned"):
            _lay(layout, place, "working", 1, sizes.B, width, ONE)
    for product in plan.source.reverse.weights:
        size = sizes.I if product.operand == INPUT else sizes.H
        layout.region(product, plan.products.packed_size(plan.products.width(size), len(product.linears) * width))
    layout.region("sums", sizes.B * len(plan.source.reverse.sums) * width)
    _finish(layout, plan, plan.source.reverse, sizes, plan.row_of_block(width))
    return layout


def _lay(layout: Layout, place: Place, base: str, steps: int, batch: int, width: int, mask: int) -> None:
    offset = layout.take(base, steps * batch * width)
    layout.series[place] = Series(BASES.index(base), offset, batch * width, width, mask)


def _lay_block(layout: Layout, plan: Blueprint, sizes: Sizes, kind: Kind, base: str, steps: int) -> None:
    """The block of all linears, or of their gradients; with fewer than all steps, one after the other in turn."""
    width = plan.products.width(sizes.H)
    row = plan.row_of_block(width)
    offset = layout.take(base, steps * sizes.B * row)
    mask = EVERY if steps == sizes.T else steps - 1
    for i, linear in enumerate(plan.phase.linears):
        layout.series[Place(kind, linear)] = Series(BASES.index(base), offset + i * width, sizes.B * row, row, mask)


def _chunk(plan: Blueprint, sizes: Sizes) -> int:
    """Steps whose part of the block stays in a core's cache: a power of two."""
    each = -(-sizes.B // sizes.slices) * plan.row_of_block(plan.products.width(sizes.H))
    return next((steps for steps in (16, 8, 4, 2) if steps * each <= CACHED), 1)


def _lay_input(layout: Layout, sizes: Sizes, width: int) -> None:
    """Nodes that read the input as it is find it padded like everything else; its size is then the hidden size."""
    layout.series[Place("given", INPUT)] = Series(BASES.index("given"), 0, sizes.B * sizes.I, sizes.I, EVERY)
    layout.series[Place("input", INPUT)] = Series(BASES.index("input"), 0, sizes.B * width, width, EVERY)


def _finish(layout: Layout, plan: Blueprint, routine: Routine, sizes: Sizes, deepest: int) -> None:
    """Scratch memory, for a slice within the loop and for all threads in a product for all steps; and the arrays."""
    width, every = plan.products.width(sizes.H), sizes.T * sizes.B
    rows = -(-sizes.B // sizes.slices) * layout.chunk
    layout.slice = plan.products.scratch_size(rows, max(deepest, sizes.I)) + routine.temporaries * width
    layout.region("slices", sizes.slices * sizes.units * layout.slice)
    largest = max(sizes.I, sizes.H)
    row = plan.row_of_block(width)
    layout.region(
        "products",
        sizes.threads
        * max(plan.products.scratch_size(every, row), plan.products.transposed_scratch_size(row, largest, every)),
    )
    numbers = [number for place in routine.arrays for number in layout.series[place]]
    layout.arrays = (ctypes.c_long * len(numbers))(*numbers)
