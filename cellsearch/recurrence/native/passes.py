"""The two passes of the native backend: memory for a program's places, its two routines, and the products around them.

The input is multiplied for all steps before the loop; gradients of weights and of the input wait until the reverse
loop is over and take one product each. Hidden units are padded to whole vectors in every array of ours, so that the
routines know no remainders.

series: [T, B, width], a state's [T + 1, B, width] from its initial value on; block: [T, B, linears * width].
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from functools import lru_cache

import torch
from torch import Tensor

from cellsearch.cell import INPUT, Cell
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.native.build import library
from cellsearch.recurrence.native.products import products
from cellsearch.recurrence.native.program import Place, Program, home, program
from cellsearch.recurrence.native.source import Routine, Source, source
from cellsearch.recurrence.native.threads import slices
from cellsearch.recurrence.plan import Product

__all__ = ["Backward", "Forward"]

EVERY, TWO, ONE = -1, 1, 0
"""Masks of a step's number: a place for each step, two places in turn, one place for all."""


class _Array(ctypes.Structure):
    _fields_ = (("at", ctypes.c_void_p), *((name, ctypes.c_long) for name in ("step", "row", "mask")))


class _Run(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_long) for name in ("T", "B", "H", "width", "threads")),
        *((name, ctypes.c_void_p) for name in ("multiply", "arrays", "weights", "vectors", "sums", "scratch")),
        ("scratch_size", ctypes.c_long),
    )


@lru_cache(maxsize=1024)
def _sources(cell: Cell) -> Source:
    return source(program(cell))


class _Pass:
    """What both passes share: sizes, arrays by place, weights and vectors as the routines want them."""

    def __init__(self, cell: Cell, parameters: Parameters, x: Tensor, states: States) -> None:
        self.cell, self.parameters, self.states = cell, parameters, states
        self.program: Program = program(cell)
        self.phase = self.program.phase
        self.x = x.contiguous()
        self.dtype = x.dtype
        self.steps, self.batch, self.hidden = x.shape[0], x.shape[1], states[0].shape[1]
        self.products = products(x.dtype)
        self.width = self.products.width(self.hidden)
        self.threads = slices(self.batch)
        self.arrays: dict[Place, tuple[Tensor, int]] = {}

    def empty(self, *size: int) -> Tensor:
        return torch.empty(size, dtype=self.dtype)

    def padded(self, values: Tensor) -> Tensor:
        """[.., H] as [.., width], contiguous."""
        if self.width == self.hidden:
            return values.contiguous()
        return torch.nn.functional.pad(values, (0, self.width - self.hidden))

    def cut(self, series: Tensor) -> Tensor:
        return series[..., : self.hidden]

    def columns(self, block: Tensor, product: Product) -> Tensor:
        """[T * B, n * width], the product's part of the block."""
        first = self.phase.columns[product.linears[0]] * self.width
        return block.flatten(0, 1)[:, first : first + len(product.linears) * self.width]

    def column(self, block: Tensor, linear: str) -> Tensor:
        first = self.phase.columns[linear] * self.width
        return block[..., first : first + self.width]

    def weights(self, product: Product) -> list[Tensor]:
        """[H, size of the operand] of each linear; one that takes the operand twice has two, which add up."""
        each = (self._learned(linear, weights_of(self.cell, linear, product.operand)) for linear in product.linears)
        return [sum(others, first) for first, *others in each]

    def packed(self, product: Product) -> Tensor:
        return self.products.packed(self.weights(product))

    def packed_back(self, product: Product) -> Tensor:
        """The weights that lead a gradient back: those of the columns, [size of the operand, n * width]."""
        stacked = self.weights(product)
        if self.width > self.hidden:
            stacked = [torch.nn.functional.pad(each, (0, 0, 0, self.width - self.hidden)) for each in stacked]
        return self.products.packed([torch.cat(stacked).t()])

    def _learned(self, node: str, names: list[str]) -> list[Tensor]:
        return [self.parameters[node][name].detach() for name in names]

    def run(self, name: str, routine: Routine, packed: list[Tensor]) -> Tensor:
        """Call the routine; returns the sums [threads, sums, width]."""
        deepest = max((len(product.linears) for product in routine.weights), default=1) * self.width
        rows = -(-self.batch // self.threads)
        size = self.products.scratch_size(rows, deepest) + routine.temporaries * self.width
        scratch = self.empty(self.threads, size)
        sums = torch.zeros(self.threads, len(routine.sums), self.width, dtype=self.dtype)
        arrays = (_Array * max(1, len(routine.arrays)))(*map(self._described, routine.arrays))
        vectors = [self.padded(*self._learned(place.of, [place.parameter])) for place in routine.vectors]
        weights_at, vectors_at = _pointers(packed), _pointers(vectors)
        about = _Run(
            self.steps, self.batch, self.hidden, self.width, self.threads, self.products.address,
            ctypes.addressof(arrays), ctypes.addressof(weights_at), ctypes.addressof(vectors_at),
            sums.data_ptr(), scratch.data_ptr(), size,
        )  # fmt: skip
        library(_sources(self.cell).text, self.dtype)[name](ctypes.byref(about))
        return sums

    def _described(self, place: Place) -> _Array:
        series, mask = self.arrays[place]
        step, row, _ = series.stride()
        return _Array(series.data_ptr(), step, row, mask)


class Forward(_Pass):
    """The forward pass; `saving` keeps what the reverse pass reads."""

    def __init__(self, cell: Cell, parameters: Parameters, x: Tensor, states: States, saving: bool) -> None:
        super().__init__(cell, parameters, x, states)
        self.saving = saving
        self.block = self._prepared()
        routine = _sources(cell).forward
        self._lay_out(routine)
        self.run("forward", routine, [self.packed(product) for product in routine.weights])

    def output(self) -> Tensor:
        """[T, B, H], not a view, so that a caller may change it in place."""
        place = home(self.phase, self.cell, self.cell.output)
        series = self.arrays[Place(place.kind, place.of)][0]
        return self.cut(series[1:] if place.kind == "state" else series).clone()

    def last(self) -> States:
        return tuple(
            self.cut(self._series(state)[self.steps & self._mask(state)]).clone() for state in self.cell.states
        )

    def kept(self) -> dict[Place, Tensor]:
        """What the reverse pass reads, by place."""
        places = [Place("state", state) for state in self.cell.states]
        places += [place for place in self.arrays if place.kind == "value" and place.of in self.program.stored]
        return {place: self.arrays[place][0] for place in places}

    def _prepared(self) -> Tensor:
        """The block, begun with the products of the input."""
        block = self.empty(self.steps, self.batch, len(self.phase.linears) * self.width)
        for product in self.phase.prepared:
            columns = self.columns(block, product)
            self.products.multiply(torch.get_num_threads(), self.x.flatten(0, 1), self.packed(product), columns, False)
        return block

    def _lay_out(self, routine: Routine) -> None:
        output = home(self.phase, self.cell, self.cell.output)
        for state, initial in zip(self.cell.states, self.states, strict=True):
            every = self.saving or output == Place("state", state, shift=1)
            series = self.empty(self.steps + 1 if every else 2, self.batch, self.width)
            self.cut(series[0]).copy_(initial)
            self.arrays[Place("state", state)] = series, EVERY if every else TWO
        for place in dict.fromkeys([*routine.arrays, Place(output.kind, output.of)]):
            if place.kind == "input":
                self.arrays[place] = self.padded(self.x), EVERY
            elif place.kind == "column":
                self.arrays[place] = self.column(self.block, place.of), EVERY
            elif place.kind == "value":
                every = place == output or self.saving and place.of in self.program.stored
                self.arrays[place] = (
                    self.empty(self.steps if every else 1, self.batch, self.width),
                    EVERY if every else ONE,
                )

    def _series(self, state: str) -> Tensor:
        return self.arrays[Place("state", state)][0]

    def _mask(self, state: str) -> int:
        return self.arrays[Place("state", state)][1]


class Backward(_Pass):
    """The reverse pass over what a forward pass kept. `needs` says of what is given whether its gradient is wanted."""

    def __init__(
        self,
        cell: Cell,
        parameters: Parameters,
        x: Tensor,
        states: States,
        block: Tensor,
        kept: Mapping[Place, Tensor],
        needs: tuple[bool, tuple[bool, ...], Mapping[str, Mapping[str, bool]]],
    ) -> None:
        super().__init__(cell, parameters, x, states)
        self.block, self.kept = block, kept
        self.needs_input, _, self.needs = needs

    def run_back(self, of_output: Tensor, *of_last: Tensor) -> Iterator[Tensor | None]:
        """The gradients of x, the states and the learned arrays."""
        routine = _sources(self.cell).reverse
        self.gradients = self.empty(self.steps, self.batch, len(self.phase.linears) * self.width)
        self._lay_out(routine, of_output, dict(zip(self.cell.states, of_last, strict=True)))
        self.led_back = {product: self.packed_back(product) for product in (*self.phase.prepared, *routine.weights)}
        sums = self.run("reverse", routine, [self.led_back[product] for product in routine.weights]).sum(0)
        learned = {(place.of, place.parameter): self.cut(sums[i]) for i, place in enumerate(routine.sums)}
        learned |= self._weights()
        yield self._of_input() if self.needs_input else None
        for state in self.cell.states:
            yield self.cut(self.arrays[Place("state_gradient", state)][0][0]).clone()
        for node, arrays in self.parameters.items():
            for parameter in arrays:
                yield learned.get((node, parameter))

    def _lay_out(self, routine: Routine, of_output: Tensor, of_last: Mapping[str, Tensor]) -> None:
        for state, gradient in of_last.items():
            two = self.empty(2, self.batch, self.width)
            self.cut(two[self.steps & TWO]).copy_(gradient)
            self.arrays[Place("state_gradient", state)] = two, TWO
        self.arrays |= {place: (series, EVERY) for place, series in self.kept.items()}
        for place in routine.arrays:
            if place.kind == "input":
                self.arrays[place] = self.padded(self.x), EVERY
            elif place.kind == "arrived":
                self.arrays[place] = self.padded(of_output), EVERY
            elif place.kind == "column":
                self.arrays[place] = self.column(self.block, place.of), EVERY
            elif place.kind == "gradient_column":
                self.arrays[place] = self.column(self.gradients, place.of), EVERY
            elif place.kind == "input_gradient":
                self.arrays[place] = self.empty(self.steps, self.batch, self.width), EVERY
            elif place.kind in ("gradient", "returned"):
                self.arrays[place] = self.empty(1, self.batch, self.width), ONE

    def _of_input(self) -> Tensor:
        direct = self.arrays.get(Place("input_gradient", INPUT))
        size = self.x.shape[2]
        total = direct[0] if direct else self.empty(self.steps, self.batch, self.products.width(size))
        if not direct and not self.phase.prepared:
            total.zero_()
        for i, product in enumerate(self.phase.prepared):
            columns = self.columns(self.gradients, product)
            adds = i > 0 or direct is not None
            self.products.multiply(torch.get_num_threads(), columns, self.led_back[product], total.flatten(0, 1), adds)
        return total[..., :size]

    def _weights(self) -> dict[tuple[str, str], Tensor]:
        learned: dict[tuple[str, str], Tensor] = {}
        for product in self.phase.products:
            arrays = {linear: weights_of(self.cell, linear, product.operand) for linear in product.linears}
            if any(self.needs[linear][name] for linear, names in arrays.items() for name in names):
                operand = self._operand(product.operand).flatten(0, 1)
                columns = self.columns(self.gradients, product)
                stacked = self.products.transposed(torch.get_num_threads(), columns, operand)
                for i, (linear, names) in enumerate(arrays.items()):
                    gradient = stacked[i * self.width : i * self.width + self.hidden]
                    learned |= {(linear, name): gradient.clone() if j else gradient for j, name in enumerate(names)}
        return learned

    def _operand(self, name: str) -> Tensor:
        """All steps of a value that a linear takes."""
        if name == INPUT:
            return self.x
        place = home(self.phase, self.cell, name)
        if place.kind == "column":
            return self.cut(self.column(self.block, place.of))
        series = self.kept[Place(place.kind, place.of)]
        steps = series[1:] if place.shift else series[: self.steps]
        return self.cut(steps)


def weights_of(cell: Cell, linear: str, operand: str) -> list[str]:
    """The linear's weights that multiply the operand; several if it is an operand more than once."""
    return [f"weight_{i}" for i, each in enumerate(cell.nodes[linear].operands) if each == operand]


def _pointers(arrays: list[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * max(1, len(arrays)))(*(array.data_ptr() for array in arrays))
