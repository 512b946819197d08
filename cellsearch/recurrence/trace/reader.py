"""Reads the graph of torch.export, node by node, into the nodes of a cell.

What depends on parameters alone torch computes at once; what only moves units, torch moves; matrix products are
measured; the rest goes by the table of rules. Only what the results need is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import SymInt, Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import OutputKind

from cellsearch.cell import INPUT
from cellsearch.recurrence.trace.building.builder import BATCH, CellBuilder
from cellsearch.recurrence.trace.building.lines import UnsupportedError, line_of
from cellsearch.recurrence.trace.building.values import Condition, Known, ResultShape, Value
from cellsearch.recurrence.trace.calls import CallingConvention
from cellsearch.recurrence.trace.rules.arithmetic import RULES
from cellsearch.recurrence.trace.rules.decisions import DECISIONS, OF_NUMBERS, as_number
from cellsearch.recurrence.trace.rules.functions import FUNCTIONS
from cellsearch.recurrence.trace.rules.reasons import NO_GRADIENT, REASONS, REMEDY
from cellsearch.recurrence.trace.rules.reductions import REDUCTIONS
from cellsearch.recurrence.trace.rules.torch_cells import TORCH_CELLS

__all__ = ["read"]

MOVES: Final = frozenset(
    (
        "_unsafe_view",
        "alias",
        "broadcast_to",
        "cat",
        "chunk",
        "clone",
        "concat",
        "concatenate",
        "contiguous",
        "expand",
        "expand_as",
        "flatten",
        "hstack",
        "movedim",
        "narrow",
        "numpy_T",
        "permute",
        "repeat",
        "repeat_interleave",
        "reshape",
        "reshape_as",
        "select",
        "select_scatter",
        "slice",
        "slice_scatter",
        "split",
        "split_with_sizes",
        "squeeze",
        "stack",
        "swapaxes",
        "t",
        "tensor_split",
        "transpose",
        "unbind",
        "unflatten",
        "unsafe_chunk",
        "unsafe_split",
        "unsqueeze",
        "view",
        "view_as",
    )
)
"""Operations of torch that compute nothing."""

PRODUCTS: Final = frozenset(("addmm", "baddbmm", "bmm", "einsum", "inner", "linear", "matmul", "mm", "mv", "tensordot"))
"""Operations of torch that are matrix products, or have one that is first added to."""

ADDED: Final = {"addmm": 0, "baddbmm": 0, "linear": 2}
"""Place of the argument that a product is added to."""

FILLS: Final = {
    "zeros_like": 0.0,
    "new_zeros": 0.0,
    "ones_like": 1.0,
    "new_ones": 1.0,
    "full_like": None,
    "new_full": None,
}
"""Number that an operation fills a tensor with that is like another; None: its last argument."""

OPERATIONS: Final[Mapping[str, Callable[..., Any]]] = {
    **RULES,
    **FUNCTIONS,
    **REDUCTIONS,
    **DECISIONS,
    **OF_NUMBERS,
    **TORCH_CELLS,
}
"""Rule by torch's name for all that computes."""


def read(
    program: ExportedProgram, module: nn.Module, builder: CellBuilder, convention: CallingConvention
) -> list[Value]:
    """The values that a step returns, in the order of the program's results; their nodes are now in `builder`.

    Raises TraceError at the line of source that no cell can express.
    """
    reader = _GraphReader(program, builder, convention)
    *nodes, last = program.graph.nodes
    specs = list(zip(program.graph_signature.output_specs, last.args[0], strict=True))
    # A step may write over the states that it gets; what it returns is what counts.
    results = [result for spec, result in specs if spec.kind == OutputKind.USER_OUTPUT]
    needed = _needed(results)
    for node in filter(needed.__contains__, nodes):
        builder.line = line_of(_with_line(node, program), module) if node.op == "call_function" else builder.line
        try:
            reader.values[node] = reader.value(node)
        except UnsupportedError as reason:
            raise builder.line.refusal(str(reason)) from None
    for spec, result in specs:
        if spec.kind in (OutputKind.BUFFER_MUTATION, OutputKind.PARAMETER_MUTATION):
            raise line_of(result, module).refusal(
                f"it changes {spec.target!r}; what a cell remembers is a state, so return it as one"
            )
    return [reader.varying(result) for result in results]


def _with_line(node: fx.Node, program: ExportedProgram) -> fx.Node:
    """The node itself, or the first of the graph that it holds, which has its lines."""
    inner = [n for n in node.all_input_nodes if n.op == "get_attr"]
    if not inner:
        return node
    nodes = getattr(program.graph_module, str(inner[0].target)).graph.nodes
    first: fx.Node = next(n for n in nodes if n.op == "call_function")
    return first


class _GraphReader:
    def __init__(self, program: ExportedProgram, builder: CellBuilder, convention: CallingConvention) -> None:
        self.builder = builder
        self.module = program.graph_module
        self.values: dict[fx.Node, Any] = {}
        self.known = _known(program, builder)
        states = convention.tensors(tuple(builder.value(name).units for name in builder.states))
        self.sources = dict(zip(_given(program), [builder.value(INPUT), *map(Value, states)], strict=True))

    def value(self, node: fx.Node) -> Any:
        """A Value, a Known, or a tuple of these; nothing for a size, which `_given` computes for each batch."""
        if node.op == "placeholder":
            name = node.name
            return self.sources[name] if name in self.sources else self.known[name]
        if node.op == "get_attr":
            return getattr(self.module, str(node.target))
        if isinstance(node.meta.get("val"), SymInt | int):
            return None
        name = _name(node)
        if name == "getitem":
            return self.values[node.args[0]][node.args[1]]  # type: ignore[index]
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()) and name != "dropout":
            raise UnsupportedError(f"{name} draws random numbers; a cell computes the same each time, so leave it out")
        varying = [n for n in node.all_input_nodes if isinstance(self.values.get(n), Value)]
        if name in FILLS:
            fill = node.args[-1] if FILLS[name] is None else FILLS[name]
            return Known(torch.tensor(fill, dtype=self.builder.dtype), learned=False)
        if name == NO_GRADIENT:
            raise UnsupportedError(REASONS[name])
        if not varying:
            return self._computed(node)
        if name in MOVES:
            return self._move(node)
        if name in PRODUCTS:
            return self._product(node, name, varying)
        rule = OPERATIONS.get(name)
        if rule is None:
            raise UnsupportedError(REASONS.get(name, f"{name} is no operation of a cell; {REMEDY}"))
        args, kwargs = self._arguments(node, conditions=name in DECISIONS)
        return rule(self.builder, _result_shape(_first(node.meta["val"])), *args, **kwargs)

    def varying(self, node: fx.Node) -> Value:
        """The value of a result, which must change with the sequence."""
        value = self.values[node]
        if not isinstance(value, Value):
            raise self.builder.line.refusal(
                "a result is the same for every sequence; return what depends on x or a state"
            )
        return value

    def _computed(self, node: fx.Node) -> Any:
        operands = self._operands(node)
        learned = any(known.learned for known in operands)
        if _name(node) in MOVES and any(known.is_bare for known in operands):
            if len({known.number() for known in operands}) > 1:
                raise UnsupportedError(
                    f"{_name(node)} puts numbers beside other numbers or parameters; add them instead"
                )
            return _like(node.meta["val"], operands[0])
        result = self._run(node, lambda n: self.values[n].tensor, BATCH)
        if isinstance(result, Tensor):
            inner = operands[0].tensor if learned and _name(node) == "sigmoid" else None
            return Known(result, learned, sigmoid_of=inner)
        return tuple(Known(each, learned) for each in result)

    def _move(self, node: fx.Node) -> Any:
        if any(isinstance(self.values.get(n), Known) for n in node.all_input_nodes):
            raise UnsupportedError(f"{_name(node)} puts parameters or constants beside what changes; add them instead")
        if any(isinstance(self.values.get(n), Condition) for n in node.all_input_nodes):
            raise UnsupportedError(f"{_name(node)} moves a comparison; move what is compared instead")
        result = self._run(node, lambda n: self.builder.moved(self.values[n]), BATCH)
        moved = node.meta["val"]
        if isinstance(result, Tensor):
            return self.builder.after_move(result, _result_shape(moved).batch)
        batches = [_result_shape(each).batch for each in moved]
        return tuple(self.builder.after_move(*each) for each in zip(result, batches, strict=True))

    def _product(self, node: fx.Node, name: str, varying: list[fx.Node]) -> Value:
        args, kwargs = self._arguments(node)
        place = ADDED.get(name)
        bias = args[place] if place is not None and len(args) > place else None
        factors = [n for i, n in enumerate(_flat(node.args)) if i != place and isinstance(n, fx.Node)]
        inside = [n for n in factors if isinstance(self.values[n], Value)]
        if len(inside) != 1:
            raise UnsupportedError(
                f"{name} of two values that both change; a cell multiplies these unit by unit only: use *"
            )
        if kwargs.pop("beta", 1) != 1 or kwargs.pop("alpha", 1) != 1:
            raise UnsupportedError(f"{name} with alpha or beta; multiply by the number instead")
        weights = [self.values[n] for n in factors if n not in inside]
        if not all(weight.learned for weight in weights):
            raise UnsupportedError("its matrix is fixed, and a cell's matrices are learned; make it an nn.Parameter")
        shape = _result_shape(node.meta["val"])
        for weight in weights:
            self.builder.use(weight)

        def run(one_hot: Tensor, size: int) -> Tensor:
            def replaced(n: fx.Node) -> Tensor:
                if n in inside:
                    return one_hot
                known = self.values[n].tensor if isinstance(self.values[n], Known) else torch.zeros(())
                return known if n in factors else torch.zeros_like(known[0] if known.dim() > 1 else known)

            image: Tensor = self._run(node, replaced, size)
            return image

        own = bias if isinstance(bias, Known) and bias.learned else None
        count = sum(weight.tensor.numel() for weight in weights)
        product = self.builder.product(self.values[inside[0]], run, shape, count, own)
        return product if bias is own else RULES["add"](self.builder, shape, product, bias)

    def _arguments(self, node: fx.Node, conditions: bool = False) -> tuple[list[Any], dict[str, Any]]:
        """What the node is given; comparisons as 1 and 0, unless `conditions`."""

        def value(n: fx.Node) -> Any:
            found = self.values.get(n)
            if isinstance(found, Condition) and not conditions:
                return as_number(self.builder, _result_shape(n.meta["val"]), found)
            return found

        args = fx.node.map_arg(node.args, lambda n: self._given(n, BATCH, value))
        return list(args), dict(fx.node.map_arg(node.kwargs, lambda n: self._given(n, BATCH, value)))

    def _run(self, node: fx.Node, tensor: Callable[[fx.Node], Any], batch: int) -> Any:
        """What torch makes of the node for a batch of that size, with `tensor` for each operand."""
        assert callable(node.target)
        args = fx.node.map_arg(node.args, lambda n: self._given(n, batch, tensor))
        kwargs = fx.node.map_arg(node.kwargs, lambda n: self._given(n, batch, tensor))
        return node.target(*args, **kwargs)

    def _given(self, node: fx.Node, batch: int, tensor: Callable[[fx.Node], Any]) -> Any:
        if not isinstance(node.meta.get("val"), SymInt | int):
            return tensor(node)
        if _name(node) == "sym_size":
            return batch
        return self._run(node, tensor, batch)

    def _operands(self, node: fx.Node) -> list[Known]:
        found = [self.values.get(n) for n in node.all_input_nodes]
        return [known for known in found if isinstance(known, Known)]


def _given(program: ExportedProgram) -> list[str]:
    """The inputs that are tensors, and no constant arguments."""
    tensors = {n.name for n in program.graph.nodes if n.op == "placeholder" and isinstance(n.meta.get("val"), Tensor)}
    return [str(name) for name in program.graph_signature.user_inputs if name in tensors]


def _known(program: ExportedProgram, builder: CellBuilder) -> dict[str, Known]:
    """Parameters, buffers and constants by the name of their placeholder, on the CPU, where products are exact."""
    signature = program.graph_signature
    tensors = {**program.constants, **program.state_dict}
    fixed = {**signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
    known = {name: Known(tensors[key].detach().cpu().clone(), False) for name, key in fixed.items()}
    for name, key in signature.inputs_to_parameters.items():
        known[name] = builder.parameter(tensors[key].detach().cpu().clone(), frozen=not tensors[key].requires_grad)
    return known


def _needed(results: Any) -> set[fx.Node]:
    needed: set[fx.Node] = set()
    waiting = [node for node in results if isinstance(node, fx.Node)]
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting.extend(node.all_input_nodes)
    return needed


def _result_shape(value: Any) -> ResultShape:
    """Shape and batch dimension of a tensor of the builder: its one symbolic size is the batch's."""
    symbolic = [place for place, size in enumerate(value.shape) if isinstance(size, SymInt)]
    if len(symbolic) != 1 or not value.shape[symbolic[0]].node.expr.is_symbol:
        raise UnsupportedError(
            f"its result {list(value.shape)} has no batch of its own; a cell takes each sequence by itself, so "
            "keep the batch's dimension"
        )
    shape = tuple(1 if place == symbolic[0] else int(size) for place, size in enumerate(value.shape))
    return ResultShape(shape, symbolic[0])


def _name(node: fx.Node) -> str:
    target = node.target
    return str(getattr(getattr(target, "overloadpacket", target), "__name__", target))


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple | list) else value


def _like(results: Any, known: Known) -> Any:
    return tuple(known for _ in results) if isinstance(results, tuple | list) else known


def _flat(arguments: Any) -> list[Any]:
    return [each for a in arguments for each in (_flat(a) if isinstance(a, tuple | list) else [a])]
