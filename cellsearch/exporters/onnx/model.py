"""A trained module as ONNX models: a sequence with any number of steps and sequences, and a step for a stream.

The graph is written from the table of operations, a value a node of the cell and named after it. As in the exported
source, what x alone determines is computed for all steps at once, and matrices that multiply one value are stacked; the
loop over time is ONNX's `Scan`. Matrices made of smaller ones are written as the matrices that they are.

x: [T, B, I], or [B, T, I] if the module is batch_first; of a step [B, I]; states: [layers * directions, B, H], by their
names, zeros where a sequence is given none
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from cellsearch.cell import INPUT, Cell, identity
from cellsearch.cell.expression import constants, onnx_source, parse, substitute
from cellsearch.errors import ExportError, one_line
from cellsearch.exporters.expected import Probe, agree, ordered, probes, rounding
from cellsearch.exporters.names import printable
from cellsearch.exporters.onnx.graph import Array, Graph
from cellsearch.recurrence import RNN
from cellsearch.recurrence.rnn import Layer
from cellsearch.recurrence.structured import dense, plain

if TYPE_CHECKING:
    import onnx

__all__ = ["SEQUENCE", "STEP", "check", "write"]

SEQUENCE: Final = "model.onnx"
STEP: Final = "model_step.onnx"

OPSET: Final = 18
"""Of 2022: the newest that the operators here need."""

IR_VERSION: Final = 8

OUTPUTS: Final = "outputs"
BATCH, TIME = "batch", "steps"

Shapes = dict[str, list[int | str]]


@dataclass(frozen=True)
class _Term:
    """A matrix [H, size] of a linear, and the linear's bias where this product carries it."""

    node: str
    place: int
    matrix: Array
    bias: Array | None


@dataclass(frozen=True)
class _Weights:
    """A layer's plain cell, its matrices by the operand that they multiply, and its other vectors by node."""

    cell: Cell
    terms: Mapping[str, list[_Term]]
    vectors: Mapping[str, Mapping[str, Array]]


def write(rnn: RNN, folder: Path) -> None:
    """Write the models, that of a step only if the module reads one way. Raises ExportError, CellError."""
    dtype = next(rnn.parameters()).dtype
    if dtype not in (torch.float32, torch.float64):
        raise ExportError(
            f"onnx takes weights of float32 or float64, got {dtype}; convert the module first: rnn.float()"
        )
    (folder / SEQUENCE).write_bytes(_model(rnn, whole=True).SerializeToString())
    if not rnn.bidirectional:
        (folder / STEP).write_bytes(_model(rnn, whole=False).SerializeToString())


def check(rnn: RNN, folder: Path) -> None:
    """Run the models in onnxruntime. Raises ExportError if one disagrees or cannot be run."""
    names = [name for name in (SEQUENCE, STEP) if (folder / name).is_file()]
    for probe in probes(rnn):
        for name in names:
            if name == SEQUENCE or len(probe.x) == 1:
                agree(name, probe.difference(*_answer(rnn, folder / name, probe)), rounding(rnn))


def _answer(rnn: RNN, path: Path, probe: Probe) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What onnxruntime gives, as [T, B, ..] and states."""
    import onnxruntime

    dtype = str(next(rnn.parameters()).dtype).removeprefix("torch.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # not that states have defaults, which is meant
    x = probe.x[0] if path.name == STEP else ordered(rnn, probe.x)
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        names = [each.name for each in (*session.get_inputs(), *session.get_overridable_initializers())]
        given = dict(zip(names, (each.numpy().astype(dtype) for each in (x, *probe.initial)), strict=True))
        outputs, *last = (torch.from_numpy(each) for each in session.run(None, given))
    except Exception as error:
        raise ExportError(f"onnxruntime refuses {path.name} in {dtype}: {one_line(error)}") from error
    return outputs.unsqueeze(0) if path.name == STEP else ordered(rnn, outputs), tuple(last)


def _model(rnn: RNN, whole: bool) -> onnx.ModelProto:
    """The model of a sequence (`whole`) or of a step."""
    graph = Graph(np.dtype(str(next(rnn.parameters()).dtype).removeprefix("torch.")), rnn.hidden_size)
    x, outputs = graph.names.new(INPUT), graph.names.new(OUTPUTS if whole else "output")
    initial = [graph.names.new(state) for state in rnn.cell.states]
    last_names = [graph.names.new(f"{state}_next") for state in rnn.cell.states]
    value, ended = _layers(rnn, graph, x, initial, whole)
    graph.add("Identity", [value], [outputs])
    for name, states in zip(last_names, zip(*ended, strict=True), strict=True):
        stacked = [graph.apply("Unsqueeze", state, graph.numbers([0]))[0] for state in states]
        graph.add("Concat", stacked, [name], axis=0)
    count, width = len(rnn.layers), rnn.hidden_size * rnn.directions
    order = [BATCH, TIME] if rnn.batch_first else [TIME, BATCH]
    sizes = order if whole else [BATCH]
    inputs: Shapes = {x: [*sizes, rnn.input_size]}
    inputs |= {state: [count, "states" if whole else BATCH, rnn.hidden_size] for state in initial}
    if whole:  # which makes an initial state of zeros the one that is taken where none is given
        zeros = np.zeros((count, 1, rnn.hidden_size), graph.dtype)
        graph.arrays |= dict.fromkeys(initial, zeros)
    shapes: Shapes = {outputs: [*sizes, width], **{name: [count, BATCH, rnn.hidden_size] for name in last_names}}
    return _proto(rnn.cell, graph, inputs, shapes)


def _layers(rnn: RNN, graph: Graph, x: str, initial: list[str], whole: bool) -> tuple[str, list[list[str]]]:
    """The last layer's outputs, and the states that each layer and direction ends with."""
    if whole and rnn.batch_first:
        (x,) = graph.apply("Transpose", x, perm=[1, 0, 2])
    if whole:
        (batch,) = graph.apply("Shape", x, start=1, end=2)
        (shape,) = graph.apply("Concat", graph.numbers([1]), batch, graph.numbers([1]), axis=0)
        initial = [graph.apply("Expand", each, shape)[0] for each in initial]
    ended = []
    for first in range(0, len(rnn.layers), rnn.directions):
        ways = []
        for index in range(first, first + rnn.directions):
            weights = _weights(rnn.layers[index])  # type: ignore[arg-type]
            states = [
                graph.apply("Gather", each, graph.array(np.array(index, dtype=np.int64), "index"), axis=0)[0]
                for each in initial
            ]
            run = _sequence if whole else _step
            output, following = run(graph, weights, x, states, f"cell{index}", index > first)
            ways.append(output)
            ended.append(following)
        x = graph.apply("Concat", *ways, axis=-1)[0] if len(ways) > 1 else ways[0]
    if whole and rnn.batch_first:
        (x,) = graph.apply("Transpose", x, perm=[1, 0, 2])
    return x, ended


def _weights(layer: Layer) -> _Weights:
    cell, learned = plain(layer.cell), dense(layer.cell, layer.learned())
    arrays = {node: {name: array.detach().numpy() for name, array in own.items()} for node, own in learned.items()}
    terms: dict[str, list[_Term]] = {}
    for name, node in cell.nodes.items():
        if node.row.is_linear:
            carrier = node.operands.index(INPUT) if INPUT in node.operands else 0
            for place, operand in enumerate(node.operands):
                bias = arrays[name]["bias"] if place == carrier else None
                terms.setdefault(operand, []).append(_Term(name, place, arrays[name][f"weight_{place}"], bias))
    vectors = {name: own for name, own in arrays.items() if not cell.nodes[name].row.is_linear}
    return _Weights(cell, terms, vectors)


def _sequence(
    graph: Graph, weights: _Weights, x: str, states: list[str], prefix: str, backward: bool
) -> tuple[str, list[str]]:
    """All steps of one layer in one direction: a `Scan` over what x alone determines."""
    body = Graph(graph.dtype, graph.hidden_size, graph)
    carried = [body.names.new(f"{prefix}_{state}") for state in weights.cell.states]
    scanned: dict[str, str] = {}
    if INPUT in weights.terms:
        scanned["products"] = _product(graph, weights.terms[INPUT], x, f"{prefix}_products")
    if any(INPUT in node.operands for node in weights.cell.nodes.values() if not node.row.is_linear):
        scanned["x"] = x
    inside = {name: body.names.new(f"{prefix}_{name}_t") for name in scanned}
    output, following = _cell(body, weights, carried, inside, prefix)
    results = [body.names.new(f"{prefix}_result") for _ in (*following, output)]
    for value, result in zip((*following, output), results, strict=True):
        body.add("Identity", [value], [result])
    width = {"products": len(weights.terms.get(INPUT, ())) * graph.hidden_size, "x": graph.hidden_size}
    shapes: Shapes = {name: [BATCH, graph.hidden_size] for name in carried}
    shapes |= {inside[name]: [BATCH, width[name]] for name in scanned}
    *last, outputs = made = [graph.names.new(f"{prefix}_{name}") for name in (*weights.cell.states, "outputs")]
    inner = _graph_proto(body, shapes, {name: [BATCH, graph.hidden_size] for name in results})
    way = int(backward)
    graph.add(
        "Scan",
        (*states, *scanned.values()),
        made,
        num_scan_inputs=len(scanned),
        body=inner,
        scan_input_directions=[way] * len(scanned),
        scan_output_directions=[way],
    )
    return outputs, last


def _step(
    graph: Graph, weights: _Weights, x: str, states: list[str], prefix: str, backward: bool
) -> tuple[str, list[str]]:
    given = {"x": x}
    if INPUT in weights.terms:
        given["products"] = _product(graph, weights.terms[INPUT], x, f"{prefix}_products")
    return _cell(graph, weights, states, given, prefix)


def _cell(
    graph: Graph, weights: _Weights, states: list[str], given: Mapping[str, str], prefix: str
) -> tuple[str, list[str]]:
    """The output and next states of a step, from its states, the products with x, and x itself where it is read."""
    cell = weights.cell
    values = dict(zip(cell.states, states, strict=True)) | ({INPUT: given["x"]} if "x" in given else {})
    products: dict[tuple[str, int], str] = {}
    if "products" in given:
        products |= _parts(graph, weights.terms[INPUT], given["products"])
    for name in (*cell.states, *cell.order):
        if name in cell.nodes:
            values[name] = _value(graph, weights, name, values, products, f"{prefix}_{name}")
        if name in weights.terms:
            product = _product(graph, weights.terms[name], values[name], f"{prefix}_of_{name}")
            products |= _parts(graph, weights.terms[name], product)
    return values[cell.output], [values[following] for following in cell.states.values()]


def _value(
    graph: Graph,
    weights: _Weights,
    name: str,
    values: Mapping[str, str],
    products: Mapping[tuple[str, int], str],
    shown: str,
) -> str:
    node = weights.cell.nodes[name]
    if node.row.is_linear:
        total, *others = (products[name, place] for place in range(len(node.operands)))
        for other in others:
            (total,) = graph.apply("Add", total, other, name=shown)
        return total
    known = dict(zip("abc", (values[operand] for operand in node.operands), strict=False))
    own = weights.vectors.get(name, {})
    known |= {vector: graph.array(array, f"{shown}_{vector}") for vector, array in own.items()}
    tree = substitute(onnx_source(parse(node.row.value)), constants(node.row, node.constant))
    return graph.expression(tree, known, shown)


def _product(graph: Graph, terms: list[_Term], operand: str, name: str) -> str:
    """Matrices times one value, all at once, with the biases that go with them."""
    matrix = np.concatenate([term.matrix for term in terms]).T
    (product,) = graph.apply("MatMul", operand, graph.array(np.ascontiguousarray(matrix), f"{name}_matrix"), name=name)
    if all(term.bias is None for term in terms):
        return product
    zeros = np.zeros(graph.hidden_size, graph.dtype)
    bias = np.concatenate([zeros if term.bias is None else term.bias for term in terms])
    return graph.apply("Add", product, graph.array(bias, f"{name}_bias"), name=name)[0]


def _parts(graph: Graph, terms: list[_Term], product: str) -> dict[tuple[str, int], str]:
    places = [(term.node, term.place) for term in terms]
    if len(places) == 1:
        return {places[0]: product}
    parts = graph.apply("Split", product, name=f"{product}_part", outputs=len(places), axis=-1, num_outputs=len(places))
    return dict(zip(places, parts, strict=True))


def _graph_proto(graph: Graph, inputs: Shapes, outputs: Shapes) -> onnx.GraphProto:
    """The graph without its arrays, which the outermost one holds."""
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(graph.dtype)
    taken, given = (
        [helper.make_tensor_value_info(name, kind, each) for name, each in s.items()] for s in (inputs, outputs)
    )
    nodes = [helper.make_node(each.op, each.inputs, each.outputs, **each.attributes) for each in graph.nodes]
    return helper.make_graph(nodes, "cell", taken, given)


def _proto(cell: Cell, graph: Graph, inputs: Shapes, outputs: Shapes) -> onnx.ModelProto:
    from onnx import checker, helper, numpy_helper

    made = _graph_proto(graph, inputs, outputs)
    made.initializer.extend(numpy_helper.from_array(array, name) for name, array in graph.arrays.items())
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="cellsearch"
    )
    helper.set_model_props(model, {"cell": printable(cell.name), "identity": identity(cell)})
    checker.check_model(model, full_check=True)
    return model
