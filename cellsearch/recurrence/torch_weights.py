"""Weights of a trained `torch.nn.LSTM`, `nn.GRU` or `nn.RNN` into the seed cells of those names, and back.

torch stacks the gates' rows in one matrix for the input and one for the state: LSTM as input, forget, candidate,
output; GRU as reset, update, candidate. Each gate has two biases there; where the cell adds them at once it has one,
which takes their sum and gives back the sum and zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import torch
from torch import Tensor, nn

from cellsearch.cell import Cell
from cellsearch.errors import CellError
from cellsearch.recurrence.rnn import RNN, Layer

__all__ = ["load_torch", "to_torch"]

Gate = tuple[str, ...]
"""The linear that takes input and state, or the two that take one each."""

GATES: Final[dict[str, tuple[type[nn.RNN] | type[nn.LSTM] | type[nn.GRU], tuple[Gate, ...]]]] = {
    "rnn": (nn.RNN, (("h_linear",),)),
    "lstm": (
        nn.LSTM,
        (("input_gate_linear",), ("forget_gate_linear",), ("candidate_linear",), ("output_gate_linear",)),
    ),
    "gru": (
        nn.GRU,
        (("reset_gate_linear",), ("update_gate_linear",), ("candidate_input", "candidate_state")),
    ),
}


def load_torch(rnn: RNN, module: nn.RNNBase) -> None:
    """Copy the weights of a torch module of the same equations and sizes into `rnn`, whose cell is that seed.

    Raises CellError if cell and module do not belong together.
    """
    gates = _gates(rnn)
    kind = GATES[rnn.cell.name][0]
    if type(module) is not kind or getattr(module, "nonlinearity", "tanh") != "tanh" or not module.bias:
        raise CellError(f"cell {rnn.cell.name!r} takes the weights of a {kind.__name__} with bias, got {module}")
    for ours, theirs in (("input_size", module.input_size), ("hidden_size", module.hidden_size),
                         ("num_layers", module.num_layers), ("bidirectional", module.bidirectional)):  # fmt: skip
        if getattr(rnn, ours) != theirs:
            raise CellError(f"{ours} of the RNN is {getattr(rnn, ours)}, of the torch module {theirs}; make them equal")
    if getattr(module, "proj_size", 0):
        raise CellError("an LSTM with proj_size has no cell here; use proj_size=0")
    with torch.no_grad():
        for layer, weights in zip(rnn.layers, _torch_weights(module), strict=True):
            assert isinstance(layer, Layer)
            _load(layer, gates, *weights)


def to_torch(rnn: RNN) -> nn.RNNBase:
    """A torch module with the weights of `rnn`, whose cell is one of the seeds rnn, lstm, gru; else CellError."""
    gates = _gates(rnn)
    example = next(rnn.parameters())
    module = GATES[rnn.cell.name][0](
        rnn.input_size,
        rnn.hidden_size,
        rnn.num_layers,
        batch_first=rnn.batch_first,
        dropout=rnn.dropout,
        bidirectional=rnn.bidirectional,
        device=example.device,
        dtype=example.dtype,
    )
    with torch.no_grad():
        for layer, weights in zip(rnn.layers, _torch_weights(module), strict=True):
            assert isinstance(layer, Layer)
            for target, source in zip(weights, _stacked(layer, gates), strict=True):
                target.copy_(source)
    return module.train(rnn.training)


def _gates(rnn: RNN) -> tuple[Gate, ...]:
    if rnn.cell.name not in GATES:
        raise CellError(f"cell {rnn.cell.name!r} has no twin in torch; these have: {', '.join(GATES)}")
    gates = GATES[rnn.cell.name][1]
    linears = {name for name, node in rnn.cell.nodes.items() if node.op == "linear"}
    if linears != {linear for gate in gates for linear in gate} or not _computes_the_same(rnn.cell):
        raise CellError(f"cell {rnn.cell.name!r} is not the seed of that name; use cs.find_cell({rnn.cell.name!r})")
    return gates


@cache
def _computes_the_same(cell: Cell) -> bool:
    """Whether the cell gives what torch gives with the same small weights, as a cell that was edited does not."""
    kind, gates = GATES[cell.name]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        rnn, module = RNN(cell, 2, 3, backend="reference").double(), kind(2, 3).double()
        for layer, weights in zip(rnn.layers, _torch_weights(module), strict=True):
            assert isinstance(layer, Layer)
            _load(layer, gates, *weights)
        x = torch.randn(4, 2, 2, dtype=torch.float64)
        (output, last), (expected, expected_last) = rnn(x), module(x)
    ours, theirs = (each if isinstance(each, tuple) else (each,) for each in (last, expected_last))
    if len(ours) != len(theirs):
        return False
    return all(torch.allclose(*pair) for pair in zip((output, *ours), (expected, *theirs), strict=True))


def _torch_weights(module: nn.RNNBase) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    for layer in range(module.num_layers):
        for ending in ("", "_reverse") if module.bidirectional else ("",):
            names = (f"{kind}_l{layer}{ending}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            yield tuple(getattr(module, name) for name in names)


def _load(layer: Layer, gates: tuple[Gate, ...], w: Tensor, u: Tensor, b_w: Tensor, b_u: Tensor) -> None:
    learned = layer.learned()
    rows = [array.chunk(len(gates)) for array in (w, u, b_w, b_u)]
    for gate, w_gate, u_gate, b_w_gate, b_u_gate in zip(gates, *rows, strict=True):
        if len(gate) == 2:
            of_input, of_state = learned[gate[0]], learned[gate[1]]
            of_input["weight_0"].copy_(w_gate)
            of_input["bias"].copy_(b_w_gate)
            of_state["weight_0"].copy_(u_gate)
            of_state["bias"].copy_(b_u_gate)
        else:
            learned[gate[0]]["weight_0"].copy_(w_gate)
            learned[gate[0]]["weight_1"].copy_(u_gate)
            learned[gate[0]]["bias"].copy_(b_w_gate + b_u_gate)


def _stacked(layer: Layer, gates: tuple[Gate, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    learned = layer.learned()
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for gate in gates:
        first, last = learned[gate[0]], learned[gate[-1]]
        u = last["weight_0"] if len(gate) == 2 else first["weight_1"]
        b_u = last["bias"] if len(gate) == 2 else torch.zeros_like(first["bias"])
        parts.append((first["weight_0"], u, first["bias"], b_u))
    w, u, b_w, b_u = (torch.cat(arrays) for arrays in zip(*parts, strict=True))
    return w, u, b_w, b_u
