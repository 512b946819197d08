"""Where each learned array of an RNN stands in its exported module: one table of names, read both ways."""

from __future__ import annotations

from torch import Tensor

from cellsearch.cell import LINEAR
from cellsearch.cell.lines import matrices
from cellsearch.export.names import matrix_name
from cellsearch.recurrence import RNN
from cellsearch.recurrence.rnn import Layer

__all__ = ["exported_arrays"]


def exported_arrays(rnn: RNN) -> dict[str, Tensor]:
    """The parameters of `rnn` under the exported module's state_dict names; the tensors are the RNN's own."""
    arrays: dict[str, Tensor] = {}
    names = matrices(rnn.cell)
    for index, layer in enumerate(rnn.layers):
        assert isinstance(layer, Layer)
        for node, learned in layer.learned().items():
            for parameter, array in learned.items():
                arrays[f"cells.{index}.{_attribute(names, rnn, layer, node, parameter)}"] = array
    return arrays


def _attribute(names: dict[str, tuple[str, ...]], rnn: RNN, layer: Layer, node: str, parameter: str) -> str:
    if layer.cell.nodes[node].op != LINEAR:
        return f"{parameter}_{node}"
    if node not in rnn.cell.nodes:  # the projection of an input that has not the hidden size
        return "project.bias" if parameter == "bias" else "project.weight"
    *weights, bias = map(matrix_name, names[node])
    return bias if parameter == "bias" else f"{weights[int(parameter.removeprefix('weight_'))]}.weight"
