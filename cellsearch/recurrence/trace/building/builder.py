"""The nodes of a cell as they are found in a module's graph, behind values that are numbers of units.

An elementwise operation finds the nodes behind the units of its operands and becomes one node for each hidden size of
them; a matrix product is measured, and its rows become linears as they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import INPUT
from cellsearch.cell.ops import BLOCK_LINEAR
from cellsearch.recurrence.trace.building.lines import Line, UnsupportedError
from cellsearch.recurrence.trace.building.products import Product, composed, diagonal_blocks
from cellsearch.recurrence.trace.building.values import Known, ResultShape, TracedNode, Value

__all__ = ["BATCH", "CellBuilder"]

BATCH: Final = 2
"""Sequences in the batch on which torch moves numbers of units: two show that none reaches into another."""

SECOND: Final = 1 << 40
"""Added to the numbers of units in the second sequence."""


@dataclass(frozen=True)
class _Source:
    """An input, state or node; `alike` units side by side are equal, as those of a mean are."""

    name: str
    width: int
    alike: int = 1


class CellBuilder:
    """Builds a cell node by node, each named by a number that a variable's name replaces later."""

    def __init__(
        self, input_size: int, hidden_size: int, states: Sequence[str], line: Line, dtype: torch.dtype
    ) -> None:
        self.hidden_size = hidden_size
        self.dtype = dtype
        self.states = tuple(states)
        self.nodes: dict[str, TracedNode] = {}
        self.line = line
        """The line of source that is read."""
        self.notes: list[str] = []
        """How the cell learns otherwise than the module."""
        self._used: dict[int, Tensor] = {}
        self._frozen: set[int] = set()
        self._makers: dict[int, _Source | Product] = {}
        self._maker_of: list[int] = []
        self._rows: dict[tuple[int, ...], str] = {}
        self._shared: dict[tuple[str, tuple[str, ...], float], str] = {}
        self._values: dict[str, Value] = {}
        for name in states:
            self._made(_Source(name, hidden_size))
        self._made(_Source(INPUT, input_size))

    def elementwise(
        self,
        op: str,
        values: Sequence[Value],
        result: ResultShape,
        vectors: Mapping[str, Known] | None = None,
        constant: float = 1.0,
    ) -> Value:
        """One node for each hidden size of units of the result.

        Of values that are the same at many units the result is too: it may have one place for all of them.
        """
        units = [_broadcast(value, result) for value in values]
        repeated = self.hidden_size // len(units[0]) if self.hidden_size % len(units[0]) == 0 else 1
        alike = min(map(self._alike, units)) if not vectors else 1
        if repeated > 1 and alike % repeated:
            raise UnsupportedError(
                f"its result has {len(units[0])} units, the hidden size is {self.hidden_size}; pass it through a Linear"
            )
        operands = [self._whole_nodes(each.repeat_interleave(repeated), op) for each in units]
        learned = {
            name: torch.split(self._vector(known, result), self.hidden_size) for name, known in (vectors or {}).items()
        }
        made = []
        for i, names in enumerate(zip(*operands, strict=True)):
            node = TracedNode(op, names, self.line, {name: each[i] for name, each in learned.items()}, constant)
            made.append(self._add(node, alike).units)
        return Value(torch.cat(made)[::repeated].reshape(result.units), result.batch)

    def mean(self, value: Value, over: Sequence[int], result: ResultShape) -> Value:
        """The mean over some dimensions of a value (its batch left out): one node a hidden size, or for its groups."""
        kept = [place for place in range(value.units.dim()) if place not in over]
        rows = value.units.permute(*kept, *over).reshape(prod(value.units.shape[place] for place in kept), -1)
        means = [self._mean_of(row.sort().values) for row in rows]
        return Value(torch.stack(means).reshape(result.units), result.batch)

    def product(
        self,
        value: Value,
        run: Callable[[Tensor, int], Tensor],
        result: ResultShape,
        weights: int,
        bias: Known | None = None,
    ) -> Value:
        """What `run`, linear in its first argument, makes of a value; its matrices are what it makes of each unit.

        `run` takes a tensor in the shape of the value, for a batch of the size that is its second argument. `weights`
        is the number of weights that it has. A learned `bias` is added.
        """
        flat = value.units.flatten()

        def matrix(places: Tensor) -> Tensor:
            one_hot = torch.eye(len(flat), dtype=self.dtype)[places].reshape(len(places), *value.units.shape)
            image = run(one_hot.movedim(0, value.batch), len(places)).movedim(result.batch, 0)
            return image.reshape(len(places), -1).T.contiguous()

        vector = None if bias is None else self._vector(bias, result)
        matrices, inner = self._factors(flat, matrix)
        if not inner and sum(each.numel() for each in matrices.values()) > weights:
            units = self._structured(matrices, weights, vector)
        else:
            if any(not each.is_narrow(rows, self.hidden_size) for each, rows, _ in inner):
                self.note("multiplies what was multiplied before; the cell learns one matrix for both")
            units = self._made(composed(prod(result.units), self.hidden_size, matrices, inner, vector))
        return Value(units.reshape(result.units), result.batch)

    def scaled(self, value: Value, factor: Known | None, added: Known | None, result: ResultShape) -> Value | None:
        """A value that is no gate, such as the input, times and plus what does not change: part of the next product.

        None where a node of its own can compute it.
        """
        flat = value.units.flatten()
        if self._is_whole(flat):
            return None

        def vector(known: Known) -> Tensor:
            tensor = self.use(known) if known.learned else known.tensor
            return tensor.to(self.dtype).broadcast_to(result.shape).flatten()

        by = vector(factor) if factor else torch.ones(len(flat), dtype=self.dtype)
        matrices, inner = self._factors(flat, lambda places: torch.diag(by)[:, places])
        shift = vector(added) if added else None
        made = composed(len(flat), self.hidden_size, matrices, inner, shift)
        units = self._made(replace(made, only_inside=True))
        return Value(units.reshape(result.units), result.batch)

    def parameter(self, tensor: Tensor, frozen: bool = False) -> Known:
        """A parameter of the module, of which nothing is used yet."""
        self._used[tensor.data_ptr()] = torch.zeros(tensor.numel(), dtype=torch.bool)
        if frozen:
            self._frozen.add(tensor.data_ptr())
        return Known(tensor, learned=True)

    def use(self, known: Known) -> Tensor:
        """A known tensor as learned numbers of the cell; notes where the module learns them otherwise."""
        tensor = known.tensor
        place = tensor.untyped_storage().data_ptr()
        used = self._used.get(place)
        if place in self._frozen:
            self.note("uses a parameter that is frozen; the cell learns it")
        if used is None:
            self.note("is computed from parameters; the cell learns the result itself")
        else:
            mine = used.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
            if mine.any():
                self.note("uses a parameter once more; the cell learns it for each place by itself")
            mine.fill_(True)
        return tensor

    def moved(self, value: Value) -> Tensor:
        """The numbers of a value's units as a tensor with a batch, for torch to move."""
        return torch.stack([value.units, value.units + SECOND], value.batch)

    def after_move(self, numbers: Tensor, batch: int) -> Value:
        """The value that torch has moved; raises UnsupportedError if sequences got mixed."""
        first, second = numbers.unbind(batch)
        if not torch.equal(first + SECOND, second):
            raise UnsupportedError(
                "it mixes the sequences of a batch; a cell takes each by itself, so work along the units alone"
            )
        return Value(first, batch)

    def whole(self, value: Value) -> list[str]:
        """The nodes or sources that a result [B, n H] is."""
        return self._whole_nodes(value.units.flatten(), "the result")

    def node(self, value: Value) -> str:
        """The one node or source that a value [B, H] is."""
        names = self.whole(value)
        if len(names) != 1:
            raise UnsupportedError(f"it has {len(names)} times the hidden size, where it is needed once; take a part")
        return names[0]

    def value(self, name: str) -> Value:
        """The value of a node or source."""
        return self._values[name]

    def note(self, what: str) -> None:
        """Tell how the cell learns otherwise than the module at the line that is read."""
        note = f"{self.line} {what}"
        if note not in self.notes:
            self.notes.append(note)

    def _add(self, node: TracedNode, alike: int = 1) -> Value:
        name = f"_{len(self.nodes)}"
        self.nodes[name] = node
        self._made(_Source(name, self.hidden_size, alike))
        return self._values[name]

    def _made(self, maker: _Source | Product) -> Tensor:
        start = len(self._maker_of)
        self._makers[start] = maker
        self._maker_of.extend([start] * maker.width)
        units = torch.arange(start, start + maker.width)
        if isinstance(maker, _Source):
            self._values[maker.name] = Value(units)
        return units

    def _whole_nodes(self, flat: Tensor, user: str) -> list[str]:
        """The nodes that a row of units consists of, each of hidden size."""
        parts = self._split(flat)
        for name, numbers in parts:
            if len(numbers) != self.hidden_size:
                raise UnsupportedError(
                    f"{user} takes {_shown(name)} with {len(numbers)} units, the hidden size is {self.hidden_size}; "
                    "pass it through a Linear first"
                )
        return [name for name, _ in parts]

    def _split(self, flat: Tensor) -> list[tuple[str, Tensor]]:
        """Sources and nodes in a row of units, each whole and in order, with the numbers of their units."""
        parts, place = [], 0
        while place < len(flat):
            start, maker = self._maker(flat[place])
            width = maker.width if isinstance(maker, _Source) else self.hidden_size
            numbers = flat[place : place + width]
            if isinstance(maker, _Source):
                if not self._is_all_of(start, maker, numbers):
                    raise UnsupportedError(
                        f"it takes only some of the {width} units of {_shown(maker.name)}, or shuffles them; pass all"
                        " of them through a Linear"
                    )
                parts.append((maker.name, numbers))
            else:
                parts.append((self._cut(start, maker, numbers), numbers))
            place += width
        return parts

    def _maker(self, unit: Tensor | int) -> tuple[int, _Source | Product]:
        start = self._maker_of[int(unit)]
        return start, self._makers[start]

    def _is_all_of(self, start: int, source: _Source, numbers: Tensor) -> bool:
        """Whether these are the source's units in order, or such as are equal to them."""
        groups = torch.div(numbers - start, source.alike, rounding_mode="floor")
        return torch.equal(groups, torch.arange(source.width) // source.alike)

    def _makers_of(self, flat: Tensor) -> list[_Source | Product]:
        """What a row of units is from, each once."""
        return [self._makers[start] for start in {self._maker_of[unit] for unit in flat.tolist()}]

    def _is_whole(self, flat: Tensor) -> bool:
        """Whether a row of units consists of gates, which an operation takes unit by unit."""
        size = self.hidden_size
        return all(
            maker.width == size if isinstance(maker, _Source) else not (maker.only_inside or maker.width % size)
            for maker in self._makers_of(flat)
        )

    def _alike(self, flat: Tensor) -> int:
        """How many units side by side are equal in all that a row of units is from."""
        return min(maker.alike if isinstance(maker, _Source) else 1 for maker in self._makers_of(flat))

    def _mean_of(self, numbers: Tensor) -> Tensor:
        """A unit of the mean of some units, which are whole nodes or a group of one."""
        if len(numbers) % self.hidden_size == 0:
            nodes = self._whole_nodes(numbers, "mean")
            means = [self._once("mean", (node,), self.hidden_size) for node in nodes]
            total = means[0]
            for each in means[1:]:
                total = self._once("sum", (total, each), self.hidden_size)
            share = 1 / len(means)
            total = total if share == 1 else self._once("times_constant", (total,), self.hidden_size, share)
            return self._values[total].units[0]
        groups, rest = divmod(self.hidden_size, len(numbers))
        start, _ = self._maker(numbers[0])
        place = int(numbers[0]) - start
        first = start + place // self.hidden_size * self.hidden_size
        together = torch.equal(numbers, torch.arange(len(numbers)) + numbers[0])
        if rest or not together or (int(numbers[0]) - first) % len(numbers):
            raise UnsupportedError(
                f"it takes the mean of {len(numbers)} units, the hidden size is {self.hidden_size}; a cell has means "
                "over all units, or over equal groups of neighbours"
            )
        (node,) = self._whole_nodes(torch.arange(first, first + self.hidden_size), "mean")
        made = self._once("group_mean", (node,), len(numbers), groups)
        return self._values[made].units[int(numbers[0]) - first]

    def _once(self, op: str, operands: tuple[str, ...], alike: int, constant: float = 1.0) -> str:
        """The name of such a node, made if there is none yet."""
        key = (op, operands, constant)
        if key not in self._shared:
            self._shared[key] = self.node(self._add(TracedNode(op, operands, self.line, constant=constant), alike))
        return self._shared[key]

    def _factors(
        self, flat: Tensor, matrix: Callable[[Tensor], Tensor]
    ) -> tuple[dict[str, Tensor], list[tuple[Product, Tensor, Tensor]]]:
        """What a product multiplies: whole sources, each by its matrix, and rows of other products by theirs.

        `matrix` is what the product makes of the units at some places of the row.
        """
        matrices: dict[str, Tensor] = {}
        inner = []
        place = 0
        while place < len(flat):
            start, maker = self._maker(flat[place])
            rows = _run_of(flat[place:], start, maker.width)
            if isinstance(maker, Product) and (maker.only_inside or len(rows) % self.hidden_size):
                inner.append((maker, rows - start, matrix(torch.arange(place, place + len(rows)))))
                place += len(rows)
                continue
            width = maker.width if isinstance(maker, _Source) else self.hidden_size
            ((name, numbers),) = self._split(flat[place : place + width])
            found = matrix(torch.arange(place, place + len(numbers)))
            matrices[name] = matrices[name] + found if name in matrices else found
            place += width
        return matrices, inner

    def _cut(self, start: int, product: Product, numbers: Tensor) -> str:
        """The linear of some rows of a product."""
        rows = numbers - start
        if len(rows) != self.hidden_size or int(rows.min()) < 0 or int(rows.max()) >= product.width:
            raise UnsupportedError(
                f"it takes parts of a product with {product.width} rows that are no whole gates; the hidden size is "
                f"{self.hidden_size}, and a gate has as many rows: choose a width that is a multiple of it"
            )
        if product.only_inside:
            raise UnsupportedError(
                f"it takes {product.width} units that are no gates, the hidden size is {self.hidden_size}; choose a "
                "width that is a multiple of it, or pass them through a Linear first"
            )
        key = tuple(numbers.tolist())
        if key not in self._rows:
            self._rows[key] = self._linear(product, rows)
        return self._rows[key]

    def _linear(self, product: Product, rows: Tensor) -> str:
        """The node that is some rows of a product: a linear, low-rank linears, or their sum."""
        first, *others = product.linears(rows, self.line)
        total = self.node(self._add(first))
        for each in others:
            total = self.node(self._add(TracedNode("sum", (total, self.node(self._add(each))), self.line)))
        return total

    def _structured(self, matrices: Mapping[str, Tensor], weights: int, bias: Tensor | None) -> Tensor:
        """The units of a block-diagonal linear; raises UnsupportedError where the matrices are none."""
        (name, matrix), *others = matrices.items()
        blocks = None if others or len(matrix) != self.hidden_size else diagonal_blocks(matrix, weights)
        if blocks is None:
            entries = sum(matrix.numel() for matrix in matrices.values())
            raise UnsupportedError(
                f"its {weights} weights make matrices of {entries} entries, and a linear learns each; use nn.Linear"
            )
        learned = {f"block_{i}": block for i, block in enumerate(blocks)}
        node = TracedNode(BLOCK_LINEAR, (name,), self.line, learned, constant=len(blocks))
        return self._add(node if bias is None else replace(node, learned={**learned, "bias": bias})).units

    def _vector(self, known: Known, result: ResultShape) -> Tensor:
        """A known tensor as a learned number for each unit of the result."""
        if not known.learned:
            raise UnsupportedError("it uses a fixed vector, and a cell's vectors are learned; make it an nn.Parameter")
        shape = list(result.shape)
        shape[result.batch] = BATCH
        tensor = self.use(known)
        if tensor.numel() < self.hidden_size:
            self.note("uses a parameter for many units; the cell learns one for each")
        first, second = tensor.broadcast_to(shape).unbind(result.batch)
        if not torch.equal(first, second):
            raise UnsupportedError("its parameter differs between the sequences of a batch")
        return first.flatten()


def _broadcast(value: Value, result: ResultShape) -> Tensor:
    with_batch = value.units.unsqueeze(value.batch)
    if value.batch + len(result.shape) - with_batch.dim() != result.batch:
        raise UnsupportedError(
            "it mixes the sequences of a batch; a cell takes each by itself, so work along the units alone"
        )
    return with_batch.broadcast_to(result.shape).flatten()


def _run_of(flat: Tensor, start: int, width: int) -> Tensor:
    """The units at the beginning of a row that are of one maker."""
    inside = (flat >= start) & (flat < start + width)
    return flat if inside.all() else flat[: int(inside.long().argmin())]


def _shown(name: str) -> str:
    return "a node" if name.startswith("_") else repr(name)
