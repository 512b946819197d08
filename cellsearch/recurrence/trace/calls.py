"""How a user's step module is called, found by trying, and the graph that torch.export makes of it.

B is a batch that is neither the input size nor the hidden size, x: [B, I], each state: [B, H] or several times as wide.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import Parameter, isfunction
from itertools import accumulate
from typing import Any, Final

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram
from torch.fx.traceback import annotate_fn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from cellsearch.errors import TraceError
from cellsearch.recurrence.interface import States
from cellsearch.recurrence.trace.building.lines import forward_line, is_torchs, user_line
from cellsearch.recurrence.trace.forms import Form, forms_in_source, state_by_default, tuple_form

__all__ = ["CallingConvention", "calling_convention", "exported", "failure", "random_step"]

MOST_STATES: Final = 8
"""Tensors in one tuple, at most, that are tried."""

NO_STATES: Final = frozenset(
    ("t", "ts", "dt", "time", "times", "timespan", "timespans", "delta", "delta_t", "elapsed", "elapsed_time", "mask")
)
"""Names of arguments that are no states, whatever a step returns."""


@dataclass(frozen=True)
class CallingConvention:
    """How a module takes its states: in one argument of some form, or as several arguments; and constants by name.

    `names` are those of the arguments that may be states, `first` the input's. `widths` has the hidden sizes in each
    tensor; a wide one is several states of the cell side by side. `output_last`: the states are returned before it.
    """

    form: Form
    names: tuple[str, ...]
    widths: tuple[int, ...]
    spread: bool = False
    constants: Mapping[str, object] = field(default_factory=dict)
    first: str = "x"
    output_last: bool = False

    @property
    def count(self) -> int:
        """States of the cell."""
        return sum(self.widths)

    def arguments(self, x: Tensor, states: States) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What `forward` is called with, by place; and by name where some arguments are constants."""
        parts = self._parts(self.tensors(states))
        if not self.constants:
            return (x, *parts), {}
        return (x,), {**dict(zip(self.names, parts, strict=False)), **self.constants}

    def call(self, module: nn.Module, x: Tensor, states: States) -> object:
        """What a step returns."""
        args, kwargs = self.arguments(x, states)
        return module(*args, **kwargs)

    def shapes(self, batch: object) -> Any:
        """The arguments' shapes for torch.export, `batch` for each tensor."""
        parts = self._parts([batch] * len(self.widths))
        if not self.constants:
            return (batch, *parts)
        return {self.first: batch, **dict(zip(self.names, parts, strict=False)), **dict.fromkeys(self.constants)}

    def returned(self, result: object) -> tuple[Tensor, States] | None:
        """The output and the next states in what `forward` returned; None if these are not in it.

        Either `(output, states)` or `(states, output)`, or the states alone as `nn.LSTMCell` returns them; the output
        is then the first.
        """
        leaves = pytree.tree_leaves(result)
        if not all(isinstance(leaf, Tensor) for leaf in leaves):
            return None
        if len(leaves) - len(self.widths) not in (0, 1):
            return None
        output, *states = replace(self, output_last=self.has_output_last(result)).arranged(leaves)
        return output, tuple(states)

    def arranged(self, results: Sequence[Any]) -> list[Any]:
        """The output and then the states, of the results in the order in which they are returned."""
        if len(results) == len(self.widths):
            return [results[0], *results]
        return [results[-1], *results[:-1]] if self.output_last else list(results)

    def has_output_last(self, result: object) -> bool:
        """Whether a step returns (states, output), several states together."""
        match result:
            case (tuple() | list() | dict()) as states, Tensor():
                return len(pytree.tree_leaves(states)) == len(self.widths) > 1
        return False

    def apart(self, tensors: Sequence[Tensor]) -> States:
        """The states of the cell in the tensors of the module."""
        return tuple(part for each, width in zip(tensors, self.widths, strict=True) for part in each.chunk(width, -1))

    def tensors(self, states: States) -> list[Tensor]:
        """The tensors of the module, each of one or several states of the cell."""
        places = zip(accumulate(self.widths), self.widths, strict=True)
        return [torch.cat(states[end - width : end], -1) for end, width in places]

    def _parts(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """What each argument for states has, of something for each tensor."""
        tree = pytree.tree_unflatten(leaves, pytree.tree_structure(self.form))
        return tuple(tree) if self.spread else (tree,)


def calling_convention(
    module: nn.Module, x: Tensor, states: States, constants: Mapping[str, object]
) -> CallingConvention:
    """The way of calling that fits: the first that runs and returns as many states of the shape that they had.

    Raises TraceError with the failure of the most likely way, and among these of the one that got furthest.
    """
    furthest, reason = (-1, -1), TraceError(f"{_forward(module)} takes no state; a step is forward(x, state)")
    for likely, convention in _conventions(module, x, states[0], constants):
        counter = _Counter()
        try:
            with torch.no_grad(), counter:
                result = convention.call(module, x, states[: convention.count])
                problem = _problem(convention, result, x, states[0])
            if problem is None:
                return replace(convention, output_last=convention.has_output_last(result))
            failed = TraceError(f"{_forward(module)} {problem}")
        except Exception as error:  # Whatever the user's code raises tells that this way does not fit.
            failed = failure(module, error, x, states[0])
        if (likely, counter.calls) > furthest:
            furthest, reason = (likely, counter.calls), failed
    raise reason


def exported(module: nn.Module, convention: CallingConvention, x: Tensor, states: States) -> ExportedProgram:
    """The graph of one step for any batch size, in which nothing changes in place.

    Raises TraceError at the line that has none.
    """
    _keep_lines(module)
    args, kwargs = convention.arguments(x, states)
    shapes = convention.shapes({0: Dim.AUTO})
    try:
        with _quiet():
            program = torch.export.export(module, args, kwargs, dynamic_shapes=shapes)
            return program.run_decompositions({}) if any(map(_changes_in_place, program.graph.nodes)) else program
    except Exception as error:
        raise failure(module, error, x, states[0]) from None


def _changes_in_place(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and schema.is_mutable


def random_step(module: nn.Module, input_size: int, hidden_size: int) -> tuple[Tensor, States]:
    """An input and states to try with, of the module's precision and on its device, always the same numbers."""
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    batch = next(size for size in (7, 11, 13) if size not in (input_size, hidden_size))
    generator = torch.Generator().manual_seed(0)

    def draw(width: int) -> Tensor:
        return torch.randn(batch, width, generator=generator, dtype=torch.float64).to(like)

    return draw(input_size), tuple(draw(hidden_size) for _ in range(2 * MOST_STATES))


def failure(module: nn.Module, error: Exception, x: Tensor, state: Tensor) -> TraceError:
    """What the user's code raised, as an error at its line."""
    line = user_line(error.__traceback__) or forward_line(module)
    first = next((text.strip() for text in str(error).splitlines() if text.strip()), type(error).__name__)
    if "data-dependent" in first:
        first = (
            "the way taken depends on the numbers in the input or state; a cell does the same at every step: use "
            "torch.where"
        )
    return line.refusal(f"{first} (in a step with x {list(x.shape)} and states {list(state.shape)})")


def _keep_lines(module: nn.Module) -> None:
    """Have torch keep the lines of helper methods and functions too; it keeps those of `forward` by itself."""
    classes = {kind for part in module.modules() for kind in type(part).__mro__ if not is_torchs(kind)}
    for kind in classes:
        module_of = sys.modules.get(kind.__module__)
        beside = filter(isfunction, vars(module_of).values()) if module_of else ()
        for function in (*filter(isfunction, vars(kind).values()), *beside):
            annotate_fn({})(function)


def _conventions(
    module: nn.Module, x: Tensor, state: Tensor, constants: Mapping[str, object]
) -> Iterator[tuple[int, CallingConvention]]:
    """Ways of calling, each with how likely it is: 2 as the module itself says, 1 as most are, 0 anything else."""
    first, *others = inspect.signature(module.forward).parameters.values()
    if unknown := [name for name in constants if name not in {p.name for p in others}]:
        raise TraceError(f"{_forward(module)} has no argument {unknown[0]!r}; give one of its own")
    places = [p for p in others if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in constants]
    names = tuple(p.name for p in places)
    needed = sum(p.default is Parameter.empty for p in places)

    def convention(form: Form, widths: Sequence[int] | None = None, spread: bool = False) -> CallingConvention:
        count = len(pytree.tree_leaves(form))
        return CallingConvention(form, names, tuple(widths or (1,) * count), spread, constants, first.name)

    if needed < 2 and places:
        told = list[CallingConvention]()
        if default := state_by_default(module, x, constants):
            form, widths = default
            if any(width % state.shape[1] for width in widths):
                raise TraceError(
                    f"{_forward(module)} has states of {' and '.join(map(str, widths))} units, the hidden size is "
                    f"{state.shape[1]}; let each have the hidden size or a multiple of it"
                )
            told.append(convention(form, [width // state.shape[1] for width in widths]))
        told += [convention(form) for form in forms_in_source(module, places[0].name)]
        yield from ((2, each) for each in told)
        # A tensor passes for a tuple where a tuple is indexed, so that tuples come first; two states are most common.
        for count in (2, 1, *range(3, MOST_STATES + 1)):
            yield 0, convention(tuple_form(count))
    for count in range(max(1, needed), min(len(places), MOST_STATES) + 1):
        single = count == 1
        yield 1, convention(... if single else tuple_form(count), spread=not single)


def _problem(convention: CallingConvention, result: object, x: Tensor, state: Tensor) -> str | None:
    parts = convention.returned(result)
    if convention.spread and (extra := _no_state(convention, parts[1] if parts else ())):
        return (
            f"takes {extra!r} beside the input and its states, and returns no next value of it; give it a value that "
            f"stays the same: trace(module, {extra}=1.0)"
        )
    if parts is None:
        return f"returns {_shapes(result)}; a step returns (output, state), or the states in the form that they came in"
    output, states = parts
    wanted = [(*state.shape[:-1], width * state.shape[-1]) for width in convention.widths]
    if [tuple(each.shape) for each in states] != wanted:
        return f"returns states {_shapes(states)} for states {list(state.shape)}; all need the hidden size"
    if output.shape != state.shape:
        return f"returns the output {_shapes(output)}; it needs the hidden size, {list(state.shape)}: read out outside"
    return None


def _no_state(convention: CallingConvention, states: States) -> str | None:
    """The argument that is no state: by its name, or since one tensor is returned for it and for a state before it."""
    taken = convention.names[: len(convention.widths)]
    if named := next((name for name in taken if name in NO_STATES), None):
        return named
    for place, each in enumerate(states):
        if any(each is other for other in states[:place]):
            return taken[place]
    return None


def _forward(module: nn.Module) -> str:
    return f"{forward_line(module)}: {type(module).__name__}.forward"


def _shapes(value: object) -> str:
    match value:
        case Tensor():
            return str(list(value.shape))
        case tuple() | list():
            return f"({', '.join(map(_shapes, value))})"
    return f"a {type(value).__name__}"


class _Counter(TorchFunctionMode):
    """Counts the torch functions that ran without an error."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.calls += 1
        return result


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """torch prints the graph so far when a branch depends on data; the error that we raise says it in one line."""
    logger = logging.getLogger("torch.fx.experimental")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch, about torch
            yield
    finally:
        logger.setLevel(level)
