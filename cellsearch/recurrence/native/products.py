"""The kernel's matrix products, called with tensors: what all cells share, before, after and within their loops."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final

import torch
from torch import Tensor

from cellsearch.recurrence.native.build import library, text_of

__all__ = ["Products", "Rows", "products"]

Rows = tuple[int, int]
"""A matrix in memory: its address, and the numbers from one row to the next."""

SUFFIXES: Final = {torch.float32: "_f32", torch.float64: "_f64"}
L, P, I = ctypes.c_long, ctypes.c_void_p, ctypes.c_int  # noqa: E741
TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "packed_size": (L, L, L),
    "scratch_size": (L, L, L),
    "transposed_scratch_size": (L, L, L, L),
    "pack_all": (None, L, L, L, L, L, P, L, L, P),
    "pack_back_all": (None, L, L, L, L, L, P, L, P),
    "product": (None, L, L, L, P, L, P, P, L, I, P),
    "product_all": (None, L, L, L, L, P, L, P, P, L, I, P),
    "transposed_all": (None, L, L, L, L, P, L, P, L, P, L, I, P),
}
"""Result and arguments of each function."""


@lru_cache
def products(dtype: torch.dtype) -> Products:
    """The products in one precision."""
    return Products(dtype)


class Products:
    """Matrix products in one precision. `lanes` are the numbers of a vector, of which rows of ours are multiples."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.library = library(text_of("products.c"), dtype)
        self.call: dict[str, Callable[..., Any]] = {name: self._function(name) for name in TYPES}
        self.lanes: int = self.call["packed_size"](1, 1)
        self._pack, self._pack_back = self.call["pack_all"], self.call["pack_back_all"]
        self._multiply, self._transposed = self.call["product_all"], self.call["transposed_all"]
        self.scratch_size: Callable[[int, int], int] = self.call["scratch_size"]

        self.packed_size: Callable[[int, int], int] = self.call["packed_size"]
        self.transposed_scratch_size: Callable[[int, int, int], int] = self.call["transposed_scratch_size"]

    @cached_property
    def address(self) -> int | None:
        """Where the product of a step is, for the routines of a cell."""
        return ctypes.cast(self.call["product"], ctypes.c_void_p).value  # type: ignore[arg-type]

    def width(self, size: int) -> int:
        """The size in whole vectors."""
        return -(-size // self.lanes) * self.lanes

    def pack(self, threads: int, weights: Sequence[Tensor], packed: int) -> None:
        """Lay weights [n, k], one below the other and each padded to whole vectors of outputs, out at an address."""
        n, k = weights[0].shape
        if any(weight.stride() != weights[0].stride() for weight in weights):
            weights = [weight.contiguous() for weight in weights]
        self._pack(threads, len(weights), self.width(n), n, k, _addresses(weights), *weights[0].stride(), packed)

    def pack_back(self, threads: int, weights: Sequence[Tensor], packed: int) -> None:
        """Lay weights [n, k] out transposed, side by side and each padded to whole vectors of operands n."""
        n, k = weights[0].shape
        if any(weight.stride() != (weights[0].stride(0), 1) for weight in weights):
            weights = [weight.contiguous() for weight in weights]
        self._pack_back(threads, len(weights), self.width(n), n, k, _addresses(weights), weights[0].stride(0), packed)

    def multiply(
        self, threads: int, rows: int, n: int, k: int, a: Rows, packed: int, c: Rows, adds: bool, scratch: int
    ) -> None:
        """c [rows, n] gets, or with `adds` is added, a [rows, k] times packed weights."""
        self._multiply(threads, rows, n, k, *a, packed, *c, adds, scratch)

    def transposed(
        self, threads: int, rows: int, n: int, k: int, g: Rows, h: Rows, c: Rows, adds: bool, scratch: int
    ) -> None:
        """c [n, k] gets, or with `adds` is added, g [rows, n] transposed times h [rows, k]."""
        self._transposed(threads, n, k, rows, *g, *h, *c, adds, scratch)

    def _function(self, name: str) -> Callable[..., Any]:
        function = self.library[name + SUFFIXES[self.dtype]]
        function.restype, *function.argtypes = TYPES[name]
        return function


def _addresses(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))
