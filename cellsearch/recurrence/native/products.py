"""The kernel's matrix products, called with tensors: what all cells share, before, after and within their loops."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, Final

import torch
from torch import Tensor

from cellsearch.recurrence.native.build import library, text_of

__all__ = ["Products", "products"]

SUFFIXES: Final = {torch.float32: "_f32", torch.float64: "_f64"}
L, P, I = ctypes.c_long, ctypes.c_void_p, ctypes.c_int  # noqa: E741
TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "packed_size": (L, L, L),
    "scratch_size": (L, L, L),
    "transposed_scratch_size": (L, L, L, L),
    "pack_part": (None, L, L, L, L, P, L, L, P),
    "product": (None, L, L, L, P, L, P, P, L, I, P),
    "product_all": (None, L, L, L, L, P, L, P, P, L, I, P),
    "transposed_all": (None, L, L, L, L, P, L, P, L, P, L, P),
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
        self.scratch_size: Callable[[int, int], int] = self.call["scratch_size"]

    @cached_property
    def address(self) -> int | None:
        """Where the product of a step is, for the routines of a cell."""
        return ctypes.cast(self.call["product"], ctypes.c_void_p).value  # type: ignore[arg-type]

    def width(self, size: int) -> int:
        """The size in whole vectors."""
        return -(-size // self.lanes) * self.lanes

    def packed(self, weights: list[Tensor]) -> Tensor:
        """Weights [n, k] one below the other, each padded to whole vectors of outputs, for `multiply`."""
        n, k = weights[0].shape
        total = len(weights) * self.width(n)
        result = torch.empty(self.call["packed_size"](total, k), dtype=self.dtype)
        for i, weight in enumerate(weights):
            start = i * self.width(n)
            self.call["pack_part"](total, start, n, k, weight.data_ptr(), *weight.stride(), result.data_ptr())
        return result

    def multiply(self, threads: int, a: Tensor, packed: Tensor, c: Tensor, adds: bool) -> None:
        """c [rows, n] gets, or with `adds` is added, a [rows, k] times packed weights; n in whole vectors."""
        rows, k = a.shape
        scratch = torch.empty(threads * self.scratch_size(rows, k), dtype=self.dtype)
        self.call["product_all"](
            threads, rows, self.width(c.shape[1]), k, a.data_ptr(), a.stride(0), packed.data_ptr(),
            c.data_ptr(), c.stride(0), adds, scratch.data_ptr(),
        )  # fmt: skip

    def transposed(self, threads: int, g: Tensor, h: Tensor) -> Tensor:
        """[n, k]: g [rows, n] transposed times h [rows, k]."""
        (rows, n), k = g.shape, h.shape[1]
        result = torch.empty(n, self.width(k), dtype=self.dtype)
        scratch = torch.empty(threads * self.call["transposed_scratch_size"](n, k, rows), dtype=self.dtype)
        self.call["transposed_all"](
            threads, n, k, rows, g.data_ptr(), g.stride(0), h.data_ptr(), h.stride(0),
            result.data_ptr(), result.stride(0), scratch.data_ptr(),
        )  # fmt: skip
        return result[:, :k]

    def _function(self, name: str) -> Callable[..., Any]:
        function = self.library[name + SUFFIXES[self.dtype]]
        function.restype, *function.argtypes = TYPES[name]
        return function
