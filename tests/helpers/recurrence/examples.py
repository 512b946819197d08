"""Cells that a backend might stumble over, and what else the tests of the native backend share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import LINEAR, Cell, Node, from_equations
from cellsearch.recurrence import BACKENDS, cache
from cellsearch.recurrence.native import backend, build
from cellsearch.recurrence.native.compiled_cell import compiled_cell
from cellsearch.recurrence.native.products import products
from cellsearch.recurrence.rnn import Layer
from cellsearch.testing.backend import Shape
from cellsearch_search_spaces import gated

__all__ = ["EVERY_OP", "KNOWN", "ON_CPU", "drawn", "forget", "threads"]

ON_CPU: Final = [backend.name for backend in BACKENDS if backend.name != "gpu"]
"""The backends that run without a card."""

EVERY_OP: Final = from_equations(
    "every_op",
    """
    gate = sigmoid(layer_norm(linear(x, h, h)))
    seen = bias(scale(relu(linear(x))))
    mixed = blend(gate, h, tanh(c) - seen)
    c_next = leaky_relu(linear(mixed, c, bias=1)) * (1 - gate) + identity(x)
    smooth = softplus(block_linear(h, constant=2)) - 0.5 * gelu(low_rank_linear(x, constant=2)) + sine(c)
    h_next = mixed + c_next * gate + minimum(silu(seen), cumulative_softmax(linear(c)) * smooth)
    shown = tanh(linear(h_next, h, x)) * h - normalize(maximum(x, hard_sigmoid(h_next) + 2)) * rms_norm(exp(-gate))
    """,
    states=["h", "c"],
    output="shown",
)
"""All rows of the table, and something in every phase."""

RAW: Final = from_equations("raw", "y = tanh(linear(h)) + x\nh_next = y * x", ["h"], "y")

AWKWARD: Final = (
    EVERY_OP,
    RAW,
    Cell("bare", {"total": Node("sum", ("x", "h"))}, {"h": "total"}, "total"),
    Cell("linear alone", {"out": Node(LINEAR, ("x", "h"))}, {"h": "out"}, "out"),
    Cell("delay", {"now": Node(LINEAR, ("x",)), "both": Node("product", ("now", "h"))}, {"h": "now"}, "both"),
    Cell(
        "two states of one value",
        {"y": Node(LINEAR, ("x", "h", "c")), "z": Node("tanh", ("y",)), "out": Node("product", ("z", "c"))},
        {"h": "z", "c": "z"},
        "out",
    ),
    Cell(
        "two states of one linear",
        {"y": Node(LINEAR, ("x", "h")), "out": Node("product", ("y", "c"))},
        {"h": "y", "c": "y"},
        "out",
    ),
    Cell(
        "a copy as next value",
        {"y": Node(LINEAR, ("x", "c")), "z": Node("tanh", ("y",)), "copy": Node("identity", ("h",))},
        {"h": "z", "c": "copy"},
        "z",
    ),
    Cell(
        "the input remembered",
        {"seen": Node("identity", ("x",)), "y": Node(LINEAR, ("h", "h")), "out": Node("product", ("y", "x"))},
        {"h": "seen"},
        "out",
    ),
    Cell(
        "operands twice",
        {
            "y": Node(LINEAR, ("x", "h", "x", "h")),
            "z": Node("product", ("y", "y")),
            "w": Node("blend", ("z", "h", "h")),
            "v": Node("difference", ("w", "z")),
            "out": Node("tanh", ("v",)),
        },
        {"h": "out"},
        "y",
    ),
    from_equations(
        "sums along the row that follow one another",
        """
        a = normalize(cumulative_softmax(layer_norm(linear(x, h))))
        b = rms_norm(a * cumulative_softmax(a)) - normalize(h)
        h_next = linear(b, a) * 0.5 - 2
        """,
        ["h"],
        "b",
    ),
    from_equations(
        "learned vectors",
        "h_next = tanh(peephole(scale(h)) + static_gate(bias(linear(x)))) * scale(bias(x))",
        ["h"],
        "h_next",
    ),
    from_equations(
        "a decision on what it takes",
        "a = linear(x, h)\nh_next = where(a, a + 0.5, sigmoid(a))",
        ["h"],
        "h_next",
    ),
    from_equations(
        "structured linears",
        """
        a = low_rank_linear(x, constant=2) + block_linear(h, constant=3)
        h_next = tanh(block_linear(sigmoid(a), constant=2)) - low_rank_linear(c, constant=1)
        c_next = linear(h_next)
        """,
        ["h", "c"],
        "c_next",
    ),
)
KNOWN: Final = {cell.name: cell for cell in (*gated.SPACE.seeds.values(), *AWKWARD)}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads while the context lasts."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def forget() -> None:
    """What a new process would not know."""
    for of_build in (build.compiler, build.library, build._machine, cache.folder):
        of_build.cache_clear()
    for other in (compiled_cell, products, backend._unbuilt, backend._logged):
        other.cache_clear()


def drawn(cell: Cell, shape: Shape, dtype: torch.dtype = torch.float64) -> tuple[Layer, Tensor, tuple[Tensor, ...]]:
    """A layer with random numbers, and an input and initial states that want gradients."""
    torch.manual_seed(1)
    layer = Layer(cell, shape.I, shape.H).to(dtype)
    with torch.no_grad():
        for array in layer.parameters():
            array.copy_(torch.randn(array.shape) / 2)
    x = torch.randn(shape.T, shape.B, shape.I, dtype=dtype, requires_grad=True)
    states = tuple(torch.randn(shape.B, shape.H, dtype=dtype, requires_grad=True) for _ in cell.states)
    return layer, x, states
