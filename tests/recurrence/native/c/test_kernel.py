"""The packed product of the native backend gives torch's numbers for every size, orientation and instruction set."""

from __future__ import annotations

import ctypes
import math

import pytest
import torch
from torch import Tensor

from cellsearch.recurrence.native.products import products
from tests.helpers.recurrence.compiled import TARGETS, Target, address, compiled

SOURCE = '#include "kernel.c"\nlong width(void) { return WIDTH; }'


class Kernel:
    """The kernel of a target, called with tensors."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.library = compiled(SOURCE, target)
        self.width: int = self.library.width()

    def __call__(self, name: str, *arguments: int | Tensor) -> int:
        function = self.library[name + self.target.suffix]
        function.restype = ctypes.c_long
        size: int = function(*(address(a) if isinstance(a, Tensor) else ctypes.c_long(a) for a in arguments))
        return size

    def padded(self, size: int) -> int:
        return -(-size // self.width) * self.width

    def numbers(self, *shape: int) -> Tensor:
        generator = torch.Generator().manual_seed(sum(shape))
        return torch.rand(*shape, generator=generator, dtype=self.target.dtype) * 2 - 1

    def empty(self, *shape: int) -> Tensor:
        return torch.full(shape, math.nan, dtype=self.target.dtype)

    def packed(self, w: Tensor) -> Tensor:
        n, k = w.shape
        packed = self.empty(self("packed_size", n, k))
        self("pack", n, k, w, w.stride(0), w.stride(1), packed)
        return packed

    def product(self, a: Tensor, w: Tensor, accumulate: bool = False) -> Tensor:
        rows, k = a.shape
        c = self.numbers(rows, self.padded(len(w)) + 3)
        kept = c.clone()
        scratch = self.empty(self("scratch_size", rows, k))
        sizes = rows, self.padded(len(w)), k
        self("product", *sizes, a, a.stride(0), self.packed(w), c, c.stride(0), int(accumulate), scratch)
        assert torch.equal(c[:, -3:], kept[:, -3:])
        return (c - kept * accumulate)[:, : len(w)]

    def agrees(self, got: Tensor, expected: Tensor, k: int) -> bool:
        tolerance = 4 * self.target.epsilon * math.sqrt(k + 1)
        return bool(((got.double() - expected).abs() <= tolerance * (1 + expected.abs())).all())


@pytest.fixture(params=TARGETS, ids=str)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return Kernel(request.param)


@pytest.mark.parametrize("rows", [*range(1, 21), 97, 200])
def test_every_number_of_rows(kernel: Kernel, rows: int) -> None:
    a, w = kernel.numbers(rows, 37), kernel.numbers(5 * kernel.width, 37)
    assert kernel.agrees(kernel.product(a, w), a.double() @ w.double().T, 37)


@pytest.mark.parametrize("accumulate", [False, True])
def test_every_number_of_outputs(kernel: Kernel, accumulate: bool) -> None:
    for n in [*range(1, 4 * kernel.width + 1), 7 * kernel.width]:
        a, w = kernel.numbers(10, 9), kernel.numbers(n, 9)
        assert kernel.agrees(kernel.product(a, w, accumulate), a.double() @ w.double().T, 9)


@pytest.mark.parametrize("k", [0, 1, 2, 15, 16, 17, 255, 256, 257, 650, 1024])
def test_every_number_of_operands_and_both_orientations(kernel: Kernel, k: int) -> None:
    a, w = kernel.numbers(11, k), kernel.numbers(50, k)
    expected = a.double() @ w.double().T
    assert kernel.agrees(kernel.product(a, w), expected, k)
    assert kernel.agrees(kernel.product(a, w.T.contiguous().T), expected, k)
    assert kernel.agrees(kernel.product(a, torch.stack([w, w], 2)[:, :, 0]), expected, k)


def test_what_lies_beyond_the_operands_is_not_read(kernel: Kernel) -> None:
    a, w = kernel.numbers(9, 40), kernel.numbers(20, 33)
    a[:, 33:] = math.nan
    assert kernel.agrees(kernel.product(a[:, :33], w), a[:, :33].double() @ w.double().T, 33)


@pytest.mark.parametrize("size", [5, 16, 33])
def test_parts_fill_a_packed_matrix_with_padding_between_them(kernel: Kernel, size: int) -> None:
    gates, k, padded = 4, 21, kernel.padded(size)
    w = kernel.numbers(gates, size, k)
    packed = kernel.empty(kernel("packed_size", gates * padded, k))
    for gate, part in enumerate(w):
        kernel("pack_part", gates * padded, gate * padded, size, k, part, *part.stride(), packed)
    assert torch.equal(packed, kernel.packed(torch.nn.functional.pad(w, (0, 0, 0, padded - size)).flatten(0, 1)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("count", "n", "k"), [(1, 1, 1), (3, 5, 33), (4, 16, 48), (2, 70, 130)])
def test_weights_that_lead_back_are_packed_as_their_transpose(
    count: int, n: int, k: int, threads: int, dtype: torch.dtype
) -> None:
    ours = products(dtype)
    weights = [torch.randn(k, n, dtype=dtype).t() if i else torch.randn(n, k, dtype=dtype) for i in range(count)]
    packed, expected = torch.full((2, ours.packed_size(k, count * ours.width(n))), math.nan, dtype=dtype)
    ours.pack_back(threads, weights, packed.data_ptr())
    whole = torch.cat([torch.nn.functional.pad(weight, (0, 0, 0, ours.width(n) - n)) for weight in weights])
    ours.pack(1, [whole.t()], expected.data_ptr())
    assert torch.equal(packed, expected) and packed.isfinite().all()


@pytest.mark.parametrize("rows", [0, 1, 40, 300, 520])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (7, 50), (130, 17)])
@pytest.mark.parametrize("accumulate", [False, True])
def test_a_transposed_left_side(kernel: Kernel, rows: int, n: int, k: int, accumulate: bool) -> None:
    g, h = kernel.numbers(rows, n + 2)[:, :n], kernel.numbers(rows, k + 1)[:, :k]
    c = kernel.numbers(n, kernel.padded(k))
    kept = c.clone()
    scratch = kernel.empty(kernel("transposed_scratch_size", n, k, rows))
    kernel("product_transposed", n, k, rows, g, n + 2, h, k + 1, c, c.stride(0), int(accumulate), scratch)
    assert kernel.agrees((c - kept * accumulate)[:, :k], g.double().T @ h.double(), rows)
