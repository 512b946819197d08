"""The vector functions of the native backend follow torch's in every lane, whatever the instruction set."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.helpers.recurrence.compiled import TARGETS, Target, address, compiled


def normal_cumulative(a: Tensor) -> Tensor:
    """As torch.special.ndtr, which has no digits left in the lower tail."""
    return torch.tensor([math.erfc(-x * math.sqrt(0.5)) / 2 for x in a.tolist()], dtype=a.dtype)


def exact_tanh(a: Tensor) -> Tensor:
    """As torch.tanh, which is off by 1.2 epsilon in float64 on ARM."""
    return torch.tensor(np.tanh(a.double().numpy().astype(np.longdouble)).astype(np.float64)).to(a.dtype)


ONE: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": exact_tanh,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "clip": lambda a: torch.clamp(a, 0, 1),
    "exp": torch.exp,
    "softplus": lambda a: torch.nn.functional.softplus(a, 1, 40),
    "silu": torch.nn.functional.silu,
    "gelu": lambda a: a * normal_cumulative(a),
    "sin": torch.sin,
    "cos": torch.cos,
    "normal_cumulative": normal_cumulative,
    "positive": lambda a: torch.heaviside(a, torch.zeros_like(a)),
    "rsqrt": torch.rsqrt,
}
TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "larger": lambda a, b: torch.heaviside(a - b, torch.full_like(a, 0.5)),
}

SOURCE = "\n".join(
    [
        '#include "vector.h"',
        "long width(void) { return WIDTH; }",
        "void only(const real *a, long lanes, real *c) { store(c, v_only(load(a), lanes)); }",
        "void total(const real *a, real *c) { *c = v_total(load(a)); }",
        *(
            f"void {name}_all(long n, const real *a, const real *b, real *c)"
            f" {{ (void)b; for (long i = 0; i < n; i += WIDTH) store(c + i, v_{name}({operands})); }}"
            for names, operands in ((ONE, "load(a + i)"), (TWO, "load(a + i), load(b + i)"))
            for name in names
        ),
    ]
)

ROUNDINGS = {
    "exp": (2.5, 1.5),
    "sigmoid": (4, 1.5),
    "silu": (4, 2),
    "tanh": (3, 2),
    "softplus": (4.5, 3),
    "rsqrt": (1.5, 1.5),
    "sin": (1.5, 1.5),
    "cos": (1.5, 1.5),
    "normal_cumulative": (80, 80),
    "gelu": (80, 80),
}
"""Allowed error in units of a precision's epsilon (float, double): relative to the value for |a| <= 10, and for the
sine and cosine absolute. What is not here must be exact but for one rounding."""


def computed(name: str, target: Target, a: Tensor, b: Tensor | None = None) -> Tensor:
    """The function of as many numbers as there are, from numbers that no vector boundary begins at."""
    size = -(-a.numel() // 16) * 16
    first, second, result = (torch.zeros(size + 1, dtype=target.dtype)[1:] for _ in range(3))
    first[: a.numel()] = a
    second[: a.numel()] = a if b is None else b
    compiled(SOURCE, target)[f"{name}_all"](size, address(first), address(second), address(result))
    return result[: a.numel()]


def numbers(target: Target, most: float) -> Tensor:
    """Numbers of either sign from tiny ones to the most, as the target's precision has them."""
    generator = torch.Generator().manual_seed(0)
    evenly = torch.rand(20_000, generator=generator, dtype=torch.float64) * 2 - 1
    return torch.cat([most * evenly, 0.1 * evenly, evenly * 10 ** (-8 * evenly.abs())]).to(target.dtype)


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_operand_are_as_exact_as_stated(name: str, target: Target) -> None:
    a = numbers(target, 10)
    if name == "rsqrt":
        a = a.abs() + 1e-30
    expected = ONE[name](a.double())
    roundings = ROUNDINGS.get(name, (1, 1))[target.dtype == torch.float64]
    scale = torch.ones_like(expected) if name in ("sin", "cos") else expected.abs()
    error = (computed(name, target, a).double() - expected).abs()
    assert (error <= roundings * target.epsilon * scale).all()


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_operands_are_exact(name: str, target: Target) -> None:
    special = torch.tensor([0.0, -0.0, 1.0, -1.0, 2.5, math.inf, -math.inf, math.nan], dtype=target.dtype)
    a, b = torch.cartesian_prod(special, special).unbind(1)
    assert torch.equal(computed(name, target, a, b).nan_to_num(9), TWO[name](a, b).nan_to_num(9))


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("name", ONE)
def test_extreme_numbers_come_out_as_in_torch(name: str, target: Target) -> None:
    values = [0.0, 1e-30, 22.5, 41.0, 50.0, 87.5, 88.5, 95.0, 104.5, 709.0, 744.0, 1000.0, 3e5, 1e20, math.inf]
    a = torch.tensor([*values, *(-value for value in values), math.nan], dtype=target.dtype)
    got, expected = computed(name, target, a), ONE[name](a.double()).to(target.dtype)
    tiny = torch.finfo(target.dtype).smallest_normal
    torch.testing.assert_close(got, expected, rtol=1000 * target.epsilon, atol=10 * tiny, equal_nan=True)


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_some_values_are_exact(target: Target) -> None:
    def value(name: str, a: float) -> float:
        return computed(name, target, torch.tensor([a], dtype=target.dtype)).item()

    assert value("exp", 0) == value("cos", 0) == value("exp", -0.0) == value("tanh", 50) == value("sigmoid", 60) == 1
    assert value("sigmoid", 0) == 0.5
    assert (
        value("tanh", 0) == value("sin", 0) == value("gelu", 0) == value("exp", -1000) == value("sigmoid", -1000) == 0
    )
    assert value("exp", 1000) == math.inf and value("softplus", 1000) == 1000


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_small_numbers_keep_their_digits(target: Target) -> None:
    a = torch.logspace(-30, -1, 1000, dtype=target.dtype)
    for name in ("tanh", "sin"):
        expected = ONE[name](a.double())
        assert ((computed(name, target, a).double() - expected).abs() <= 3 * target.epsilon * expected).all()


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_lanes_can_be_cut_off_and_added_up(target: Target) -> None:
    library = compiled(SOURCE, target)
    width = library.width()
    a, result = torch.arange(1, width + 1, dtype=target.dtype), torch.empty(width, dtype=target.dtype)
    library.total(address(a), address(result))
    assert result[0] == a.sum()
    for lanes in range(width + 5):
        a[lanes:] = math.nan
        library.only(address(a), lanes, address(result))
        assert torch.equal(result, a.nan_to_num(0))
        a = torch.arange(1, width + 1, dtype=target.dtype)
