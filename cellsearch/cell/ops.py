"""The one table of operations: what a node of a cell can be. A new operation is a new row.

A row's `value` and `derivatives` are expressions in a language that Python and C share: `+ - * /`, parentheses,
numbers and the functions of `FUNCTIONS`. Inside them the operands are called `a`, `b`, `c` in order, learned
vectors have their parameter's name, `y` is the node's own value and `g` the gradient that arrives at it. Every
backend, the exporter, the equations and the counter read these texts, so they cannot disagree about an operation.

`linear` alone has no expression: it is a matrix product, which a plan merges, hoists and defers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

__all__ = ["FUNCTIONS", "INPUT", "LINEAR", "OPS", "Op"]

INPUT: Final = "x"
"""The name of the input in every cell."""

LINEAR: Final = "linear"


@dataclass(frozen=True)
class Op:
    """One row of the table.

    `least` and `most` bound the number of operands (`most` None: any number). `commutes` says that their order does
    not matter. `derivatives` gives the gradient of each operand and learned vector, by its letter or name; a learned
    vector's is summed over batch and time. `parameters` maps each learned vector to its initial value. `operations`
    counts elementwise floating-point operations an element, a transcendental function as one.
    """

    name: str
    meaning: str
    value: str
    derivatives: Mapping[str, str]
    least: int = 1
    most: int | None = 1
    commutes: bool = False
    parameters: Mapping[str, float] = field(default_factory=dict)
    operations: int = 1

    def takes(self, count: int) -> bool:
        """Whether a node of this operation can have `count` operands."""
        return self.least <= count and (self.most is None or count <= self.most)

    def arity(self) -> str:
        """The number of operands in words: `1 operand`, `2 operands`, `1 or more operands`."""
        if self.most is None:
            return f"{self.least} or more operands"
        return f"{self.least} operand{'s' if self.least > 1 else ''}"


def _table(*rows: Op) -> Mapping[str, Op]:
    return MappingProxyType({row.name: row for row in rows})


OPS: Final = _table(
    Op(
        LINEAR,
        "a weight matrix for each operand, summed, with one bias",
        value="",
        derivatives={},
        most=None,
        commutes=True,
        parameters={"bias": 0.0},
        operations=0,
    ),
    Op("sum", "a + b", "a + b", {"a": "g", "b": "g"}, least=2, most=2, commutes=True),
    Op("product", "a * b", "a * b", {"a": "g * b", "b": "g * a"}, least=2, most=2, commutes=True),
    Op("difference", "a - b", "a - b", {"a": "g", "b": "-g"}, least=2, most=2),
    Op(
        "blend",
        "a * b + (1 - a) * c",
        "a * b + (1 - a) * c",
        {"a": "g * (b - c)", "b": "g * a", "c": "g * (1 - a)"},
        least=3,
        most=3,
        operations=4,
    ),
    Op("one_minus", "1 - a", "1 - a", {"a": "-g"}),
    Op("sigmoid", "1 / (1 + exp(-a))", "sigmoid(a)", {"a": "g * y * (1 - y)"}),
    Op("tanh", "hyperbolic tangent", "tanh(a)", {"a": "g * (1 - y * y)"}),
    Op("relu", "a where positive, else 0", "relu(a)", {"a": "g * positive(y)"}),
    Op(
        "leaky_relu",
        "a where positive, else a / 100",
        "leaky_relu(a)",
        {"a": "g * (0.01 + 0.99 * positive(y))"},
    ),
    Op("identity", "a", "a", {"a": "g"}, operations=0),
    Op(
        "scale",
        "a times a learned vector",
        "weight * a",
        {"a": "weight * g", "weight": "g * a"},
        parameters={"weight": 1.0},
    ),
    Op(
        "bias",
        "a plus a learned vector",
        "a + bias",
        {"a": "g", "bias": "g"},
        parameters={"bias": 0.0},
    ),
    Op(
        "layer_norm",
        "a with zero mean and unit variance over the hidden units, scaled and shifted (Ba et al. 2016)",
        "weight * normalize(a) + bias",
        {
            "a": "inverse_deviation(a) * (weight * g - row_mean(weight * g)"
            " - normalize(a) * row_mean(weight * g * normalize(a)))",
            "weight": "g * normalize(a)",
            "bias": "g",
        },
        parameters={"weight": 1.0, "bias": 0.0},
        operations=8,
    ),
)
"""Operation by name."""

FUNCTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sigmoid": "torch.sigmoid({})",
        "tanh": "torch.tanh({})",
        "relu": "torch.relu({})",
        "leaky_relu": "torch.nn.functional.leaky_relu({})",
        "positive": "torch.heaviside({0}, torch.zeros_like({0}))",
        "normalize": "torch.nn.functional.layer_norm({0}, ({0}).shape[-1:])",
        "inverse_deviation": "torch.rsqrt(torch.var({}, -1, unbiased=False, keepdim=True) + 1e-5)",
        "row_mean": "torch.mean({}, -1, keepdim=True)",
    }
)
"""Function of the expression language: its source in torch, with a place for the argument."""
