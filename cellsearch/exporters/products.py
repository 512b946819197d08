"""Which matrix products an exported file computes ahead: of the input for all steps at once, of a value as one.

A product has a variable that reads like the equation: `U_f_h` holds U_f h.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from cellsearch.cell import INPUT, LINEAR, Cell
from cellsearch.cell.notation.symbols import learned
from cellsearch.exporters.names import PROJECTED, TAKEN, free, variables

__all__ = ["Product", "ahead", "of_input", "stacked"]


@dataclass(frozen=True)
class Product:
    """One matrix of a linear times one of its operands: `matrix` and `bias` are the cell's attributes.

    `has_bias` says that the linear's bias is in its product with the input, so that no step has to add it. `is_plain`
    says that the matrix is one array, which stands above others in a stack.
    """

    node: str
    place: int
    operand: str
    matrix: str
    bias: str
    has_bias: bool
    is_plain: bool
    variable: str


def ahead(cell: Cell) -> Mapping[tuple[str, int], Product]:
    """The products that have a variable, by node and place of the operand: all with the input, and all stacked ones."""
    found = [*of_input(cell), *(product for products in stacked(cell).values() for product in products)]
    return MappingProxyType({(product.node, product.place): product for product in found})


def of_input(cell: Cell) -> tuple[Product, ...]:
    """The products with the input, those that are stacked first."""
    found = [product for product in _products(cell) if product.operand == INPUT]
    return tuple(sorted(found, key=lambda product: not product.is_plain))


def stacked(cell: Cell) -> Mapping[str, tuple[Product, ...]]:
    """The products with each other value that several plain matrices multiply."""
    found: dict[str, list[Product]] = {}
    for product in _products(cell):
        if product.is_plain and product.operand != INPUT:
            found.setdefault(product.operand, []).append(product)
    return MappingProxyType({operand: tuple(each) for operand, each in found.items() if len(each) > 1})


@lru_cache(maxsize=64)
def _products(cell: Cell) -> tuple[Product, ...]:
    """All matrix products whose operand has a variable."""
    named, arrays = variables(cell), learned(cell)
    once = all(node.operands.count(INPUT) <= 1 for node in cell.nodes.values() if node.row.is_linear)
    taken = {*TAKEN, *named.values(), PROJECTED}
    found = []
    for name in cell.order:
        node = cell.nodes[name]
        for place, operand in enumerate(node.operands) if node.row.is_linear else ():
            if operand in named:
                matrix = arrays[name][place]
                variable = free(f"{matrix}_{named[operand]}", taken)
                taken.add(variable)
                bias, has_bias = arrays[name][-1], operand == INPUT and once
                found.append(Product(name, place, operand, matrix, bias, has_bias, node.op == LINEAR, variable))
    return tuple(found)
