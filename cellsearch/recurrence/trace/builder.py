"""The nodes of a cell as they are found in a module's graph, behind values that are numbers of units.

An elementwise operation finds the nodes behind the units of its operands and becomes one node for each hidden size of
them; a matrix product is measured, and its rows become linears as they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import INPUT, LINEAR
from cellsearch.cell.ops import BLOCK_LINEAR
from cellsearch.recurrence.trace.calls import Line, UnsupportedError
from cellsearch.recurrence.trace.values import Known, ResultShape, TracedNode, Value

__all__ = ["BATCH", "CellBuilder"]

BATCH: Final = 2
"""Sequences in the batch on which torch moves numbers of units: two show that none reaches into another."""

SECOND: Final = 1 << 40
"""Added to the numbers of units in the second sequence."""


@dataclass(frozen=True)
class _Source:
    """An input, state or node."""

    name: str
    width: int


@dataclass(frozen=True)
class _Product:
    """Matrix products, summed: rows of them become linears as they are used.

    weights: [rows, size of the operand], bias: [rows].
    """

    operands: tuple[str, ...]
    weights: tuple[Tensor, ...]
    bias: Tensor | None = None

    @property
    def width(self) -> int:
        """Rows."""
        return self.weights[0].shape[0]


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
        self._makers: dict[int, _Source | _Product] = {}
        self._maker_of: list[int] = []
        self._rows: dict[tuple[int, ...], str] = {}
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
        """One node for each hidden size of units of the result."""
        operands = [self._whole_nodes(_broadcast(value, result), op) for value in values]
        learned = {
            name: torch.split(self._vector(known, result), self.hidden_size) for name, known in (vectors or {}).items()
        }
        made = []
        for i, names in enumerate(zip(*operands, strict=True)):
            node = TracedNode(op, names, self.line, {name: each[i] for name, each in learned.items()}, constant)
            made.append(self._add(node).units)
        return Value(torch.cat(made).reshape(_without(result.shape, result.batch)), result.batch)

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
        matrices = {}
        for name, numbers in self._split(flat):
            one_hot = (flat == numbers[:, None]).reshape(len(numbers), *value.units.shape)
            image = run(one_hot.to(self.dtype).movedim(0, value.batch), len(numbers)).movedim(result.batch, 0)
            matrices[name] = image.reshape(len(numbers), -1).T.contiguous()
        vector = None if bias is None else self._vector(bias, result)
        if sum(matrix.numel() for matrix in matrices.values()) > weights:
            units = self._structured(matrices, weights, vector)
        else:
            units = self._made(_Product(tuple(matrices), tuple(matrices.values()), vector))
        return Value(units.reshape(_without(result.shape, result.batch)), result.batch)

    def parameter(self, tensor: Tensor) -> Known:
        """A parameter of the module, of which nothing is used yet."""
        self._used[tensor.data_ptr()] = torch.zeros(tensor.numel(), dtype=torch.bool)
        return Known(tensor, learned=True)

    def use(self, known: Known) -> Tensor:
        """A known tensor as learned numbers of the cell; notes where the module learns them otherwise."""
        tensor = known.tensor
        used = self._used.get(tensor.untyped_storage().data_ptr())
        if used is None:
            self._note("is computed from parameters; the cell learns the result itself")
        else:
            mine = used.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
            if mine.any():
                self._note("uses a parameter once more; the cell learns it for each place by itself")
            mine.fill_(True)
        return tensor

    def moved(self, value: Value) -> Tensor:
        """The numbers of a value's units as a tensor with a batch, for torch to move."""
        return torch.stack([value.units, value.units + SECOND], value.batch)

    def after_move(self, numbers: Tensor, batch: int) -> Value:
        """The value that torch has moved; raises UnsupportedError if sequences got mixed."""
        first, second = numbers.unbind(batch)
        if not torch.equal(first + SECOND, second):
            raise UnsupportedError("it mixes the sequences of a batch; a cell takes each by itself")
        return Value(first, batch)

    def node(self, value: Value) -> str:
        """The one node or source that a value [B, H] is."""
        names = self._whole_nodes(value.units.flatten(), "the result")
        if len(names) != 1:
            raise UnsupportedError(f"it has {len(names)} times the hidden size; a state and the output have it once")
        return names[0]

    def value(self, name: str) -> Value:
        """The value of a node or source."""
        return self._values[name]

    def _note(self, what: str) -> None:
        note = f"{self.line} {what}"
        if note not in self.notes:
            self.notes.append(note)

    def _add(self, node: TracedNode) -> Value:
        name = f"_{len(self.nodes)}"
        self.nodes[name] = node
        self._made(_Source(name, self.hidden_size))
        return self._values[name]

    def _made(self, maker: _Source | _Product) -> Tensor:
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
                    f"{user} takes {name!r} with {len(numbers)} units, the hidden size is {self.hidden_size}; pass it "
                    "through a Linear first"
                )
        return [name for name, _ in parts]

    def _split(self, flat: Tensor) -> list[tuple[str, Tensor]]:
        """Sources and nodes in a row of units, each whole and in order, with the numbers of their units."""
        parts, place = [], 0
        while place < len(flat):
            start = self._maker_of[int(flat[place])]
            maker = self._makers[start]
            width = maker.width if isinstance(maker, _Source) else self.hidden_size
            numbers = flat[place : place + width]
            if isinstance(maker, _Source):
                if not torch.equal(numbers, torch.arange(start, start + width)):
                    raise UnsupportedError(
                        f"it takes only some of the {width} units of {_shown(maker.name)}, or shuffles them"
                    )
                parts.append((maker.name, numbers))
            else:
                parts.append((self._cut(start, maker, numbers), numbers))
            place += width
        return parts

    def _cut(self, start: int, product: _Product, numbers: Tensor) -> str:
        """The linear of some rows of a product."""
        rows = numbers - start
        if len(rows) != self.hidden_size or int(rows.min()) < 0 or int(rows.max()) >= product.width:
            raise UnsupportedError(
                f"it takes parts of a product with {product.width} rows that are no whole gates; the hidden size is "
                f"{self.hidden_size}, and a gate has as many rows"
            )
        key = tuple(numbers.tolist())
        if key not in self._rows:
            learned = {f"weight_{i}": weight[rows] for i, weight in enumerate(product.weights)}
            if product.bias is not None:
                learned["bias"] = product.bias[rows]
            self._rows[key] = self.node(self._add(TracedNode(LINEAR, product.operands, self.line, learned)))
        return self._rows[key]

    def _structured(self, matrices: Mapping[str, Tensor], weights: int, bias: Tensor | None) -> Tensor:
        """The units of a block-diagonal linear; raises UnsupportedError where the matrices are none."""
        (name, matrix), *others = matrices.items()
        blocks = None if others or len(matrix) != self.hidden_size else _diagonal_blocks(matrix, weights)
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
            self._note("uses a parameter for many units; the cell learns one for each")
        first, second = tensor.broadcast_to(shape).unbind(result.batch)
        if not torch.equal(first, second):
            raise UnsupportedError("its parameter differs between the sequences of a batch")
        return first.flatten()


def _broadcast(value: Value, result: ResultShape) -> Tensor:
    with_batch = value.units.unsqueeze(value.batch)
    if value.batch + len(result.shape) - with_batch.dim() != result.batch:
        raise UnsupportedError("it mixes the sequences of a batch; a cell takes each by itself")
    return with_batch.broadcast_to(result.shape).flatten()


def _without(shape: tuple[int, ...], place: int) -> tuple[int, ...]:
    return shape[:place] + shape[place + 1 :]


def _shown(name: str) -> str:
    return "a node" if name.startswith("_") else repr(name)


def _diagonal_blocks(matrix: Tensor, weights: int) -> list[Tensor] | None:
    """The equal blocks of a block-diagonal matrix [rows, columns] that has so many weights; None if it is no such."""
    rows, columns = matrix.shape
    count = rows * columns // weights
    if count * weights != rows * columns or rows % count or columns % count:
        return None
    blocks = [strip.chunk(count, 1)[i] for i, strip in enumerate(matrix.chunk(count, 0))]
    whole: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]
    return [block.contiguous() for block in blocks] if torch.equal(whole, matrix) else None
