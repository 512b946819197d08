"""Cells whose signals are known on paper."""

from __future__ import annotations

from cellsearch.cell import Cell, from_equations

__all__ = ["DEAF", "DEAF_AT_ZERO", "EXPLOSIVE", "HALVING"]


def _cell(name: str, equations: str, states: list[str]) -> Cell:
    return from_equations(name, equations, states=states, output="h_next")


HALVING = _cell("halving", "h_next = x + times_constant(h, constant=0.5)", ["h"])
"""Its Jacobian is half the identity at every step."""

EXPLOSIVE = _cell("explosive", "h_next = linear(x) + h * h", ["h"])
"""Squares its state."""

DEAF = _cell(
    "deaf",
    """
    candidate = tanh(linear(x, h))
    h_next = candidate - candidate
    """,
    ["h"],
)
"""Its output is 0 whatever it reads."""

DEAF_AT_ZERO = _cell(
    "deaf_at_zero",
    """
    candidate = tanh(linear(x, h))
    c_next = bias(c) + h * candidate
    h_next = sigmoid(linear(x)) * tanh(c_next)
    """,
    ["h", "c"],
)
"""Its states stay 0 until training has moved the bias."""
