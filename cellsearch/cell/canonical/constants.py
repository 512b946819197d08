"""Functions of a number, as the rules fold them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["OF_NUMBER"]

OF_NUMBER: Final[Mapping[str, Callable[[float], float]]] = {
    "tanh": math.tanh,
    "sine": math.sin,
    "exp": math.exp,
    "relu": lambda k: max(k, 0.0),
    "leaky_relu": lambda k: max(k, k / 100),
    "sqrt": math.sqrt,
    "log": math.log,
    "reciprocal": lambda k: 1 / k,
    "is_positive": lambda k: float(k > 0),
    "mean": lambda k: k,
    "group_mean": lambda k: k,
    # Of numbers that are not negative: rules take the sign out of these.
    "sigmoid": lambda k: 1 / (1 + math.exp(-k)),
    "hard_sigmoid": lambda k: min(k / 6 + 0.5, 1.0),
    "softplus": lambda k: k + math.log1p(math.exp(-k)),
    "gelu": lambda k: k * 0.5 * math.erfc(-k / math.sqrt(2)),
}
"""By operation. Those that leave the floats raise ArithmeticError, and ValueError where they are not defined."""
