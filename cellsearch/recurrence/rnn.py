"""RNN: any cell as a module with the interface of `torch.nn.LSTM`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellsearch.cell import LINEAR, Cell, to_json
from cellsearch.cell.cell import expect_cell
from cellsearch.cell.complexity import parameter_shapes
from cellsearch.recurrence import operator
from cellsearch.recurrence.backends import choose
from cellsearch.recurrence.interface import States
from cellsearch.recurrence.packed import run_packed
from cellsearch.recurrence.reference import REFERENCE, prepare
from cellsearch.recurrence.structured import dense, plain

__all__ = ["RNN", "Layer"]

Given = Tensor | tuple[Tensor, ...]
"""States as a caller writes them: [layers * directions, B, H] each, the tensor alone if the cell has one state."""


class Layer(nn.Module):
    """One layer of a cell in one direction: its learned arrays.

    The array `weight_0` of node `forget` is the parameter `weight_0_forget`; weights begin uniform in
    ±1/sqrt(hidden size) as torch's do, those that a block-diagonal or low-rank matrix is made of in ±1/sqrt(columns),
    as torch's Linear does, and vectors at the values that the cell and the table of operations give.
    """

    def __init__(self, cell: Cell, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = cell.resolved(input_size, hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        prepare(self.cell)
        self._text = to_json(plain(self.cell))
        self._shapes = tuple(parameter_shapes(self.cell, input_size, hidden_size))
        for node, name, shape in self._shapes:
            self.register_parameter(f"{name}_{node}", nn.Parameter(torch.empty(shape)))
        self.reset_parameters()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Of a copy, or a module that was read from a file."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        prepare(self.cell)

    def reset_parameters(self) -> None:
        """Draw the learned arrays anew."""
        for node, learned in self.learned().items():
            row, initial_bias = self.cell.nodes[node].row, self.cell.nodes[node].initial_bias
            for name, array in learned.items():
                if name not in row.parameters:
                    limit = 1 / math.sqrt(self.hidden_size if row.name == LINEAR else array.shape[1])
                    nn.init.uniform_(array, -limit, limit)
                elif name == "bias" and initial_bias:
                    nn.init.constant_(array, initial_bias)
                else:
                    nn.init.constant_(array, row.parameters[name])

    def learned(self) -> dict[str, dict[str, Tensor]]:
        """The learned arrays by node and parameter."""
        arrays: dict[str, dict[str, Tensor]] = {}
        for node, name, _ in self._shapes:
            arrays.setdefault(node, {})[name] = getattr(self, f"{name}_{node}")
        return arrays

    def forward(self, x: Tensor, states: States, backend: str = "auto") -> tuple[Tensor, States]:
        """Outputs [T, B, H] and last states from x [T, B, I] and initial states [B, H]."""
        learned = self.learned()
        if backend != REFERENCE.name and operator.is_wanted(self.cell, x):
            arrays = [array for each in dense(self.cell, learned).values() for array in each.values()]
            return operator.run(self._text, backend, x, states, arrays)
        return choose(self.cell, x, backend).run(self.cell, learned, x, states)


class RNN(nn.Module):
    """A recurrent network of any cell, called like `torch.nn.LSTM`.

    `rnn(x)` or `rnn(x, initial)` returns `(outputs, last)`. x is [T, B, I], [B, T, I] with `batch_first`, [T, I]
    without a batch, or a PackedSequence; outputs has the same form with H (2 H if bidirectional) for I. `initial` and
    `last` hold [layers * directions, B, H] for each state of the cell in its order, in a tuple if there are several;
    a missing `initial` is zeros. `dropout` is the probability of a zero after each layer but the last while training.

    `backend` is `auto`, or the name of one (see `recurrence.backends`). Raises ValueError on shapes and settings that
    do not fit, as torch does.
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        backend: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        expect_cell(cell)
        for what, size in (
            ("input_size", input_size),
            ("hidden_size", hidden_size),
            ("num_layers", num_layers),
        ):
            if size < 1:
                raise ValueError(f"{what} must be at least 1, got {size}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be a probability, 0 to 1, got {dropout}")
        self.cell = cell
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.backend = backend
        self.directions = 2 if bidirectional else 1
        self.layers = nn.ModuleList()
        for layer in range(num_layers):
            size = input_size if layer == 0 else hidden_size * self.directions
            self.layers.extend(Layer(cell, size, hidden_size) for _ in range(self.directions))
        self.to(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw all learned arrays anew."""
        for layer in self.layers:
            layer.reset_parameters()  # type: ignore[operator]

    def forward(
        self, x: Tensor | PackedSequence, initial: Given | None = None
    ) -> tuple[Tensor | PackedSequence, Given]:
        """Outputs and last states; see the class."""
        if isinstance(x, PackedSequence):
            return self._forward_packed(x, initial)
        if x.dim() not in (2, 3) or x.shape[-1] != self.input_size:
            order = "B, T" if self.batch_first else "T, B"
            raise ValueError(
                f"input must be [{order}, {self.input_size}] or [T, {self.input_size}], got {list(x.shape)}"
            )
        batched = x.dim() == 3
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
        if x.shape[0] == 0:
            raise ValueError("a sequence needs at least one step, got 0")
        states = self._initial(initial, x.shape[1], x, batched)
        outputs, last = self._stack(x, None, states)
        if not batched:
            return outputs.squeeze(1), self._given(tuple(state.squeeze(1) for state in last))
        return outputs.transpose(0, 1) if self.batch_first else outputs, self._given(last)

    def extra_repr(self) -> str:
        """What `print(rnn)` adds to the class's name."""
        return f"{self.cell.name}, {self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"

    def _forward_packed(self, x: PackedSequence, initial: Given | None) -> tuple[PackedSequence, Given]:
        if x.data.shape[-1] != self.input_size:
            raise ValueError(f"packed input must be [rows, {self.input_size}], got {list(x.data.shape)}")
        states = self._initial(initial, int(x.batch_sizes[0]), x.data, batched=True)
        if x.sorted_indices is not None:
            states = tuple(state.index_select(1, x.sorted_indices) for state in states)
        outputs, last = self._stack(x.data, x.batch_sizes, states)
        if x.unsorted_indices is not None:
            last = tuple(state.index_select(1, x.unsorted_indices) for state in last)
        packed = PackedSequence(outputs, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
        return packed, self._given(last)

    def _stack(self, x: Tensor, batch_sizes: Tensor | None, initial: States) -> tuple[Tensor, States]:
        """All layers, time first or packed; states are [layers * directions, B, H]."""
        last: list[States] = []
        for index in range(0, len(self.layers), self.directions):
            if index and self.dropout:
                x = nn.functional.dropout(x, self.dropout, self.training)
            outputs = []
            for direction in range(self.directions):
                states = tuple(state[index + direction] for state in initial)
                output, states = self._run(index + direction, x, batch_sizes, states, reverse=direction == 1)
                outputs.append(output)
                last.append(states)
            x = torch.cat(outputs, -1) if self.bidirectional else outputs[0]
        return x, tuple(torch.stack(each) for each in zip(*last, strict=True))

    def _run(
        self, index: int, x: Tensor, batch_sizes: Tensor | None, states: States, reverse: bool
    ) -> tuple[Tensor, States]:
        layer = self.layers[index]
        if batch_sizes is not None:
            return run_packed(lambda x, s: layer(x, s, self.backend), x, batch_sizes, states, reverse)
        if not reverse:
            return layer(x, states, self.backend)  # type: ignore[no-any-return]
        outputs, states = layer(x.flip(0), states, self.backend)
        return outputs.flip(0), states

    def _initial(self, given: Given | None, batch: int, like: Tensor, batched: bool) -> States:
        count = len(self.cell.states)
        if given is None:
            shape = (len(self.layers), batch, self.hidden_size)
            return tuple(torch.zeros(shape, dtype=like.dtype, device=like.device) for _ in range(count))
        states = (given,) if isinstance(given, Tensor) else tuple(given)
        if len(states) != count:
            names = ", ".join(self.cell.states)
            raise ValueError(f"cell {self.cell.name!r} has {count} states ({names}), got {len(states)}")
        expected = [len(self.layers), *([batch] if batched else []), self.hidden_size]
        for name, state in zip(self.cell.states, states, strict=True):
            if list(state.shape) != expected:
                raise ValueError(f"initial state {name!r} must be {expected}, got {list(state.shape)}")
        return states if batched else tuple(state.unsqueeze(1) for state in states)

    def _given(self, states: States) -> Given:
        return states[0] if len(states) == 1 else states


def parameter_count(module: nn.Module) -> int:
    """Learned numbers of a module: those that training changes, each once, however many layers share it."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
