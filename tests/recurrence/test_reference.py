"""The reference backend means what the table and the equations say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest
import torch
from torch import Tensor

from cellsearch.cell import LINEAR, OPS, Cell, Node
from cellsearch.recurrence.reference import REFERENCE, operation
from cellsearch_search_spaces.gated import GRU

K: Final = -1.5

TEXTBOOK: Final[Mapping[str, Callable[..., Tensor]]] = {
    "sum": lambda a, b: a + b,
    "product": lambda a, b: a * b,
    "difference": lambda a, b: a - b,
    "blend": lambda a, b, c: c + a * (b - c),
    "times_constant": lambda a: a * K,
    "plus_constant": lambda a: a + K,
    "one_minus": lambda a: -a + 1,
    "sigmoid": lambda a: 1 / (1 + (-a).exp()),
    "tanh": lambda a: (a.exp() - (-a).exp()) / (a.exp() + (-a).exp()),
    "relu": lambda a: (a + a.abs()) / 2,
    "leaky_relu": lambda a: torch.where(a > 0, a, a / 100),
    "hard_sigmoid": lambda a: torch.where(a < -3, 0, torch.where(a > 3, 1, (a + 3) / 6)),
    "exp": lambda a: torch.e**a,
    "softplus": lambda a: (1 + a.exp()).log(),
    "silu": lambda a: a / (1 + (-a).exp()),
    "gelu": lambda a: a * (1 + torch.erf(a / 2**0.5)) / 2,
    "sine": lambda a: (torch.pi / 2 - a).cos(),
    "maximum": lambda a, b: (a + b + (a - b).abs()) / 2,
    "minimum": lambda a, b: (a + b - (a - b).abs()) / 2,
    "log": lambda a: torch.special.xlogy(torch.ones_like(a), a),
    "sqrt": lambda a: a**0.5,
    "reciprocal": lambda a: a**-1,
    "is_positive": lambda a: (a > 0).double(),
    "where": lambda a, b, c: (a > 0) * b + (a <= 0) * c,
    "mean": lambda a: a @ torch.full((6, 6), 1 / 6, dtype=torch.float64),
    "group_mean": lambda a: a @ torch.kron(torch.eye(2), torch.ones(3, 3)).double() / 3,
    "softmax": lambda a: a.exp() / a.exp().sum(1)[:, None],
    "identity": lambda a: a,
    "scale": lambda a, weight: a * weight,
    "bias": lambda a, bias: a + bias,
    "peephole": lambda a, weight: a * weight,
    "static_gate": lambda a, bias: a / (1 + (-bias).exp()),
    "layer_norm": lambda a, weight, bias: _standardized(a) * weight + bias,
    "rms_norm": lambda a, weight: a / ((a**2).mean(1, keepdim=True) + 1e-5).sqrt() * weight,
    "normalize": lambda a: _standardized(a),
    "cumulative_softmax": lambda a: a.exp() @ torch.ones(a.shape[1], a.shape[1]).to(a).triu() / a.exp().sum(1)[:, None],
}
"""What each operation computes, by sums, products, powers and the error function alone; its constant is K, or 2."""


def test_every_operation_but_the_linears_has_its_formula_here() -> None:
    assert set(TEXTBOOK) == {op for op, row in OPS.items() if not row.is_linear}


@pytest.mark.parametrize("op", TEXTBOOK)
def test_an_operation_computes_its_formula_with_learned_vectors_after_operands(op: str) -> None:
    torch.manual_seed(0)
    row = OPS[op]
    arrays = [4 * torch.randn(8, 6, dtype=torch.float64) for _ in range(row.least)]
    arrays = [array.abs() for array in arrays] if row.domain == "positive" else arrays
    arrays += [torch.randn(6, dtype=torch.float64) for _ in row.parameters]
    expected = TEXTBOOK[op](*arrays)
    torch.testing.assert_close(
        operation(op)(*arrays, k=2 if row.constant is int else K), expected, rtol=1e-12, atol=1e-12
    )


def _standardized(a: Tensor) -> Tensor:
    """a: [B, H]"""
    centred = a - a.mean(1, keepdim=True)
    return centred / ((centred**2).mean(1, keepdim=True) + 1e-5).sqrt()


def test_the_gru_gives_what_its_paper_computes() -> None:
    torch.manual_seed(0)
    shape = {"x": 2, "h": 3}
    parameters = {
        name: {f"weight_{i}": torch.randn(3, shape[o]) for i, o in enumerate(node.operands)} | {"bias": torch.randn(3)}
        for name, node in GRU.nodes.items()
        if node.op == LINEAR
    }
    x, h = torch.randn(1, 1, 2), torch.randn(1, 3)

    def linear(name: str, *operands: Tensor) -> Tensor:
        *weights, bias = parameters[name].values()
        return sum((o @ w.t() for o, w in zip(operands, weights, strict=True)), bias)

    r = torch.sigmoid(linear("reset_gate_linear", x[0], h))
    z = torch.sigmoid(linear("update_gate_linear", x[0], h))
    n = torch.tanh(linear("candidate_input", x[0]) + r * linear("candidate_state", h))
    output, (last,) = REFERENCE.run(GRU, parameters, x, (h,))
    torch.testing.assert_close(output[0], z * h + (1 - z) * n)
    torch.testing.assert_close(last, output[0])


def test_an_operand_may_be_taken_twice_with_weights_of_its_own() -> None:
    cell = Cell("twice", {"sum": Node(LINEAR, ("x", "x", "h"))}, {"h": "sum"}, "sum")
    weights = {f"weight_{i}": torch.full((1, 1), float(i + 1)) for i in range(3)}
    parameters = {"sum": {**weights, "bias": torch.zeros(1)}}
    output, _ = REFERENCE.run(cell, parameters, torch.ones(2, 1, 1), (torch.zeros(1, 1),))
    assert output.flatten().tolist() == [3.0, 12.0]  # 1 + 2, then 1 + 2 + 3 * 3
