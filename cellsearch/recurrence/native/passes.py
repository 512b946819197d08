"""The two passes of the native backend: a program's two routines, and the products for all steps around them.

The input's products run within the routines, for several steps at once, or, where there are fewer slices than
threads, for all steps before and after them. Gradients of weights wait until the reverse loop is over and take one
product each.

series: [T, B, width], a state's [T + 1, B, width] from its initial value on; block: [T, B, linears * width].
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from cellsearch.cell import INPUT
from cellsearch.recurrence.interface import States
from cellsearch.recurrence.native.compiled_cell import compiled_cell
from cellsearch.recurrence.native.memory import fresh
from cellsearch.recurrence.native.memory_layout import BASES, MemoryLayout, Sizes, forward_layout, reverse_layout
from cellsearch.recurrence.native.products import Rows
from cellsearch.recurrence.native.source import Routine
from cellsearch.recurrence.native.threads import slices
from cellsearch.recurrence.plan.plan import Product
from cellsearch.recurrence.program.places import Call, Place, home
from cellsearch.recurrence.sequence import Given, Kept, Needs

__all__ = ["NativeBackward", "NativeForward"]


class _RunArguments(ctypes.Structure):
    """`run` of the generated source."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("T", "B", "H", "width", "slices", "units", "I", "input_width", "chunk")),
        *((name, ctypes.c_void_p) for name in ("multiply", "arrays", "bases", "weights", "vectors", "sums", "scratch")),
        *((name, ctypes.c_long) for name in ("sums_size", "scratch_size")),
    )


class _NativePass:
    """What both passes share: sizes, buffers, and how a routine is called."""

    def __init__(self, given: Given) -> None:
        cell, self.parameters, x, self.states = given
        self.x = x.contiguous()
        self.compiled = compiled_cell(cell, x.dtype)
        self.products = self.compiled.products
        steps, batch, inputs = x.shape
        hidden = self.states[0].shape[1]
        self.width = self.products.width(hidden)
        threads = slices(steps * batch)
        of_batch = slices(batch)
        units = min(threads // of_batch, self.width // self.products.lanes) if self.compiled.divides_units else 1
        self.sizes = Sizes(steps, batch, inputs, hidden, of_batch, units, threads)
        self.buffers: dict[str, Tensor] = {}
        self.addresses: dict[str, int] = {}
        self.hold("given", self.x)
        if self.compiled.reads_input:
            self.hold("input", self.padded(self.x))

    def hold(self, base: str, buffer: Tensor) -> None:
        self.buffers[base], self.addresses[base] = buffer, buffer.data_ptr()

    def allocate(self, layout: MemoryLayout, *bases: str) -> None:
        for base in bases:
            self.hold(base, fresh(self.x, layout.numbers[base]))
        self.layout = layout

    def padded(self, values: Tensor) -> Tensor:
        """[.., H] as [.., width], contiguous."""
        return values.contiguous() if self.width == self.sizes.H else pad(values, (0, self.width - self.sizes.H))

    def view(self, place: Place, steps: int) -> Tensor:
        """[steps, B, H] of a series."""
        series = self.layout.series[place]
        size = (steps, self.sizes.B, self.sizes.H)
        return self.buffers[BASES[series.base]].as_strided(size, (series.step, series.row, 1), series.offset)

    def rows(self, place: Place, shift: int = 0) -> Rows:
        """All steps of a series as the rows of one matrix."""
        series = self.layout.series[place]
        start = series.offset + (shift & series.mask) * series.step
        return self.addresses[BASES[series.base]] + start * self.x.element_size(), series.row

    def region(self, name: object) -> int:
        """The address of a region."""
        return self.addresses["working"] + self.layout.regions[name] * self.x.element_size()

    def weights(self, product: Product) -> list[Tensor]:
        """[H, size of the operand] of each linear; one that takes the operand twice has two, which add up."""
        return [self._total(linear, names) for linear, names in self.compiled.weights[product]]

    def _total(self, linear: str, names: tuple[str, ...]) -> Tensor:
        first, *others = (self.parameters[linear][name] for name in names)
        return sum(others, first)

    def multiply(self, call: Call, n: int, k: int) -> None:
        """A product for all steps at once, in all threads."""
        sizes, place = self.sizes, Place(call.target.kind, call.target.of)
        self.products.multiply(
            sizes.threads, sizes.T * sizes.B, n, k, self.rows(call.operand), self.region(call.product),
            self.rows(place), call.adds, self.region("products"),
        )  # fmt: skip

    def run(self, routine: Routine, input_width: int = 0) -> None:
        """Call the routine, whose weights lie packed in their regions."""
        arrays = self.layout.arrays
        vectors = [self.padded(self.parameters[place.of][place.parameter]) for place in routine.vectors]
        bases = _pointers([self.addresses.get(base, 0) for base in BASES])
        weights = _pointers([self.region(product) for product in routine.weights])
        vectors_at = _pointers([vector.data_ptr() for vector in vectors])
        sizes = self.sizes
        about = _RunArguments(
            sizes.T, sizes.B, sizes.H, self.width, sizes.slices, sizes.units, sizes.I, input_width,
            0 if sizes.spreads else self.layout.chunk,
            self.products.address,
            *(ctypes.addressof(each) for each in (arrays, bases, weights, vectors_at)),
            self.region("sums") if routine.sums else 0, self.region("slices"),
            len(routine.sums) * self.width, self.layout.slice,
        )  # fmt: skip
        self.compiled.call[routine.name](ctypes.byref(about))


class NativeForward(_NativePass):
    """The forward pass; `saving` keeps what the reverse pass reads."""

    def __init__(self, given: Given, saving: bool) -> None:
        super().__init__(given)
        self.allocate(forward_layout(self.compiled, self.sizes, saving), "output", "kept", "working")
        for state, initial in zip(self.compiled.cell.states, self.states, strict=True):
            self.view(Place("state", state), 1).copy_(initial)
        for product in self.compiled.source.forward.weights:
            self.products.pack(self.sizes.threads, self.weights(product), self.region(product))
        if self.sizes.spreads:
            for call in self.compiled.program.prepared:
                self.multiply(call, len(call.product.linears) * self.width, self.sizes.I)
        self.run(self.compiled.source.forward)

    def output(self) -> Tensor:
        """[T, B, H]; where it shares its memory with a state's series, it is no view, and is kept to be checked."""
        place = Place(self.compiled.output.kind, self.compiled.output.of)
        series = self.layout.series[place]
        buffer = self.buffers[BASES[series.base]]
        size, stride = (self.sizes.T, self.sizes.B, self.sizes.H), (series.step, series.row, 1)
        start = series.offset + self.compiled.output.shift * series.step
        if place.kind == "column" or self.width > self.sizes.H:
            return buffer.as_strided(size, stride, start).clone(memory_format=torch.contiguous_format)
        return buffer.new_empty(0).set_(buffer.untyped_storage(), start, size, stride)

    def last(self) -> States:
        series = (self.layout.series[Place("state", state)] for state in self.compiled.cell.states)
        return tuple(
            self.buffers[BASES[each.base]]
            .as_strided(
                (self.sizes.B, self.sizes.H), (each.row, 1), each.offset + (self.sizes.T & each.mask) * each.step
            )
            .clone()
            for each in series
        )


class NativeBackward(_NativePass):
    """The reverse pass over what a forward pass kept. `needs` says of what is given whether its gradient is wanted."""

    def __init__(self, given: Given, kept: Kept, needs: Needs) -> None:
        super().__init__(given)
        for base, buffer in kept.items():
            self.hold(base, buffer)
        self.needs_input, _, self.needs = needs

    def run_back(self, of_output: Tensor, *of_last: Tensor) -> Iterator[Tensor | None]:
        """The gradients of x, the states and the learned arrays."""
        self.allocate(reverse_layout(self.compiled, self.sizes), "working")
        self.hold("arrived", self.padded(of_output))
        size = (self.sizes.T, self.sizes.B, self.products.width(self.sizes.I))
        of_input = self.x.new_empty(size)
        self.hold("input_gradient", of_input)
        self._begin(of_last)
        self.run(self.compiled.source.reverse, size[2] if self.needs_input else 0)
        if self.sizes.spreads and self.needs_input:
            for call in self.compiled.program.returned:
                self.multiply(call, size[2], len(call.product.linears) * self.width)
        yield of_input[..., : self.sizes.I] if self.needs_input else None
        for state in self.compiled.cell.states:
            yield self.view(Place("state_gradient", state), 1)[0].clone()
        learned = self._sums() | self._weights()
        for node, arrays in self.parameters.items():
            for parameter in arrays:
                yield learned.get((node, parameter))

    def _begin(self, of_last: tuple[Tensor, ...]) -> None:
        """The gradients of the last states, and the weights that lead gradients back."""
        for state, gradient in zip(self.compiled.cell.states, of_last, strict=True):
            self.view(Place("state_gradient", state), 2)[self.sizes.T & 1].copy_(gradient)
        for product in self.compiled.source.reverse.weights:
            if self.needs_input or product.operand != INPUT:
                self.products.pack_back(self.sizes.threads, self.weights(product), self.region(product))
        if self.compiled.source.reverse.sums:
            self._sums_of_rows().zero_()

    def _sums_of_rows(self) -> Tensor:
        count, offset = len(self.compiled.source.reverse.sums), self.layout.regions["sums"]
        size = (self.sizes.B, count, self.width)
        return self.buffers["working"].as_strided(size, (count * self.width, self.width, 1), offset)

    def _sums(self) -> dict[tuple[str, str], Tensor]:
        """The gradients of learned vectors."""
        wanted = self.compiled.source.reverse.sums
        if not wanted:
            return {}
        sums = self._sums_of_rows().sum(0)[:, : self.sizes.H].unbind(0)
        return {(place.of, place.parameter): each for place, each in zip(wanted, sums, strict=True)}

    def _weights(self) -> dict[tuple[str, str], Tensor]:
        learned: dict[tuple[str, str], Tensor] = {}
        for product in self.compiled.phase.products:
            arrays = self.compiled.weights[product]
            if any(self.needs[linear][name] for linear, names in arrays for name in names):
                stacked = self._weight(product)
                for i, (linear, names) in enumerate(arrays):
                    gradient = stacked[i * self.width : i * self.width + self.sizes.H]
                    learned |= {(linear, name): gradient.clone() if j else gradient for j, name in enumerate(names)}
        return learned

    def _weight(self, product: Product) -> Tensor:
        """[n * width, size of the operand], the gradients of the product's weights one below the other."""
        sizes, is_input = self.sizes, product.operand == INPUT
        n, k = len(product.linears) * self.width, sizes.I if is_input else sizes.H
        result = self.x.new_empty(n, self.products.width(k))
        place = home(self.compiled.phase, self.compiled.cell, product.operand)
        operand = (self.x.data_ptr(), k) if is_input else self.rows(Place(place.kind, place.of), place.shift)
        self.products.transposed(
            sizes.threads, sizes.T * sizes.B, n, k, self.rows(Place("gradient_column", product.linears[0])), operand,
            (result.data_ptr(), result.stride(0)), False, self.region("products"),
        )  # fmt: skip
        return result[:, :k]


def _pointers(addresses: list[int]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * max(1, len(addresses)))(*addresses)
