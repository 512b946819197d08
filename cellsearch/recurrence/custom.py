"""A user's own operation: one decorated function of torch tensors, which joins the table of operations.

    @cs.op
    def soft_sign(a):
        return a / (1 + a.abs())

    @cs.op(derivative={"gate": lambda g, value: g * value, "value": lambda g, gate: g * gate})
    def gated(gate, value):
        return gate * value

From then on cells may use `soft_sign` and `gated`, and every backend runs them. Without a derivative, autograd finds
it. A cell file only names an operation: the module that defines it must be imported first. The module of a task or
search space is, in every worker too if it is the task's; an installed package offers its operations under their names
in the entry-point group `cellsearch.operations`.
"""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any, Final, overload

import torch
from torch import Tensor

from cellsearch.cell.ops import OPS, Op, is_known, register, unregister
from cellsearch.errors import CellError

__all__ = ["USER", "declare", "function_of", "op", "own_operations"]

Function = Callable[..., Tensor]
Derivatives = Function | Mapping[str, Function]

USER: Final = SimpleNamespace()
"""The users' functions, `name`, and their derivatives, `name_by_a`: expressions call them `user.name`."""

HOW: Final = "import the module that defines it first, in a command by --space my_ops.py"

LETTERS: Final = "abc"
RESERVED: Final = {*LETTERS, "g", "k", "y"}
"""Names that mean something else in an expression of the table."""

_DEFINED: Final[dict[str, FunctionType]] = {}
_DECLARED: Final[dict[str, Sequence[str]]] = {}
"""The names that expressions call, by operation that is known without its function."""


@dataclass(frozen=True)
class _Derivative:
    """The gradient of one operand: a function of what it `reads`, `g`, `y` and operands by their letters."""

    function: Function
    reads: tuple[str, ...]


@overload
def op(function: Function, /) -> Function: ...
@overload
def op(*, derivative: Derivatives) -> Callable[[Function], Function]: ...
def op(
    function: Function | None = None, /, *, derivative: Derivatives | None = None
) -> Function | Callable[[Function], Function]:
    """Make a function of 1 to 3 tensors [.., H] an operation of the function's name; a decorator.

    It must compute each row [H] of its result from the same rows of its operands alone, and change nothing in place.
    `derivative` gives for each operand, by its name, a function of the gradient `g` that arrives, the result `y` and
    the operands, which takes those that it needs by name; with one operand it may be just that function.

    Returns the function, differentiated as said, so that `torch.autograd.gradcheck` can check a derivative. Raises
    CellError if the name is taken, or the function or a derivative is not as it must be.
    """
    if function is None:
        return lambda function: _define(function, derivative)
    return _define(function, derivative)


def own_operations(names: Iterable[str]) -> dict[str, int]:
    """Which of these operations are no rows of ours, and how many operands each takes: what `declare` needs."""
    return {name: OPS[name].least for name in sorted(set(names)) if name in _DEFINED or name in _DECLARED}


def function_of(name: str) -> FunctionType:
    """The function of an own operation as its user wrote it. Raises CellError if it is not defined here."""
    if name not in _DEFINED:
        raise CellError(f"operation {name!r} is not defined here; {HOW}")
    return _DEFINED[name]


def declare(name: str, operands: int) -> None:
    """Make known that an operation takes so many operands, without its function, which `op` may give later.

    Cells that have it can be read, compared and drawn, so that a study needs no code; who runs one gets a CellError.
    """
    _check_name(name)
    if is_known(name):
        return

    def missing(*tensors: Tensor) -> Tensor:
        raise CellError(f"operation {name!r} is not defined here; {HOW}")

    letters = LETTERS[:operands]
    calls = [name, *(f"{name}_by_{letter}" for letter in letters)]
    row = Op(
        name,
        "defined elsewhere",
        f"{name}({', '.join(letters)})",
        {letter: f"{name}_by_{letter}({', '.join('g' + letters)})" for letter in letters},
        least=operands,
        most=operands,
    )
    register(row, {call: f"user.{call}({', '.join(['{}'] * (operands + (call != name)))})" for call in calls})
    vars(USER).update(dict.fromkeys(calls, missing))
    _DECLARED[name] = calls


def _define(function: Function, derivative: Derivatives | None) -> Function:
    assert isinstance(function, FunctionType), "op decorates a function"
    name = function.__name__
    if name in _DEFINED:
        return _again(name, function)
    operands = _operands(function)
    if derivative is None:
        by = [_by_autograd(function, position, len(operands)) for position in range(len(operands))]
        forward: Function = function
    else:
        by = [_given(name, operand, operands, derivative) for operand in operands]
        forward = _differentiated(function, by)
    _check(name, forward, by)
    if name in _DECLARED:
        unregister(name, _DECLARED.pop(name))
    letters = LETTERS[: len(operands)]
    calls = {f"{name}_by_{letter}": each for letter, each in zip(letters, by, strict=True)}
    row = Op(
        name,
        (inspect.getdoc(function) or f"defined in {function.__module__}").splitlines()[0],
        f"{name}({', '.join(letters)})",
        {letter: f"{call}({', '.join(calls[call].reads)})" for letter, call in zip(letters, calls, strict=True)},
        least=len(operands),
        most=len(operands),
    )
    counts = {name: len(operands)} | {call: len(each.reads) for call, each in calls.items()}
    register(row, {call: f"user.{call}({', '.join(['{}'] * count)})" for call, count in counts.items()})
    vars(USER).update({name: forward} | {call: each.function for call, each in calls.items()})
    _DEFINED[name] = function
    return forward


def _again(name: str, function: FunctionType) -> Function:
    """The operation that is there, if the same lines are run once more, as a notebook does."""
    first = _DEFINED[name]
    if first.__module__ == function.__module__ and _does(first.__code__) == _does(function.__code__):
        return getattr(USER, name)  # type: ignore[no-any-return]
    raise CellError(
        f"operation {name!r} is defined already, in {first.__module__}; cells that use it would change, "
        "so give this one another name, or start Python anew"
    )


def _does(code: CodeType) -> tuple[object, ...]:
    """What lines do, wherever in a file they stand."""
    constants = tuple(_does(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars


def _operands(function: FunctionType) -> tuple[str, ...]:
    name = function.__name__
    _check_name(name)
    parameters = inspect.signature(function).parameters.values()
    operands = tuple(each.name for each in parameters if each.default is each.empty)
    if any(each.kind is not each.POSITIONAL_OR_KEYWORD for each in parameters) or not 1 <= len(operands) <= 3:
        raise CellError(f"operation {name!r} must take 1 to 3 tensors, got {inspect.signature(function)}")
    return operands


def _check_name(name: str) -> None:
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) or name.startswith("_"):
        raise CellError(f"operation {name!r}: no name for an operation; name the function, beginning with a letter")
    if name in RESERVED:
        raise CellError(f"operation {name!r}: this letter has a meaning in the table of operations; use a longer name")


def _by_autograd(function: Function, position: int, count: int) -> _Derivative:
    def derivative(g: Tensor, *operands: Tensor) -> Tensor:
        with torch.enable_grad():
            aliases = [operand.detach() for operand in operands]
            wanted = aliases[position].requires_grad_()
            y = function(*aliases)
            if not y.requires_grad:
                return torch.zeros_like(wanted)
            (gradient,) = torch.autograd.grad(y, wanted, g)
        return gradient

    return _Derivative(derivative, ("g", *LETTERS[:count]))


def _given(name: str, operand: str, operands: tuple[str, ...], derivative: Derivatives) -> _Derivative:
    given = derivative if isinstance(derivative, Mapping) else {operands[0]: derivative}
    if set(given) != set(operands):
        raise CellError(
            f"operation {name!r} must have a derivative for each of {', '.join(operands)}, got {', '.join(given)}; "
            "give all, or none for autograd's"
        )
    letters = {"g": "g", "y": "y"} | dict(zip(operands, LETTERS, strict=False))
    reads = tuple(inspect.signature(given[operand]).parameters)
    unknown = [each for each in reads if each not in letters]
    if unknown:
        raise CellError(
            f"operation {name!r}: its derivative by {operand!r} takes {unknown[0]!r}; use {', '.join(letters)}"
        )
    return _Derivative(given[operand], tuple(letters[each] for each in reads))


def _differentiated(function: Function, by: Sequence[_Derivative]) -> Function:
    """The function with its own derivatives in the place of autograd's."""

    class Differentiated(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *operands: Tensor) -> Tensor:
            y = function(*operands)
            ctx.save_for_backward(y, *operands)
            return y

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> tuple[Tensor, ...]:
            y, *operands = ctx.saved_tensors
            values = {"g": g, "y": y} | dict(zip(LETTERS, operands, strict=False))
            return tuple(each.function(*(values[name] for name in each.reads)) for each in by)

    def differentiated(*operands: Tensor) -> Tensor:
        return Differentiated.apply(*operands)  # type: ignore[no-any-return, no-untyped-call]

    return differentiated


def _check(name: str, function: Function, by: Sequence[_Derivative]) -> None:
    """Try the operation on a few numbers. Raises CellError."""
    generator = torch.Generator().manual_seed(0)
    operands = [torch.randn(3, 4, dtype=torch.float64, generator=generator) for _ in by]
    kept = [operand.clone() for operand in operands]
    y = _tried(name, "it", function, operands)
    if not all(map(torch.equal, operands, kept)):
        raise CellError(f"operation {name!r} changes its operands in place; let it compute a new tensor")
    if not torch.allclose(y[:1], function(*(operand[:1] for operand in operands)), equal_nan=True):
        raise CellError(
            f"operation {name!r} gives a row other values when it stands alone; compute each row of the result from "
            "the same rows of the operands, without chance"
        )
    values = {"g": torch.ones_like(y), "y": y} | dict(zip(LETTERS, operands, strict=False))
    for each in by:
        _tried(name, "its derivative", each.function, [values[letter] for letter in each.reads])


def _tried(name: str, what: str, function: Function, operands: Sequence[Tensor]) -> Tensor:
    try:
        result = function(*operands)
    except Exception as error:
        raise CellError(f"operation {name!r}: {what} fails on tensors [3, 4] of float64: {error}") from error
    if not isinstance(result, Tensor) or result.shape != (3, 4) or result.dtype != torch.float64:
        got = f"{list(result.shape)} of {result.dtype}" if isinstance(result, Tensor) else repr(result)
        raise CellError(f"operation {name!r}: of tensors [3, 4] of float64 {what} must make another, got {got}")
    return result
