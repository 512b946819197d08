"""Where each learned array of an RNN stands in its exported module: one table of names, read both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.cell.notation.symbols import learned
from cellsearch.cell.ops import BLOCK_LINEAR, LOW_RANK_LINEAR
from cellsearch.recurrence import RNN
from cellsearch.recurrence.rnn import Layer

__all__ = ["WEIGHTS", "as_safetensors", "exported_arrays", "fresh", "plain_copy"]

WEIGHTS: Final = "model.safetensors"
"""The file of a folder that has all arrays, which every form with source reads."""


def exported_arrays(rnn: RNN) -> dict[str, Tensor]:
    """The parameters of `rnn` under the exported module's state_dict names; the tensors are the RNN's own."""
    arrays: dict[str, Tensor] = {}
    names = learned(rnn.cell)
    for index, layer in enumerate(rnn.layers):
        assert isinstance(layer, Layer)
        for node, own in layer.learned().items():
            for parameter, array in own.items():
                arrays[f"cells.{index}.{_attribute(names, rnn, layer, node, parameter)}"] = array
    return arrays


def as_safetensors(rnn: RNN) -> bytes:
    """The content of a safetensors file with these arrays."""
    from safetensors.torch import save

    return save({name: array.detach() for name, array in exported_arrays(rnn).items()})


def fresh(cell: Cell, input_size: int, hidden_size: int) -> RNN:
    """An untrained module of the cell, the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return RNN(cell, input_size, hidden_size)


def plain_copy(rnn: RNN) -> RNN:
    """The same module on the CPU, each array by itself: layers may share theirs, or compute them from others."""
    copy = RNN(
        rnn.cell,
        rnn.input_size,
        rnn.hidden_size,
        rnn.num_layers,
        rnn.batch_first,
        rnn.dropout,
        rnn.bidirectional,
        dtype=next(rnn.parameters()).dtype,
    )
    with torch.no_grad():
        arrays = exported_arrays(rnn)
        for name, array in exported_arrays(copy).items():
            array.copy_(arrays[name])
    return copy


def _attribute(names: Mapping[str, tuple[str, ...]], rnn: RNN, layer: Layer, node: str, parameter: str) -> str:
    if node not in rnn.cell.nodes:  # the projection of an input that has not the hidden size
        return "project.bias" if parameter == "bias" else "project.weight"
    made = rnn.cell.nodes[node]
    if made.op == BLOCK_LINEAR and parameter != "bias":
        return f"{names[node][0]}.blocks.{parameter.removeprefix('block_')}"
    if made.op == LOW_RANK_LINEAR and parameter != "bias":
        return f"{names[node][0]}.{['right', 'left'].index(parameter)}.weight"
    name = names[node][made.parameters().index(parameter)]
    return name if parameter in made.row.parameters else f"{name}.weight"
