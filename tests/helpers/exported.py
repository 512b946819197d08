"""What the export's tests share: odd cells written by hand, and an exported file as a module."""

import importlib.util
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from hypothesis import reject
from torch import nn

from cellsearch.cell import Cell, Node, from_equations
from cellsearch.errors import DivergenceError
from cellsearch.exporters.expected import probes
from cellsearch.exporters.names import class_name
from cellsearch.exporters.standalone import export
from cellsearch.exporters.weights import exported_arrays
from cellsearch.recurrence import RNN
from cellsearch_search_spaces.gated import SPACE

SEEDS = dict(SPACE.seeds)

ODD = {
    cell.name: cell
    for cell in (
        from_equations(
            "three states, raw x, every operation",
            """
            gate = sigmoid(layer_norm(linear(x, h, h, bias=0.5)) + x)
            mixed = relu(linear(gate, m)) * scale(m) + bias(x, bias=-1)
            h_next = blend(gate, h, mixed) - leaky_relu(mixed) * (1 - linear(linear(x, m)))
            m_next = tanh(n + identity(h_next * h_next))
            n_next = tanh(linear(h_next, m, n))
            """,
            ["h", "m", "n"],
            "m_next",
        ),
        from_equations(
            "matrices made of smaller ones, constants, functions",
            """
            low = low_rank_linear(h, constant=2, bias=-1) + 0.5 * block_linear(x, constant=3)
            gate = cumulative_softmax(block_linear(low, constant=2)) * rms_norm(low) - normalize(-low)
            m_next = minimum(gelu(low_rank_linear(x)), softplus(m)) + hard_sigmoid(gate) * silu(low + 2)
            h_next = maximum(sine(m_next), exp(0 - low * low))
            """,
            ["h", "m"],
            "h_next",
        ),
        from_equations("raw x alone", "h_next = tanh(x * x - h * h)", ["h"], "h_next"),
        from_equations(
            "an output of its own",
            """
            h_next = tanh(linear(x, h))
            out = scale(h_next) + linear(h_next, h)
            """,
            ["h"],
            "out",
        ),
        Cell(
            "one next value for two states",
            {"sum": Node("linear", ("x", "h", "g")), "both": Node("layer_norm", ("sum",))},
            {"h": "both", "g": "both"},
            "both",
        ),
        Cell(
            "names that the file uses itself",
            {
                "torch": Node("linear", ("x", "self", "nn"), 0.1),
                "print": Node("sigmoid", ("torch",)),
                "F": Node("tanh", ("print",)),
                "tuple": Node("product", ("F", "print")),
                "x_projected": Node("sum", ("x", "states")),
                "weight": Node("scale", ("x_projected",)),
                "states_next": Node("relu", ("weight",)),
                "training": Node("blend", ("states_next", "tuple", "states")),
                "match": Node("layer_norm", ("training",)),
                "bias_match": Node("bias", ("match",)),
                "self_next": Node("tanh", ("bias_match",)),
                "W1": Node("tanh", ("self_next",)),
                "b1": Node("linear", ("W1", "self_next")),
            },
            {"self": "self_next", "nn": "W1", "states": "b1"},
            "bias_match",
        ),
    )
}

CELLS = {**SEEDS, **ODD}


def imported(path: Path) -> ModuleType:
    """The exported file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def twin(rnn: RNN, folder: Path) -> nn.Module:
    """The exported class of an RNN's cell, with the RNN's arguments, weights and mode."""
    path = folder / "exported_cell.py"
    export(rnn.cell, path)
    module: nn.Module = getattr(imported(path), class_name(rnn.cell))(
        rnn.input_size,
        rnn.hidden_size,
        rnn.num_layers,
        batch_first=rnn.batch_first,
        dropout=rnn.dropout,
        bidirectional=rnn.bidirectional,
    )
    for array in rnn.parameters():
        module.to(array.dtype)
    module.load_state_dict(exported_arrays(rnn))
    return module.train(rnn.training)


def small(cell: Cell, **how: Any) -> RNN:
    """A module with the same weights each time."""
    torch.manual_seed(0)
    return RNN(cell, 3, 4, **how).eval()


def assert_agrees(kind: Any, rnn: RNN, folder: Path) -> None:
    """What a format's module, such as `onnx_model`, writes gives what the reference gives."""
    kind.write(rnn, folder)
    kind.check(rnn, folder)


def assert_random_cell_agrees(kind: Any, cell: Cell) -> None:
    """The same of a cell that hypothesis drew; one whose numbers are not finite is none."""
    rnn = small(cell)
    try:
        [*probes(rnn)]
    except DivergenceError:
        reject()
    with tempfile.TemporaryDirectory() as folder:
        assert_agrees(kind, rnn, Path(folder))
