"""Cells by what they compute from a few parts: pairs that are the same cell, and pairs that only look like it."""

from __future__ import annotations

import re

from cellsearch.cell import Cell, from_equations

__all__ = ["DIFFERENT", "PARTS", "SAME", "cell_of"]

PARTS = {
    "a": "tanh(linear(x, h))",
    "b": "sigmoid(linear(x))",
    "c": "relu(linear(h))",
    "l": "linear(x, h)",
    "q": "bias(a) + 1",
}
"""What the letters in the equations of these tests stand for."""


def cell_of(h_next: str) -> Cell:
    """A cell with state h, whose equation uses the input, the state and PARTS."""
    text = f"{h_next} {PARTS['q']}" if "q" in h_next else h_next
    used = [f"{letter} = {part}" for letter, part in PARTS.items() if re.search(rf"\b{letter}\b", text)]
    return from_equations("cell", "\n".join([*used, f"h_next = {h_next}"]), ["h"], "h_next")


SAME = [
    ("sigmoid(-1 * l)", "1 - sigmoid(l)"),
    ("hard_sigmoid(-1 * l)", "1 - hard_sigmoid(l)"),
    ("tanh(a - b)", "-1 * tanh(b - a)"),
    ("tanh(-1 * (-1 * l))", "tanh(l)"),
    ("sine(-1 * a)", "-1 * sine(a)"),
    ("tanh(1 - (1 - l))", "tanh(l)"),
    ("1 * tanh(l) + 0", "identity(tanh(identity(l)))"),
    ("(a + b) + c", "b + (c + a)"),
    ("(a * b) * c", "b * (c * a)"),
    ("a - (b - c)", "(a + c) - b"),
    ("a - (a - c) + (-1)", "a * 0 + c - 1 * (1 - 0 * a)"),
    ("2 * (a + b) - a", "a + 2 * b"),
    ("0.1 * a + b + 0.2 * a", "0.3 * a + b"),
    ("blend(b, a, c)", "b * a + (1 - b) * c"),
    ("blend(b, a, c)", "c + b * (a - c)"),
    ("blend(b, a, c)", "blend(1 - b, c, a)"),
    ("blend(b, a, a)", "identity(a) * 1"),
    ("(a + b) * c", "a * c + c * b"),
    ("(1 - a) * (1 - b)", "1 - a - b + a * b"),
    ("(a - b) * c", "-1 * (b - a) * c"),
    ("relu(2 * l)", "2 * relu(relu(l))"),
    ("relu(-1 * l)", "relu(l) - l"),
    ("softplus(-1 * l)", "softplus(l) - l"),
    ("gelu(-1 * l)", "gelu(l) - l"),
    ("silu(l)", "l * sigmoid(l)"),
    ("relu(b) + a", "b + a"),
    ("relu(leaky_relu(l))", "relu(l)"),
    ("scale(-1 * a)", "-1 * scale(a)"),
    ("maximum(a, maximum(b, a))", "maximum(b, a)"),
    ("layer_norm(l + 3)", "layer_norm(l)"),
    ("tanh(a) + tanh(a)", "2 * tanh(a)"),
    ("tanh(linear(x, bias=1) + linear(h, bias=0.5))", "tanh(linear(x, h, bias=1.5))"),
    ("tanh(linear(x, h) + linear(x))", "tanh(linear(x, x, h))"),
    ("h - linear(x) - linear(h)", "h - linear(x, h)"),
    ("(linear(x) + linear(h)) * h", "linear(h, x) * h"),
    ("tanh(bias(linear(x, h, bias=1), bias=1))", "tanh(linear(x, h, bias=2))"),
    ("tanh(bias(h) + linear(x))", "tanh(linear(x) + h)"),
    ("bias(h, bias=1) + block_linear(x, constant=2)", "h + block_linear(x, constant=2, bias=1)"),
    ("bias(a, bias=1) - bias(b, bias=3)", "bias(a - b, bias=-2)"),
    ("bias(linear(x) - linear(h))", "linear(x) - linear(h)"),
    ("linear(x, bias=1) - linear(h, bias=3)", "bias(linear(x), bias=-1) - bias(linear(h), bias=1)"),
    ("layer_norm(a, bias=1) + layer_norm(b)", "layer_norm(a) + layer_norm(b, bias=1)"),
    ("bias(layer_norm(l, bias=1), bias=1) * a", "layer_norm(l, bias=2) * a"),
    ("blend(b, bias(a * h), l)", "l + b * (bias(a * h) - l)"),
    ("tanh(linear(x, a - a, h, bias=1))", "tanh(linear(x, h, bias=1))"),
    ("l * block_linear(a - a, bias=1, constant=2)", "l * bias(0 * l, bias=1)"),
    ("l * layer_norm(0 * a, bias=1)", "l * low_rank_linear(0 * b, bias=1)"),
    ("bias(bias(l, bias=1) + 2, bias=1)", "bias(l, bias=2) + 2"),
    ("linear(x, h, gelu(a - a), a - a, bias=-0.5)", "linear(x, h, bias=-0.5)"),
    ("l + exp(a - a) + relu(0 * a - 3) + relu(0 * a + 3)", "l + 4"),
    ("l * sigmoid(0 * a - 5)", "l - l * sigmoid(5 + 0 * a)"),
    ("l * gelu(0 * a - 5)", "l * gelu(5 + 0 * a) - 5 * l"),
    ("maximum(0 * a + 1, maximum(0 * a + 2, l))", "maximum(l, 0 * b + 2)"),
    ("(linear(x) + linear(a - a)) * c", "linear(x) * c"),
    ("(linear(x) + bias(a, bias=1)) * c", "(linear(x, bias=1) + a) * c"),
    ("relu(a) + relu(a - relu(a))", "relu(a)"),
    ("relu(a) + relu(relu(-1 * a) * -1)", "relu(a)"),
    ("l + exp(0 * a + 1000)", "exp(1000 + 0 * b) + l"),
    ("l * layer_norm(1 + 0 * a, bias=1)", "l * bias(normalize(2 + 0 * b), bias=1)"),
]

DIFFERENT = [
    # Two draws of weights are wider than one.
    ("tanh(linear(x, h, h))", "tanh(linear(x, h))"),
    # Where training starts.
    ("tanh(linear(x, h, bias=1))", "tanh(linear(x, h))"),
    ("h + linear(x) + scale(h)", "h + linear(x) + peephole(h)"),
    # A weight would have to be negated, scaled, shifted, or be a product.
    ("h - linear(x)", "h + linear(x)"),
    ("tanh(linear(x, h) * 2)", "tanh(linear(x, h))"),
    ("linear(1 - a)", "linear(a)"),
    ("linear(-1 * a)", "linear(a)"),
    ("tanh(scale(linear(x, h)))", "tanh(linear(x, h))"),
    ("linear(linear(x, h))", "linear(x, h)"),
    ("linear(x) - linear(h)", "linear(x, h)"),
    # The projection of an input of another size.
    ("tanh(linear(identity(x), h))", "tanh(linear(x, h))"),
    # Weights shared or not.
    ("l * l", "l * linear(x, h)"),
    ("tanh(bias(a) + 1) * sigmoid(bias(a) + 1)", "tanh(q) * sigmoid(q)"),
    ("blend(b, a, c)", "blend(b, c, a)"),
    ("a + b", "a * b"),
    ("relu(-2 * l)", "-2 * relu(l)"),
    ("leaky_relu(-1 * l)", "-1 * leaky_relu(l)"),
    ("exp(-1 * l)", "-1 * exp(l)"),
    ("(a + b) * c", "a + b * c"),
    ("tanh(a + b)", "tanh(a) + tanh(b)"),
    ("maximum(a, b)", "minimum(a, b)"),
    ("2 * a", "a"),
    ("1 - a", "a + (-1)"),
    # Another number.
    ("l + softplus(0 * a)", "l + exp(0 * a)"),
    ("maximum(l, 0 * a + 1)", "maximum(l, 0 * a + 2)"),
]
