"""The reference backend means what the table and the equations say."""

from __future__ import annotations

import pytest
import torch

from cellsearch.cell import LINEAR, OPS, Cell, Node
from cellsearch.recurrence.reference import REFERENCE, operation
from cellsearch_search_spaces.gated import GRU


@pytest.mark.parametrize("op", [op for op, row in OPS.items() if not row.is_linear])
def test_each_derivative_of_the_table_is_that_of_its_value(op: str) -> None:
    torch.manual_seed(0)
    row = OPS[op]
    arrays = [torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(row.least)]
    arrays += [torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in row.parameters]
    assert torch.autograd.gradcheck(operation(op), arrays)


def test_the_gru_gives_what_its_paper_computes() -> None:
    torch.manual_seed(0)
    shape = {"x": 2, "h": 3}
    parameters = {
        name: {f"weight_{i}": torch.randn(3, shape[o]) for i, o in enumerate(node.operands)} | {"bias": torch.randn(3)}
        for name, node in GRU.nodes.items()
        if node.op == LINEAR
    }
    x, h = torch.randn(1, 1, 2), torch.randn(1, 3)

    def linear(name: str, *operands: torch.Tensor) -> torch.Tensor:
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
