"""The functions of the expression language in which the table of operations is written.

A function has its source in torch. A compiling backend has the plain ones, which work an element at a time, under the
same name in its own language, and those that look along a row of hidden units: `row_sum`, `row_max`, `running_sum` with
its mirror image `reverse_sum`, and `group_mean`. All others it takes from their definition by these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["FUNCTIONS", "Function", "add_functions", "remove_functions"]


@dataclass(frozen=True)
class Function:
    """One function: its source in torch with a place for each argument, and its definition in `a`, if it has one.

    A user's function is known to torch alone: `compiles` is False.
    """

    torch: str
    definition: str = ""
    compiles: bool = True


_FUNCTIONS: Final[dict[str, Function]] = {
    "sigmoid": Function("torch.sigmoid({})"),
    "tanh": Function("torch.tanh({})"),
    "relu": Function("torch.relu({})"),
    "leaky_relu": Function("torch.nn.functional.leaky_relu({})"),
    "clip": Function("torch.clamp({}, 0, 1)"),
    "exp": Function("torch.exp({})"),
    "softplus": Function("torch.nn.functional.softplus({}, 1, 40)"),  # its default ends at 20, which float64 sees
    "silu": Function("torch.nn.functional.silu({})"),
    "gelu": Function("torch.nn.functional.gelu({})"),
    "sin": Function("torch.sin({})"),
    "cos": Function("torch.cos({})"),
    "log": Function("torch.log({})"),
    "sqrt": Function("torch.sqrt({})"),
    "rsqrt": Function("torch.rsqrt({})"),
    "maximum": Function("torch.maximum({}, {})"),
    "minimum": Function("torch.minimum({}, {})"),
    "normal_cumulative": Function("torch.special.ndtr({})"),
    "positive": Function("torch.heaviside({0}, torch.zeros_like({0}))"),
    "larger": Function("torch.heaviside(({0}) - ({1}), torch.full_like({0}, 0.5))"),
    "choose": Function("torch.where({0} > 0, {1}, {2})"),
    "row_sum": Function("torch.sum({}, -1, keepdim=True)"),
    "row_max": Function("torch.amax({}, -1, keepdim=True)"),
    "running_sum": Function("torch.cumsum({}, -1)"),
    "reverse_sum": Function("torch.flip(torch.cumsum(torch.flip({}, (-1,)), -1), (-1,))"),
    "group_mean": Function(
        "torch.repeat_interleave("
        "torch.mean(torch.unflatten({0}, -1, (math.gcd(int({1}), ({0}).shape[-1]), -1)), -1), "
        "({0}).shape[-1] // math.gcd(int({1}), ({0}).shape[-1]), -1)"
    ),
    "row_mean": Function("torch.mean({}, -1, keepdim=True)", "row_sum(a) / hidden_size"),
    "is_positive": Function("torch.relu(torch.sign({}))", "positive(a)"),  # heaviside has no gradient in torch
    "level": Function("torch.broadcast_to(torch.mean({0}, -1, keepdim=True), ({0}).shape)", "row_mean(a)"),
    "softmax": Function("torch.softmax({}, -1)", "exp(a - row_max(a)) / row_sum(exp(a - row_max(a)))"),
    "normalize": Function(
        "torch.nn.functional.layer_norm({0}, ({0}).shape[-1:])", "(a - row_mean(a)) * inverse_deviation(a)"
    ),
    "inverse_deviation": Function(
        "torch.rsqrt(torch.var({}, -1, unbiased=False, keepdim=True) + 1e-5)",
        "rsqrt(row_mean((a - row_mean(a)) * (a - row_mean(a))) + 1e-5)",
    ),
    "rms_normalize": Function("torch.nn.functional.rms_norm({0}, ({0}).shape[-1:], None, 1e-5)", "a * inverse_rms(a)"),
    "inverse_rms": Function(
        "torch.rsqrt(torch.mean(torch.square({}), -1, keepdim=True) + 1e-5)", "rsqrt(row_mean(a * a) + 1e-5)"
    ),
}

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(_FUNCTIONS)
"""Function of the expression language by name."""


def remove_functions(names: Iterable[str]) -> None:
    """Take functions away that `add_functions` added."""
    for name in names:
        del _FUNCTIONS[name]


def add_functions(sources: Mapping[str, str]) -> None:
    """Add functions of a user's operation, by their source in torch."""
    _FUNCTIONS.update({name: Function(source, compiles=False) for name, source in sources.items()})
