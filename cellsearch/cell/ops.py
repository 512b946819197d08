"""The one table of operations: what a node of a cell can be. A new operation is a new row.

A row's `value` and `derivatives` are expressions in a language that Python and C share: `+ - * /`, parentheses,
numbers and the functions of `functions.FUNCTIONS`. Inside them the operands are called `a`, `b`, `c` in order, learned
vectors have their parameter's name, `k` is the node's constant, `y` is the node's own value and `g` the gradient
that arrives at it. Every backend, the exporter, the equations and the counter read these texts, so they cannot
disagree about an operation.

The linears alone have no expression: `linear` is a matrix product, which a plan merges, hoists and defers;
`block_linear` and `low_rank_linear` are linears whose matrix is made of smaller ones.

A user's own operation joins the table while the program runs, by `register` (see `cellsearch.recurrence.custom`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Final

from cellsearch.cell.functions import FUNCTIONS, add_functions, remove_functions
from cellsearch.errors import CellError

__all__ = [
    "BLOCK_LINEAR",
    "INPUT",
    "LINEAR",
    "LOW_RANK_LINEAR",
    "OPERATIONS",
    "OPS",
    "Op",
    "is_known",
    "nearest",
    "register",
    "unregister",
]

INPUT: Final = "x"
"""The name of the input in every cell."""

LINEAR: Final = "linear"
BLOCK_LINEAR: Final = "block_linear"
LOW_RANK_LINEAR: Final = "low_rank_linear"

OPERATIONS: Final = "cellsearch.operations"
"""The entry-point group in which an installed package offers operations, each under its own name."""


@dataclass(frozen=True)
class Op:
    """One row of the table.

    `least` and `most` bound the number of operands (`most` None: any number). `commutes` says that their order does
    not matter. `derivatives` gives the gradient of each operand and learned vector, by its letter or name; a learned
    vector's is summed over batch and time. `parameters` maps each learned vector to its initial value. `constant` says
    what the node's constant may be: any number (float), 1, 2, 3, ... (int), or None where there is none. `operations`
    counts elementwise floating-point operations an element, a transcendental function as one. `latex` is the function
    that `value` calls in LaTeX, where that is not its name set upright. `domain` says where the function is defined, if
    that is not everywhere: "positive" or "not 0".
    """

    name: str
    meaning: str
    value: str
    derivatives: Mapping[str, str]
    least: int = 1
    most: int | None = 1
    commutes: bool = False
    parameters: Mapping[str, float] = field(default_factory=dict)
    constant: type[float] | None = None
    operations: int = 1
    latex: str = ""
    domain: str = ""

    @property
    def is_linear(self) -> bool:
        """Whether it multiplies by weight matrices: such a row has no expression."""
        return not self.value

    def takes(self, count: int) -> bool:
        """Whether a node of this operation can have `count` operands."""
        return self.least <= count and (self.most is None or count <= self.most)

    def arity(self) -> str:
        """The number of operands in words: `1 operand`, `2 operands`, `1 or more operands`."""
        if self.most is None:
            return f"{self.least} or more operands"
        return f"{self.least} operand{'s' if self.least > 1 else ''}"


_TABLE: Final[tuple[Op, ...]] = (
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
    Op(
        BLOCK_LINEAR,
        "a block-diagonal weight matrix of k blocks, fewer where a side is smaller, with a bias",
        value="",
        derivatives={},
        parameters={"bias": 0.0},
        constant=int,
        operations=0,
    ),
    Op(
        LOW_RANK_LINEAR,
        "a weight matrix that is a product of two, of rank k, less where a side is smaller, with a bias",
        value="",
        derivatives={},
        parameters={"bias": 0.0},
        constant=int,
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
    Op("times_constant", "k * a for a number k", "k * a", {"a": "k * g"}, constant=float),
    Op("plus_constant", "a + k for a number k", "a + k", {"a": "g"}, constant=float),
    Op("one_minus", "1 - a", "1 - a", {"a": "-g"}),
    Op("sigmoid", "1 / (1 + exp(-a))", "sigmoid(a)", {"a": "g * y * (1 - y)"}, latex=r"\sigma"),
    Op("tanh", "hyperbolic tangent", "tanh(a)", {"a": "g * (1 - y * y)"}, latex=r"\tanh"),
    Op("relu", "a where positive, else 0", "relu(a)", {"a": "g * positive(y)"}),
    Op(
        "leaky_relu",
        "a where positive, else a / 100",
        "leaky_relu(a)",
        {"a": "g * (0.01 + 0.99 * positive(y))"},
    ),
    Op(
        "hard_sigmoid",
        "a / 6 + 1 / 2, at least 0 and at most 1",
        "clip(a / 6 + 0.5)",
        {"a": "g / 6 * positive(y * (1 - y))"},
        operations=3,
    ),
    Op("exp", "exponential", "exp(a)", {"a": "g * y"}, latex=r"\exp"),
    Op("softplus", "log(1 + exp(a))", "softplus(a)", {"a": "g * sigmoid(a)"}),
    Op("silu", "a * sigmoid(a)", "silu(a)", {"a": "g * (sigmoid(a) * (1 + a * (1 - sigmoid(a))))"}),
    Op(
        "gelu",
        "a times the normal distribution function at a (Hendrycks & Gimpel 2016, exact)",
        "gelu(a)",
        {"a": "g * (normal_cumulative(a) + 0.3989422804014327 * a * exp(-0.5 * a * a))"},
    ),
    Op("sine", "sine", "sin(a)", {"a": "g * cos(a)"}, latex=r"\sin"),
    Op("log", "natural logarithm, of numbers above 0", "log(a)", {"a": "g / a"}, domain="positive", latex=r"\log"),
    Op("sqrt", "square root, of numbers above 0", "sqrt(a)", {"a": "g / (2 * y)"}, domain="positive"),
    Op("reciprocal", "1 / a, of numbers other than 0", "1 / a", {"a": "-g * y * y"}, domain="not 0"),
    Op("is_positive", "1 where a is positive, else 0; its gradient is 0", "is_positive(a)", {"a": "0 * g"}),
    Op(
        "where",
        "b where a is positive, else c; no gradient reaches a",
        "choose(a, b, c)",
        {"a": "0 * g", "b": "g * positive(a)", "c": "g * (1 - positive(a))"},
        least=3,
        most=3,
        latex=r"\mathrm{where}",
    ),
    Op(
        "maximum",
        "the larger of a and b",
        "maximum(a, b)",
        {"a": "g * larger(a, b)", "b": "g * larger(b, a)"},
        least=2,
        most=2,
        commutes=True,
        latex=r"\max",
    ),
    Op(
        "minimum",
        "the smaller of a and b",
        "minimum(a, b)",
        {"a": "g * larger(b, a)", "b": "g * larger(a, b)"},
        least=2,
        most=2,
        commutes=True,
        latex=r"\min",
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
        "peephole",
        "a times a learned vector that starts at 0 (Gers & Schmidhuber 2000)",
        "weight * a",
        {"a": "weight * g", "weight": "g * a"},
        parameters={"weight": 0.0},
    ),
    Op(
        "static_gate",
        "a times the sigmoid of a learned vector: a gate that sees nothing but its bias",
        "sigmoid(bias) * a",
        {"a": "sigmoid(bias) * g", "bias": "g * y * (1 - sigmoid(bias))"},
        parameters={"bias": 0.0},
        operations=2,
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
    Op(
        "rms_norm",
        "a with unit mean square over the hidden units, scaled (Zhang & Sennrich 2019)",
        "weight * rms_normalize(a)",
        {
            "a": "inverse_rms(a) * (weight * g - rms_normalize(a) * row_mean(weight * g * rms_normalize(a)))",
            "weight": "g * rms_normalize(a)",
        },
        parameters={"weight": 1.0},
        operations=5,
    ),
    Op(
        "normalize",
        "a with zero mean and unit variance over the hidden units",
        "normalize(a)",
        {"a": "inverse_deviation(a) * (g - row_mean(g) - y * row_mean(g * y))"},
        operations=6,
    ),
    Op(
        "mean",
        "the mean of a over the hidden units, at each of them",
        "level(a)",
        {"a": "level(g)"},
        operations=2,
        latex=r"\mathrm{mean}",
    ),
    Op(
        "group_mean",
        "the mean of a over each of k equal groups of neighbouring hidden units, at each of them; of as many groups as"
        " k and the hidden size have in common, where k does not divide it",
        "group_mean(a, k)",
        {"a": "group_mean(g, k)"},
        constant=int,
        operations=2,
    ),
    Op(
        "softmax",
        "exp(a) over its sum over the hidden units",
        "softmax(a)",
        {"a": "y * (g - row_sum(g * y))"},
        operations=4,
    ),
    Op(
        "cumulative_softmax",
        "softmax over the hidden units, summed from the first one on (ON-LSTM: Shen et al. 2019)",
        "running_sum(softmax(a))",
        {"a": "softmax(a) * (reverse_sum(g) - row_sum(softmax(a) * reverse_sum(g)))"},
        operations=6,
    ),
)

_ROWS: Final[dict[str, Op]] = {row.name: row for row in _TABLE}

OPS: Final[Mapping[str, Op]] = MappingProxyType(_ROWS)
"""Operation by name."""


def register(row: Op, functions: Mapping[str, str]) -> None:
    """Add a row, and the torch source of the functions that it uses. Raises CellError if a name is taken."""
    taken = [name for name in (row.name, *functions) if name in _ROWS or name in FUNCTIONS]
    if taken:
        raise CellError(f"operation {row.name!r}: {taken[0]!r} is in the table of operations already; use another name")
    _ROWS[row.name] = row
    add_functions(functions)


def unregister(name: str, functions: Iterable[str]) -> None:
    """Take away a row and functions that `register` added."""
    del _ROWS[name]
    remove_functions(functions)


def nearest(name: str) -> str:
    """The operations that a mistaken name may mean, in words: `sigmoid or hard_sigmoid`, or where all are listed."""
    return " or ".join(get_close_matches(name, _ROWS)) or "one of cellsearch.cell.OPS"


def is_known(name: str) -> bool:
    """Whether the table has such a row, after an installed package that offers one has been imported.

    An operation of a program or task file is known once its module has been imported: a name in a cell file never
    imports anything but what is installed under just this name. Raises CellError if that import fails.
    """
    if name not in _ROWS and name in (offered := _offered()):
        try:
            offered[name].load()
        except Exception as error:
            raise CellError(f"operation {name!r} is installed but cannot be loaded: {error}") from error
    return name in _ROWS


@cache
def _offered() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=OPERATIONS)}
