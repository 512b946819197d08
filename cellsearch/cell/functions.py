"""The functions of the expression language in which the table of operations is written.

A function has its source in torch and, for exports, in JAX (`jax`, `jnp`) and in ONNX. There a call is an operator of
ONNX with its attributes by name, a number has the model's precision, and a list holds whole numbers, among which
`hidden_size` may stand. A language that has no source for a function takes its definition.

A compiling backend has the plain functions, which work an element at a time, under the same name in its own language,
and those that look along a row of hidden units: `row_sum`, `row_max`, `running_sum` with its mirror `reverse_sum`,
and `group_mean`. All others it takes from their definition by these.
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

    A function that no operation's value calls has no source in JAX and ONNX. A user's function is known to torch alone:
    `compiles` is False.
    """

    torch: str
    definition: str = ""
    compiles: bool = True
    jax: str = ""
    onnx: str = ""


_FUNCTIONS: Final[dict[str, Function]] = {
    "sigmoid": Function("torch.sigmoid({})", jax="jax.nn.sigmoid({})", onnx="Sigmoid({})"),
    "tanh": Function("torch.tanh({})", jax="jnp.tanh({})", onnx="Tanh({})"),
    "relu": Function("torch.relu({})", jax="jax.nn.relu({})", onnx="Relu({})"),
    "leaky_relu": Function(
        "torch.nn.functional.leaky_relu({})",
        jax="jax.nn.leaky_relu({})",
        onnx="Max({0}, 0.01 * ({0}))",  # an attribute is float32 at most
    ),
    "clip": Function("torch.clamp({}, 0, 1)", jax="jnp.clip({}, 0, 1)", onnx="Clip({}, 0, 1)"),
    "exp": Function("torch.exp({})", jax="jnp.exp({})", onnx="Exp({})"),
    "softplus": Function(
        "torch.nn.functional.softplus({}, 1, 40)",  # its default ends at 20, which float64 sees
        jax="jax.nn.softplus({})",
        onnx="Softplus({})",
    ),
    "silu": Function("torch.nn.functional.silu({})", jax="jax.nn.silu({})", onnx="({0}) * Sigmoid({0})"),
    "gelu": Function(
        "torch.nn.functional.gelu({})",
        jax="jax.nn.gelu({}, approximate=False)",
        onnx="0.5 * ({0}) * (1 + Erf(({0}) * 0.7071067811865476))",
    ),
    "sin": Function("torch.sin({})", jax="jnp.sin({})", onnx="Sin({})"),
    "cos": Function("torch.cos({})"),
    "log": Function("torch.log({})", jax="jnp.log({})", onnx="Log({})"),
    "sqrt": Function("torch.sqrt({})", jax="jnp.sqrt({})", onnx="Sqrt({})"),
    "rsqrt": Function("torch.rsqrt({})", jax="jax.lax.rsqrt({})", onnx="1 / Sqrt({})"),
    "maximum": Function("torch.maximum({}, {})", jax="jnp.maximum({}, {})", onnx="Max({}, {})"),
    "minimum": Function("torch.minimum({}, {})", jax="jnp.minimum({}, {})", onnx="Min({}, {})"),
    "normal_cumulative": Function("torch.special.ndtr({})"),
    "positive": Function("torch.heaviside({0}, torch.zeros_like({0}))"),
    "larger": Function("torch.heaviside(({0}) - ({1}), torch.full_like({0}, 0.5))"),
    "choose": Function(
        "torch.where({0} > 0, {1}, {2})",
        jax="jnp.where({0} > 0, {1}, {2})",
        onnx="Where(Greater({0}, 0), {1}, {2})",
    ),
    "row_sum": Function("torch.sum({}, -1, keepdim=True)"),
    "row_max": Function("torch.amax({}, -1, keepdim=True)"),
    "running_sum": Function("torch.cumsum({}, -1)", jax="jnp.cumsum({}, -1)", onnx="CumSum({}, [-1])"),
    "reverse_sum": Function("torch.flip(torch.cumsum(torch.flip({}, (-1,)), -1), (-1,))"),
    "group_mean": Function(
        "torch.repeat_interleave("
        "torch.mean(torch.unflatten({0}, -1, (math.gcd(int({1}), ({0}).shape[-1]), -1)), -1), "
        "({0}).shape[-1] // math.gcd(int({1}), ({0}).shape[-1]), -1)",
        jax="jnp.repeat(jnp.mean(jnp.reshape({0}, (*({0}).shape[:-1], math.gcd(int({1}), ({0}).shape[-1]), -1)), -1), "
        "({0}).shape[-1] // math.gcd(int({1}), ({0}).shape[-1]), -1)",
        onnx="Reshape(Expand("
        "ReduceMean(Reshape({0}, [0, math.gcd(int({1}), hidden_size), -1]), [-1], keepdims=1), "
        "[1, 1, hidden_size // math.gcd(int({1}), hidden_size)]), [0, hidden_size])",
    ),
    "row_mean": Function(
        "torch.mean({}, -1, keepdim=True)",
        "row_sum(a) / hidden_size",
        jax="jnp.mean({}, -1, keepdims=True)",
        onnx="ReduceMean({}, [-1], keepdims=1)",
    ),
    "is_positive": Function(
        "torch.relu(torch.sign({}))",  # heaviside has no gradient in torch
        "positive(a)",
        jax="jnp.heaviside({}, 0)",
        onnx="Where(Greater({0}, 0), 1, 0)",
    ),
    "level": Function(
        "torch.broadcast_to(torch.mean({0}, -1, keepdim=True), ({0}).shape)",
        "row_mean(a)",
        jax="jnp.broadcast_to(jnp.mean({0}, -1, keepdims=True), ({0}).shape)",
        onnx="Expand(ReduceMean({0}, [-1], keepdims=1), Shape({0}))",
    ),
    "softmax": Function(
        "torch.softmax({}, -1)",
        "exp(a - row_max(a)) / row_sum(exp(a - row_max(a)))",
        jax="jax.nn.softmax({}, -1)",
        onnx="Softmax({}, axis=-1)",
    ),
    "normalize": Function(
        "torch.nn.functional.layer_norm({0}, ({0}).shape[-1:])",
        "(a - row_mean(a)) * inverse_deviation(a)",
        jax="jax.nn.standardize({0}, -1, jnp.mean({0}, -1, keepdims=True), jnp.var({0}, -1, keepdims=True), 1e-05)",
    ),
    "inverse_deviation": Function(
        "torch.rsqrt(torch.var({}, -1, unbiased=False, keepdim=True) + 1e-5)",
        "rsqrt(row_mean((a - row_mean(a)) * (a - row_mean(a))) + 1e-5)",
    ),
    "rms_normalize": Function(
        "torch.nn.functional.rms_norm({0}, ({0}).shape[-1:], None, 1e-5)",
        "a * inverse_rms(a)",
        jax="jax.nn.standardize({}, -1, mean=0.0, epsilon=1e-05)",
    ),
    "inverse_rms": Function(
        "torch.rsqrt(torch.mean(torch.square({}), -1, keepdim=True) + 1e-5)",
        "rsqrt(row_mean(a * a) + 1e-5)",
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
