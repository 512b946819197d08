"""How a trained cell uses its gates: how often each is shut, how often open, on the data that it was trained for.

Karpathy, Johnson & Fei-Fei (2015), Visualizing and understanding recurrent networks: a gate below 0.1 is left-, one
above 0.9 right-saturated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellsearch.cell import Cell, Node
from cellsearch.cell.node import free_name
from cellsearch.recurrence import RNN
from cellsearch.signals.first_call import first_call
from cellsearch.signals.probe import Probe
from cellsearch.training import Task

__all__ = ["Saturation", "gate_saturation", "gate_values"]

SHUT: Final = 0.1
OPEN: Final = 0.9


@dataclass(frozen=True)
class Saturation:
    """The share of a gate's values, over time, sequences and units, that are below SHUT and above OPEN."""

    shut: float
    open: float


def gate_saturation(model: nn.Module, task: Task, seed: int = 0) -> dict[str, Saturation]:
    """Each sigmoid of the first layer of the model's first RNN, by node, on one batch of the task."""
    seen = first_call(model, lambda: task.loss(model, next(task.batches(seed)), None))
    if seen is None:
        return {}
    rnn, x = seen
    return {name: _saturation(rnn, name, x) for name, node in rnn.cell.nodes.items() if node.op == "sigmoid"}


def gate_values(probe: Probe) -> dict[str, Tensor]:
    """The values of each sigmoid on the probe's input by node, [T, B, H]."""
    return {name: _values(probe.rnn, name, probe.x) for name, node in probe.cell.nodes.items() if node.op == "sigmoid"}


def _saturation(rnn: RNN, gate: str, x: Any) -> Saturation:
    values = _values(rnn, gate, x)
    return Saturation(float((values < SHUT).double().mean()), float((values > OPEN).double().mean()))


def _values(rnn: RNN, gate: str, x: Any) -> Tensor:
    """What a gate of the first layer is on its input; of sequences of several lengths all steps in one."""
    watching = RNN(
        _showing(rnn.cell, gate), rnn.input_size, rnn.hidden_size, batch_first=rnn.batch_first, dtype=_dtype(x)
    )
    watching.layers[0].load_state_dict(rnn.layers[0].state_dict())
    with torch.no_grad():
        outputs, _ = watching(x)
    return outputs.data if isinstance(outputs, PackedSequence) else outputs


def _showing(cell: Cell, gate: str) -> Cell:
    """The cell with the gate as its output; 0 times the old output keeps what else the old one needs."""
    nothing, shown = free_name("nothing", cell.graph), free_name("shown", cell.graph)
    nodes = {
        **cell.nodes,
        nothing: Node("times_constant", (cell.output,), constant=0.0),
        shown: Node("sum", (gate, nothing)),
    }
    return Cell(cell.name, nodes, cell.states, shown)


def _dtype(x: Any) -> torch.dtype:
    dtype: torch.dtype = (x.data if isinstance(x, PackedSequence) else x).dtype
    return dtype
