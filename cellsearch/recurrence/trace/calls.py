"""How a user's step module is called, found by trying, and the graph that torch.export makes of it.

B is a batch that is neither the input size nor the hidden size, x: [B, I], each state: [B, H].
"""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import isfunction
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram
from torch.fx.traceback import annotate_fn
from torch.overrides import TorchFunctionMode

from cellsearch.errors import TraceError
from cellsearch.recurrence.interface import States

__all__ = [
    "TORCH",
    "CallingConvention",
    "Line",
    "UnsupportedError",
    "calling_convention",
    "exported",
    "forward_line",
    "line_of",
    "random_step",
]

MOST_STATES: Final = 8
"""States in one tuple, at most, that are tried."""

TORCH: Final = str(Path(torch.__file__).parent)
"""Folder of torch: whose lines are no user's."""

HERE: Final = str(Path(__file__).parent)
STANDARD: Final = str(Path(inspect.__file__).parent) + "/"


class UnsupportedError(Exception):
    """Why something cannot be expressed; whoever knows the line of source makes a TraceError of it."""


@dataclass(frozen=True)
class Line:
    """A line of the user's source, and the one that it was called from."""

    file: str
    number: int
    text: str
    caller: Line | None = None

    def refusal(self, reason: str) -> TraceError:
        """The error that names the line and the reason."""
        return TraceError(f"{self}: {reason}")

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: `{self.text}`"


@dataclass(frozen=True)
class CallingConvention:
    """How a module takes its states, `count` of them: in one tuple, or as arguments of their own."""

    count: int
    in_tuple: bool

    def arguments(self, x: Tensor, states: States) -> tuple[Any, ...]:
        """The arguments of `forward`."""
        return (x, tuple(states)) if self.in_tuple else (x, *states)

    def returned(self, result: object) -> tuple[Tensor, States] | None:
        """The output and the next states in what `forward` returned; None if these are not in it.

        Either `(output, states)` with the states in the form in which they came, or the states alone as `nn.LSTMCell`
        returns them; the output is then the first.
        """
        match result:
            case Tensor() if self.count == 1:
                return result, (result,)
            case (Tensor() as output, tuple() | list() as states) if _tensors(states, self.count):
                return output, tuple(states)
            case tuple() | list() if _tensors(result, self.count + 1):
                return result[0], tuple(result[1:])
            case tuple() | list() if _tensors(result, self.count):
                return result[0], tuple(result)
        return None


def calling_convention(module: nn.Module, x: Tensor, states: States) -> CallingConvention:
    """The way of calling that fits: the first that runs and returns as many states of the shape that they had.

    Raises TraceError with the failure of the way that got furthest.
    """
    furthest, reason = -1, TraceError(f"{_forward(module)} takes no state; a step is forward(x, state)")
    for convention in _conventions(module):
        counter = _Counter()
        try:
            with torch.no_grad(), counter:
                problem = _problem(
                    convention, module(*convention.arguments(x, states[: convention.count])), x, states[0]
                )
            if problem is None:
                return convention
            failure = TraceError(f"{_forward(module)} {problem}")
        except Exception as error:  # Whatever the user's code raises tells that this way does not fit.
            failure = _failure(module, error, x, states[0])
        if counter.calls > furthest:
            furthest, reason = counter.calls, failure
    raise reason


def exported(module: nn.Module, convention: CallingConvention, x: Tensor, states: States) -> ExportedProgram:
    """The graph of one step for any batch size, in which nothing changes in place.

    Raises TraceError at the line that has none.
    """
    batch = {0: Dim.AUTO}
    _keep_lines(module)
    shapes = convention.arguments(batch, (batch,) * convention.count)  # type: ignore[arg-type]
    try:
        with _quiet():
            program = torch.export.export(module, convention.arguments(x, states), dynamic_shapes=shapes)
            return program.run_decompositions({}) if any(map(_changes_in_place, program.graph.nodes)) else program
    except Exception as error:
        raise _failure(module, error, x, states[0]) from None


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

    return draw(input_size), tuple(draw(hidden_size) for _ in range(MOST_STATES))


def line_of(node: fx.Node, module: nn.Module) -> Line:
    """The user's line that a node of the graph comes from; that of `forward` where only torch's own led to it."""
    line = None
    for file, number, text in re.findall(r'File "(.+)", line (\d+), in .+\n(.*)', node.meta.get("stack_trace") or ""):
        if not file.startswith((TORCH, "torch/")):
            line = Line(file, int(number), text.strip(), caller=line)
    return line or forward_line(module)


def forward_line(module: nn.Module) -> Line:
    """The line on which the module's `forward` begins."""
    code = inspect.unwrap(type(module).forward).__code__
    text = linecache.getline(code.co_filename, code.co_firstlineno).strip()
    return Line(code.co_filename, code.co_firstlineno, text)


def _keep_lines(module: nn.Module) -> None:
    """Have torch keep the lines of helper methods and functions too; it keeps those of `forward` by itself."""
    classes = {kind for part in module.modules() for kind in type(part).__mro__ if not _is_torchs(kind)}
    for kind in classes:
        module_of = sys.modules.get(kind.__module__)
        beside = filter(isfunction, vars(module_of).values()) if module_of else ()
        for function in (*filter(isfunction, vars(kind).values()), *beside):
            annotate_fn({})(function)


def _is_torchs(kind: type) -> bool:
    return kind is object or kind.__module__.split(".")[0] == "torch"


def _conventions(module: nn.Module) -> Iterator[CallingConvention]:
    parameters = list(inspect.signature(module.forward).parameters.values())[1:]
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = sum(p.default is p.empty for p in places)
    if needed < 2 and places:
        # A tensor passes for a tuple where a tuple is indexed, so that tuples come first; two states are most common.
        yield from (CallingConvention(count, in_tuple=True) for count in (2, 1, *range(3, MOST_STATES + 1)))
    yield from (
        CallingConvention(count, in_tuple=False) for count in range(max(1, needed), min(len(places), MOST_STATES) + 1)
    )


def _problem(convention: CallingConvention, result: object, x: Tensor, state: Tensor) -> str | None:
    parts = convention.returned(result)
    if parts is None:
        return f"returns {_shapes(result)}; a step returns (output, state), or the states in the form that they came in"
    output, states = parts
    if any(each.shape != state.shape for each in states):
        return f"returns states {_shapes(states)} for states {list(state.shape)}; all need the hidden size"
    if output.shape != state.shape:
        return f"returns the output {_shapes(output)}; it needs the hidden size, {list(state.shape)}: read out outside"
    return None


def _failure(module: nn.Module, error: Exception, x: Tensor, state: Tensor) -> TraceError:
    line = _user_line(error.__traceback__) or forward_line(module)
    first = next((text.strip() for text in str(error).splitlines() if text.strip()), type(error).__name__)
    if "data-dependent" in first:
        first = "the way taken depends on the numbers in the input or state; a cell does the same at every step"
    return line.refusal(f"{first} (in a step with x {list(x.shape)} and states {list(state.shape)})")


def _user_line(trace: TracebackType | None) -> Line | None:
    frames = [f for f in traceback.extract_tb(trace) if not f.filename.startswith((TORCH, HERE, STANDARD, "<"))]
    if not frames:
        return None
    last = frames[-1]
    return Line(last.filename, last.lineno or 0, (last.line or "").strip())


def _forward(module: nn.Module) -> str:
    return f"{forward_line(module)}: {type(module).__name__}.forward"


def _tensors(values: tuple[object, ...] | list[object], count: int) -> bool:
    return len(values) == count and all(isinstance(value, Tensor) for value in values)


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
