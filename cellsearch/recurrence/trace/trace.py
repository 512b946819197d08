"""trace: a user's torch module for one step becomes a cell, its weights carried over.

torch.export makes the graph of one convention, the reader turns it into nodes, these are merged, named and checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from cellsearch.cell import Cell, Node
from cellsearch.cell.untrusted import short
from cellsearch.errors import TraceError
from cellsearch.recurrence.interface import States
from cellsearch.recurrence.rnn import RNN, Layer
from cellsearch.recurrence.trace.building.builder import CellBuilder
from cellsearch.recurrence.trace.building.lines import forward_line
from cellsearch.recurrence.trace.building.values import TracedNode, Value
from cellsearch.recurrence.trace.calls import CallingConvention, calling_convention, exported, random_step
from cellsearch.recurrence.trace.merge import merged
from cellsearch.recurrence.trace.names import node_names, state_names
from cellsearch.recurrence.trace.reader import read
from cellsearch.recurrence.trace.scripted import python_original
from cellsearch.recurrence.trace.sizes import sizes_of

__all__ = ["Traced", "trace"]

TOLERANCE: Final = {torch.float64: 1e-10, torch.float32: 1e-4}
"""Difference between module and cell that is rounding, relative to the largest value; 0.05 in half precision."""


@dataclass(frozen=True)
class Traced:
    """A module as a cell, and one layer of it with the module's weights; `notes` say what learns otherwise."""

    cell: Cell
    rnn: RNN
    notes: tuple[str, ...]


def trace(
    module: nn.Module,
    input_size: int | None = None,
    hidden_size: int | None = None,
    name: str | None = None,
    **constants: float | bool | str | None,
) -> Traced:
    """The cell that a module computes in one step, and an RNN of it with the module's weights.

    `module` is called as `(x, state) -> (output, state)` or, like nn.LSTMCell, `(x, state) -> state`, with x
    [B, input_size] and a state [B, hidden_size], a tuple of such (also nested, in lists or dictionaries), or several
    arguments. Other arguments of it that stay the same are given by name: `trace(module, ts=1.0)`. The sizes are the
    module's attributes of these names if not given, or the only ones with which it runs. The cell's output is what the
    module returns as such, else the first state. A state that is several times as wide is so many states of the cell.

    Every bias is learned: a product without one starts from zero. A linear's `initial_bias`, where new weights are
    drawn, is the module's bias if all its numbers are equal (and there are at least two), else 0. Weights that the
    module uses in two places, or computes from parameters, are arrays of their own from then on; `notes` tell where.

    Raises TraceError, which names the line of the module's source and the reason, for what no cell can express.

    >>> trace(nn.GRUCell(3, 5)).cell
    Cell('gru_cell', 10 nodes, states h)
    """
    if not isinstance(module, nn.Module):
        raise TraceError(f"a torch.nn.Module is expected, got {short(module)}; make one of it")
    module = python_original(module)
    if type(module).forward is nn.Module.forward:
        raise TraceError(f"{type(module).__name__} has no forward; write the step as forward(self, x, state)")
    for part in module.modules():
        if isinstance(part, nn.RNNBase):
            kind = type(part).__name__
            raise forward_line(module).refusal(f"{kind} takes whole sequences and a cell one step; use nn.{kind}Cell")
    input_size, hidden_size = sizes_of(module, input_size, hidden_size, constants)
    x, states = random_step(module, input_size, hidden_size)
    convention = calling_convention(module, x, states, constants)
    states = states[: convention.count]
    builder = CellBuilder(input_size, hidden_size, state_names(module, convention), forward_line(module), x.dtype)
    try:
        results = read(exported(module, convention, x, states), module, builder, convention)
    except TraceError:
        if kept := _kept_in(module, convention, x, states):
            raise forward_line(module).refusal(
                f"it keeps {kept!r} in itself from step to step; what a cell remembers is a state: take it as an "
                "argument and return it"
            ) from None
        raise
    nodes, following, output = _merged_nodes(builder, results, convention)
    cell, names = _cell(name or _title(module), nodes, following, output)
    rnn = RNN(cell, input_size, hidden_size, device=x.device, dtype=x.dtype)
    layer = rnn.layers[0]
    assert isinstance(layer, Layer)
    _carry({names[node]: each.learned for node, each in nodes.items()}, layer)
    _check(module, convention, layer, x, states)
    return Traced(cell, rnn, tuple(builder.notes))


def _kept_in(module: nn.Module, convention: CallingConvention, x: Tensor, states: States) -> str | None:
    """The name of a tensor that a step leaves in the module, if it leaves one."""

    def tensors() -> dict[tuple[int, str], int]:
        parts = enumerate(module.modules())
        found = [(i, name, each) for i, part in parts for name, each in (part.__dict__ | part._buffers).items()]
        return {(i, name): id(each) for i, name, each in found if isinstance(each, Tensor)}

    before = tensors()
    with torch.no_grad():
        convention.call(module, x, states)
    return next((key[1] for key, place in tensors().items() if before.get(key) != place), None)


def _merged_nodes(
    builder: CellBuilder, results: list[Value], convention: CallingConvention
) -> tuple[dict[str, TracedNode], dict[str, str], str]:
    """The merged nodes, the node of each state's next value, and that of the output."""
    returned = [node for value in convention.arranged(results) for node in builder.whole(value)]
    nodes = dict(builder.nodes)
    for place, node in enumerate(returned):
        if node not in nodes:
            returned[place] = f"keep_{node}"
            nodes[returned[place]] = TracedNode("identity", (node,), builder.line)
    following = dict(zip(builder.states, returned[1:], strict=True))
    nodes = merged(nodes, returned)
    return nodes, following, returned[0]


def _cell(
    title: str, nodes: Mapping[str, TracedNode], following: Mapping[str, str], output: str
) -> tuple[Cell, dict[str, str]]:
    """The cell, and the name in it of each node."""
    names = node_names(nodes, following, output)
    built = {
        names[node]: Node(
            each.op, tuple(names.get(operand, operand) for operand in each.operands), _initial_bias(each), each.constant
        )
        for node, each in nodes.items()
    }
    return Cell(title, built, {state: names[node] for state, node in following.items()}, names[output]), names


def _initial_bias(node: TracedNode) -> float:
    bias = node.learned.get("bias")
    if bias is None or len(bias) < 2 or (bias != bias[0]).any():
        return 0.0
    return float(bias[0])


def _title(module: nn.Module) -> str:
    """The class's name as a cell's: `GRUCell` is gru_cell."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(module).__name__).lower()


def _carry(learned: Mapping[str, Mapping[str, Tensor]], layer: Layer) -> None:
    with torch.no_grad():
        for node, arrays in layer.learned().items():
            for name, array in arrays.items():
                array.copy_(learned[node].get(name, torch.zeros(())))


def _check(module: nn.Module, convention: CallingConvention, layer: Layer, x: Tensor, states: States) -> None:
    """The promise that module and cell agree; its breach is our fault, and better known than used."""
    with torch.no_grad():
        output, following = layer(x[None], states, "reference")
        expected = convention.returned(convention.call(module, x, states))
        assert expected is not None
    wanted = expected[0], *convention.apart(expected[1])
    for ours, theirs in zip((output[0], *following), wanted, strict=True):
        tolerance = TOLERANCE.get(x.dtype, 0.05)
        size = float(theirs.abs().nan_to_num(posinf=0.0).max())
        if not torch.allclose(ours, theirs, rtol=tolerance, atol=tolerance * size, equal_nan=True):
            raise TraceError(
                f"{forward_line(module)}: the traced cell differs from the module by "
                f"{float((ours - theirs).abs().max()):.1e}; if the module computes the same each time, please report it"
            )
