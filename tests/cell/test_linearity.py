"""How each value of a step depends on the states is read off the table's expressions."""

from __future__ import annotations

import pytest

from cellsearch.cell import OPS, from_equations
from cellsearch.cell.linearity import Dependence, dependence, dependence_of, is_linear_in_state

NONE, LINEAR, OTHER = Dependence.NONE, Dependence.LINEAR, Dependence.OTHER


@pytest.mark.parametrize("op", OPS)
def test_no_operation_makes_a_state_of_what_depends_on_none(op: str) -> None:
    assert dependence_of(op, (NONE,) * OPS[op].least) is NONE


@pytest.mark.parametrize("op", OPS)
def test_every_operation_keeps_what_is_already_anything_else(op: str) -> None:
    assert dependence_of(op, (OTHER,) * OPS[op].least) is OTHER


@pytest.mark.parametrize(
    ("op", "operands", "expected"),
    [
        ("sum", (LINEAR, NONE), LINEAR),
        ("sum", (LINEAR, LINEAR), LINEAR),
        ("difference", (NONE, LINEAR), LINEAR),
        ("product", (LINEAR, NONE), LINEAR),
        ("product", (NONE, LINEAR), LINEAR),
        ("product", (LINEAR, LINEAR), OTHER),
        ("product", (OTHER, NONE), OTHER),
        ("blend", (NONE, LINEAR, NONE), LINEAR),
        ("blend", (NONE, LINEAR, LINEAR), LINEAR),
        ("blend", (LINEAR, NONE, NONE), LINEAR),
        ("blend", (LINEAR, LINEAR, NONE), OTHER),
        ("one_minus", (LINEAR,), LINEAR),
        ("scale", (LINEAR,), LINEAR),
        ("static_gate", (LINEAR,), LINEAR),
        ("bias", (LINEAR,), LINEAR),
        ("times_constant", (LINEAR,), LINEAR),
        ("plus_constant", (LINEAR,), LINEAR),
        ("identity", (LINEAR,), LINEAR),
        ("linear", (LINEAR,), OTHER),
        ("linear", (NONE, LINEAR), OTHER),
        ("tanh", (LINEAR,), OTHER),
        ("relu", (LINEAR,), OTHER),
        ("maximum", (LINEAR, NONE), OTHER),
        ("layer_norm", (LINEAR,), OTHER),
    ],
)
def test_an_operation_of_states(op: str, operands: tuple[Dependence, ...], expected: Dependence) -> None:
    assert dependence_of(op, operands) is expected


def test_each_value_of_a_cell_is_told_apart() -> None:
    cell = from_equations(
        "cell",
        """
        gate = sigmoid(linear(x))
        h_next = blend(gate, h, linear(x))
        read = tanh(h_next)
        out = gate * read
        """,
        states=["h"],
        output="out",
    )
    depends = dependence(cell)
    assert {name for name, how in depends.items() if how is NONE} == {
        "x", "gate", "gate_linear", "h_linear",
    }  # fmt: skip
    assert {name for name, how in depends.items() if how is LINEAR} == {"h", "h_next"}
    assert depends["read"] is depends["out"] is OTHER
    assert is_linear_in_state(cell)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h_next = f * h + c * i\nc_next = f * c - h", True),
        ("h_next = f * h + i\nc_next = h * c", False),
        ("h_next = f * h + c\nc_next = linear(c) + i", False),
        ("h_next = f * h\nc_next = i * c + tanh(h)", False),
    ],
)
def test_every_state_has_to_be_linear_in_all(text: str, expected: bool) -> None:
    gates = "f = sigmoid(linear(x))\ni = x\n"
    cell = from_equations("two", f"{gates}{text}\nout = h_next + c_next + i", ["h", "c"], "out")
    assert is_linear_in_state(cell) is expected
