"""A node knows its row and its arrays; a name for it is the first that is free."""

from __future__ import annotations

import pytest

from cellsearch.cell import LINEAR, OPS, Node
from cellsearch.cell.node import free_name


def test_a_node_has_the_arrays_of_its_row_and_a_weight_an_operand_where_it_is_linear() -> None:
    assert Node(LINEAR, ("x", "h")).parameters() == ("weight_0", "weight_1", "bias")
    assert Node("layer_norm", ("x",)).parameters() == ("weight", "bias")
    assert Node("tanh", ("x",)).parameters() == ()
    assert Node("tanh", ("x",)).row is OPS["tanh"]


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], "gate"),
        (["gate_2"], "gate"),
        (["gate"], "gate_2"),
        (["gate", "gate_2", "gate_3", "gate_5"], "gate_4"),
    ],
)
def test_a_free_name_is_the_stem_or_the_first_number_that_nobody_has(taken: list[str], expected: str) -> None:
    assert free_name("gate", taken) == expected
