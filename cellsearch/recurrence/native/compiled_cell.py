"""A cell compiled for one precision, ready to be laid out at any size: its program, its library, and its products."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache

import torch

from cellsearch.cell import Cell
from cellsearch.recurrence.native.build import library
from cellsearch.recurrence.native.products import Products, products
from cellsearch.recurrence.native.source import Source, source
from cellsearch.recurrence.plan.plan import Product, weight_names
from cellsearch.recurrence.program.places import Place, home
from cellsearch.recurrence.program.program import Program, program

__all__ = ["CompiledCell", "compiled_cell"]


class CompiledCell:
    """What of a cell in one precision is the same for all sizes. `call` holds the library's two functions by name."""

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
def compiled_cell(cell: Cell, dtype: torch.dtype) -> CompiledCell:
    """The compiled form of a resolved cell whose linears are all plain ones."""
    return CompiledCell(cell, dtype)
