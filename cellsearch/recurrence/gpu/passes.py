"""The two passes of the GPU backend: products for all steps by torch, and between them one launch for all steps.

Series are tensors [steps, B, width] of the precision of x, the block of all linears one [T, B, linears * width].
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from cellsearch.cell import INPUT, Cell
from cellsearch.errors import BackendError
from cellsearch.recurrence.gpu import build
from cellsearch.recurrence.gpu.source import Kernel, Pass, Precision, kernel
from cellsearch.recurrence.gpu.tiles import Card, Sizes, Tiles, choose_tiles, merged
from cellsearch.recurrence.interface import States
from cellsearch.recurrence.plan.plan import Product, weight_names
from cellsearch.recurrence.program.places import Place, home
from cellsearch.recurrence.program.program import Program, program
from cellsearch.recurrence.sequence import Given, Kept, Needs

__all__ = ["CudaLauncher", "GpuBackward", "GpuForward", "Launcher", "made_kernel", "precision_of"]

HALVES: Final[dict[torch.dtype, Precision]] = {torch.bfloat16: "bfloat16", torch.float16: "float16"}


class Launcher(Protocol):
    """Runs a kernel with its arguments; the tests' twin does it on the processor."""

    def card(self, x: Tensor) -> Card:
        """What the kernels for this input have to fit."""

    def prepare(self, made: Sequence[Kernel], x: Tensor) -> None:
        """Make kernels that will be needed ready at once."""

    def launch(self, made: Kernel, teams: int, run: ctypes.Structure, x: Tensor) -> None:
        """Run so many teams."""


class CudaLauncher:
    """Compiles, and launches on torch's present stream.

    Kernels take the `share`-th part of the card's multiprocessors at most, where several trainings are at work on it.
    """

    share = 1

    def card(self, x: Tensor) -> Card:
        """See `Launcher`."""
        card = _card(x.device.index)
        return card._replace(blocks=card.blocks // self.share)

    def prepare(self, made: Sequence[Kernel], x: Tensor) -> None:
        """See `Launcher`."""
        build.compile_all(tuple(each.text for each in made), _architecture(x.device.index))

    def launch(self, made: Kernel, teams: int, run: ctypes.Structure, x: Tensor) -> None:
        """See `Launcher`."""
        tiles, device = made.tiles, x.device.index
        cluster = tiles.team if tiles.clusters else 1
        function = build.loaded(made.text, made.name, _architecture(device), tiles.shared, cluster, device)
        build.launch(
            function, teams * tiles.team, tiles.threads, tiles.shared, cluster, tiles.team > cluster,
            torch.cuda.current_stream(device).cuda_stream, ctypes.addressof(run),
        )  # fmt: skip


@lru_cache
def _card(device: int) -> Card:
    about = torch.cuda.get_device_properties(device)
    shared: int = about.shared_memory_per_block_optin  # type: ignore[attr-defined]
    return Card(about.multi_processor_count, shared, about.major >= 9)


@lru_cache
def _architecture(device: int) -> str:
    major, minor = torch.cuda.get_device_capability(device)
    return f"sm_{major}{minor}"


def precision_of(dtype: torch.dtype) -> Precision:
    """How products are computed: for float32 as torch is told to (`torch.set_float32_matmul_precision`)."""
    exact = torch.get_float32_matmul_precision() == "highest"
    return HALVES.get(dtype) or ("float32" if exact else "tf32")


@lru_cache(maxsize=2048)
def made_kernel(
    cell: Cell, name: Pass, sizes: Sizes, precision: Precision, card: Card, tiles: Tiles | None = None
) -> Kernel | None:
    """The kernel of a pass at these sizes; None if the card cannot hold its weights."""
    made = program(cell)
    groups = made.forward if name == "forward" else made.reverse
    chosen = tiles or choose_tiles(groups, sizes, card)
    return None if chosen is None else kernel(made, name, sizes, chosen, precision)


class Layout:
    """What of a cell is the same at every call: its program, and of products columns, arrays and operands' places."""

    def __init__(self, cell: Cell) -> None:
        self.program: Program = program(cell)
        self.phase = self.program.phase
        self.columns = self.phase.columns
        self.output = home(self.phase, cell, cell.output)
        calls = (*self.program.forward, *self.program.reverse)
        merging = [call.product for group in calls for call in merged(group.calls)]
        every = {*self.phase.products, *(call.product for call in self.program.prepared), *merging}
        self.arrays = {
            product: {linear: weight_names(cell, linear, product.operand) for linear in product.linears}
            for product in every
        }
        self.homes = {product.operand: home(self.phase, cell, product.operand) for product in every}


@lru_cache(maxsize=1024)
def layout(cell: Cell) -> Layout:
    """The layout of a resolved cell whose linears are all plain ones."""
    return Layout(cell)


class _GpuPass:
    """What both passes share: sizes, series by place, and how a kernel is called."""

    def __init__(self, given: Given, launcher: Launcher) -> None:
        self.cell, self.parameters, x, self.states = given
        self.x, self.launcher = x.contiguous(), launcher
        self.layout = layout(self.cell)
        self.program, self.phase = self.layout.program, self.layout.phase
        self.steps, self.batch, self.inputs = x.shape
        self.hidden = self.states[0].shape[1]
        self.sizes = Sizes(self.batch, self.hidden, x.element_size())
        self.width = self.sizes.width
        self.series: dict[Place, Tensor] = {Place("input", INPUT): self.x}

    def kernel(self, name: Pass, tiles: Tiles | None) -> Kernel:
        """The kernel of a pass. Raises BackendError if the card cannot hold it."""
        card, precision = self.launcher.card(self.x), precision_of(self.x.dtype)
        made = made_kernel(self.cell, name, self.sizes, precision, card, tiles)
        if made is None:
            raise BackendError(
                f"the card cannot hold the weights of cell {self.cell.name!r} at hidden size {self.hidden}"
            )
        return made

    def new(self, *size: int) -> Tensor:
        return self.x.new_empty(size)

    def lay_block(self, kind: str, block: Tensor) -> None:
        """The linears' columns of a block [T, B, linears * width]."""
        for linear, column in zip(self.phase.linears, torch.split(block, self.width, -1), strict=True):
            self.series[Place(kind, linear)] = column  # type: ignore[arg-type]

    def columns(self, block: Tensor, product: Product) -> Tensor:
        """[T * B, n * width] of a block."""
        first = self.layout.columns[product.linears[0]] * self.width
        return block.view(-1, block.shape[-1])[:, first : first + len(product.linears) * self.width]

    def weights(self, product: Product) -> Tensor:
        """[n * width, size of the operand] of a product, padded by zeros in both directions for the operand's width."""
        arrays = [self._weight(linear, names) for linear, names in self.layout.arrays[product].items()]
        wanted = (self.width, self.inputs if product.operand == INPUT else self.width)
        if arrays[0].shape != wanted:
            height, size = arrays[0].shape
            arrays = [pad(array, (0, wanted[1] - size, 0, wanted[0] - height)) for array in arrays]
        return torch.cat(arrays) if len(arrays) > 1 else arrays[0].contiguous()

    def _weight(self, linear: str, names: tuple[str, ...]) -> Tensor:
        first, *others = (self.parameters[linear][name] for name in names)
        return sum(others, first)

    def run(self, made: Kernel, weights: list[Tensor], sums: Tensor | None = None) -> None:
        """Call a kernel with its arrays, weights and vectors."""
        tiles = made.tiles
        teams = -(-self.batch // tiles.rows)
        arrays = [self.series[place].data_ptr() for place in made.arrays]
        vectors = [self.parameters[place.of][place.parameter].contiguous() for place in made.vectors]
        exchanged = None
        if made.exchanges:
            exchanged = self.x.new_empty(made.exchanges * 2 * teams * tiles.rows * self.width, dtype=torch.float32)
        counters = self.x.new_zeros(teams, dtype=torch.int32) if tiles.team > 1 and not tiles.clusters else None
        run = _arguments(len(arrays), len(weights), len(vectors))(
            self.steps, self.batch, _pointers(arrays), _pointers([w.data_ptr() for w in weights]),
            _pointers([v.data_ptr() for v in vectors]), *map(_address, (sums, exchanged, counters)),
        )  # fmt: skip
        self.launcher.launch(made, teams, run, self.x)


class GpuForward(_GpuPass):
    """The forward pass; with `saving` the reverse pass will follow."""

    def __init__(self, given: Given, launcher: Launcher, saving: bool, tiles: Tiles | None = None) -> None:
        super().__init__(given, launcher)
        made = self.kernel("forward", tiles)
        launcher.prepare([made, self.kernel("reverse", None)] if saving else [made], self.x)
        self.block = self.new(self.steps, self.batch, len(self.phase.linears) * self.width)
        if self.phase.linears:
            self.lay_block("column", self.block)
        for state, initial in zip(self.cell.states, self.states, strict=True):
            series = self.series[Place("state", state)] = self.new(self.steps + 1, self.batch, self.width)
            series[0, :, : self.hidden] = initial
            if self.width > self.hidden:
                series[0, :, self.hidden :] = 0
        for place in made.arrays:
            if place not in self.series:
                self.series[place] = self.new(self.steps, self.batch, self.width)
        x = self.x.view(-1, self.inputs)
        for call in self.program.prepared:
            torch.mm(x, self.weights(call.product).t(), out=self.columns(self.block, call.product))
        self.run(made, [self.weights(product) for product in made.weights])

    def output(self) -> Tensor:
        """[T, B, H], contiguous."""
        place = self.layout.output
        series = self.series[Place(place.kind, place.of)][place.shift :]
        return series[: self.steps, :, : self.hidden].contiguous()

    def last(self) -> States:
        """The states after the last step, each of its own memory."""
        return tuple(self.series[Place("state", s)][self.steps, :, : self.hidden].clone() for s in self.cell.states)

    def kept(self) -> dict[str, Tensor]:
        """What the reverse pass reads, by kind and name."""
        made = {f"{p.kind} {p.of}": a for p, a in self.series.items() if p.kind in ("state", "value")}
        return made | {"block": self.block}


class GpuBackward(_GpuPass):
    """The reverse pass over what a forward pass kept. `needs` says of what is given whether its gradient is wanted."""

    def __init__(self, given: Given, kept: Kept, needs: Needs, launcher: Launcher, tiles: Tiles | None = None) -> None:
        super().__init__(given, launcher)
        self.needs_input, _, self.needs = needs
        self.tiles = tiles
        for name, array in kept.items():
            if name == "block":
                if self.phase.linears:
                    self.lay_block("column", array)
            else:
                kind, of = name.split(" ", 1)
                self.series[Place(kind, of)] = array  # type: ignore[arg-type]

    def run_back(self, of_output: Tensor, *of_last: Tensor) -> Iterator[Tensor | None]:
        """The gradients of x, the states and the learned arrays."""
        made = self.kernel("reverse", self.tiles)
        self.series[Place("arrived", self.cell.output)] = of_output.contiguous()
        block = self.new(self.steps, self.batch, len(self.phase.linears) * self.width)
        if self.phase.linears:
            self.lay_block("gradient_column", block)
        for state, gradient in zip(self.cell.states, of_last, strict=True):
            self.series[Place("state_gradient", state)] = pad(gradient, (0, self.width - self.hidden)).clone()
        of_input: Tensor | None = None
        if Place("input_gradient", INPUT) in made.arrays:
            of_input = self.series[Place("input_gradient", INPUT)] = torch.empty_like(self.x)
        count = len(made.sums)
        sums = self.x.new_empty(self.batch, count, self.width, dtype=torch.float32) if count else None
        self.run(made, [self.weights(product).t().contiguous() for product in made.weights], sums)
        yield self._of_input(block, of_input) if self.needs_input else None
        for state in self.cell.states:
            yield self.series[Place("state_gradient", state)][:, : self.hidden]
        learned = self._learned(block)
        if sums is not None:
            of_vectors = sums.sum(0)[:, : self.hidden].to(self.x.dtype)
            learned |= {(place.of, place.parameter): each for place, each in zip(made.sums, of_vectors, strict=True)}
        for node, arrays in self.parameters.items():
            for parameter in arrays:
                yield learned.get((node, parameter))

    def _of_input(self, block: Tensor, found: Tensor | None) -> Tensor | None:
        for call in self.program.prepared:
            columns, weights = self.columns(block, call.product), self.weights(call.product)
            if found is None:
                found = (columns @ weights).view(self.x.shape)
            else:
                found.view(-1, self.inputs).addmm_(columns, weights)
        return found

    def _learned(self, block: Tensor) -> dict[tuple[str, str], Tensor]:
        """The gradients of weights."""
        learned: dict[tuple[str, str], Tensor] = {}
        for product in self.phase.products:
            arrays = self.layout.arrays[product]
            if any(self.needs[linear][name] for linear, names in arrays.items() for name in names):
                stacked = self.columns(block, product).t() @ self._operand(product.operand)
                for i, (linear, names) in enumerate(arrays.items()):
                    gradient = stacked[i * self.width : i * self.width + self.hidden]
                    learned |= {(linear, name): gradient.clone() if j else gradient for j, name in enumerate(names)}
        return learned

    def _operand(self, name: str) -> Tensor:
        """[T * B, size] of all steps of a value."""
        if name == INPUT:
            return self.x.view(-1, self.inputs)
        place = self.layout.homes[name]
        series = self.series[Place(place.kind, place.of)][place.shift :][: self.steps]
        return series.reshape(-1, self.width)[:, : self.hidden]


@lru_cache
def _arguments(arrays: int, weights: int, vectors: int) -> type[ctypes.Structure]:
    """The kernel's `run`."""

    class Run(ctypes.Structure):
        _fields_ = [
            ("T", ctypes.c_int),
            ("B", ctypes.c_int),
            ("arrays", ctypes.c_void_p * max(1, arrays)),
            ("weights", ctypes.c_void_p * max(1, weights)),
            ("vectors", ctypes.c_void_p * max(1, vectors)),
            ("sums", ctypes.c_void_p),
            ("exchanged", ctypes.c_void_p),
            ("counters", ctypes.c_void_p),
        ]

    return Run


def _address(array: Tensor | None) -> int:
    return 0 if array is None else array.data_ptr()


def _pointers(addresses: list[int]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * max(1, len(addresses)))(*addresses)
