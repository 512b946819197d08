"""Equations: a seed is read as its paper writes it, and any cell is printed so that a reader can check it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from cellsearch.cell import Cell, Node, equations, from_equations
from cellsearch.cell.notation.equations import equations_in_brief
from cellsearch.errors import CellError
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM, RNN

GOLDEN = {
    RNN: """
        h' = tanh(W_h x + U_h h + b_h)
        output = h'
    """,
    LSTM: """
        i = σ(W_i x + U_i h + b_i)
        f = σ(W_f x + U_f h + b_f)
        c̃ = tanh(W_c x + U_c h + b_c)
        o = σ(W_o x + U_o h + b_o)
        c' = f ⊙ c + i ⊙ c̃
        h' = o ⊙ tanh(c')
        output = h'
    """,
    GRU: """
        r = σ(W_r x + U_r h + b_r)
        z = σ(W_z x + U_z h + b_z)
        h̃ = tanh(W_h x + b_h1 + r ⊙ (U_h h + b_h2))
        h' = z ⊙ h + (1 − z) ⊙ h̃
        output = h'
    """,
}


@pytest.mark.parametrize("cell", GOLDEN, ids=lambda cell: cell.name)
def test_the_seeds_are_printed_like_their_papers(cell: Cell) -> None:
    assert list(equations(cell)) == [line.strip() for line in GOLDEN[cell].strip().splitlines()]


def test_a_cell_is_read_from_equations() -> None:
    cell = from_equations(
        "read",
        """
        gate = sigmoid(linear(x, h, bias=1))
        h_next = gate * h + (1 - gate) * tanh(
            linear(x)
        )
        """,
        states=["h"],
        output="h_next",
    )
    assert dict(cell.nodes) == {
        "gate_linear": Node("linear", ("x", "h"), 1.0),
        "gate": Node("sigmoid", ("gate_linear",)),
        "h_product": Node("product", ("gate", "h")),
        "h_one_minus": Node("one_minus", ("gate",)),
        "h_linear": Node("linear", ("x",)),
        "h_tanh": Node("tanh", ("h_linear",)),
        "h_product_2": Node("product", ("h_one_minus", "h_tanh")),
        "h_next": Node("sum", ("h_product", "h_product_2")),
    }
    assert dict(cell.states) == {"h": "h_next"}


def test_every_form_of_an_expression_is_read() -> None:
    cell = from_equations(
        "forms",
        """
        a = linear(x, h, bias=-1.5)
        b = a
        c = b - a * b
        h_next = layer_norm(blend(a, b, c))
        """,
        states=["h"],
        output="h_next",
    )
    assert cell.nodes["a"] == Node("linear", ("x", "h"), -1.5)
    assert cell.nodes["b"] == Node("identity", ("a",))
    assert cell.nodes["c"] == Node("difference", ("b", "c_product"))
    assert cell.nodes["h_next"] == Node("layer_norm", ("h_blend",))


@pytest.mark.parametrize(
    ("expression", "op", "constant"),
    [
        ("0.5 * x", "times_constant", 0.5),
        ("x * 2", "times_constant", 2.0),
        ("-2 * x", "times_constant", -2.0),
        ("-x", "times_constant", -1.0),
        ("x + 1", "plus_constant", 1.0),
        ("3 + x", "plus_constant", 3.0),
        ("x - 0.5", "plus_constant", -0.5),
        ("x - -0.5", "plus_constant", 0.5),
        ("times_constant(x, constant=-1)", "times_constant", -1.0),
        ("block_linear(x, constant=4)", "block_linear", 4.0),
        ("1 - x", "one_minus", 1.0),
        ("x / 2", "times_constant", 0.5),
        ("x / -4", "times_constant", -0.25),
        ("1 / x", "reciprocal", 1.0),
    ],
)
def test_constants_are_read(expression: str, op: str, constant: float) -> None:
    cell = from_equations("constant", f"a = {expression}\nh_next = sum(a, h)", ["h"], "h_next")
    assert cell.nodes["a"] == Node(op, ("x",), constant=constant)


def test_a_number_minus_a_value_is_written_by_two_operations() -> None:
    cell = from_equations("constant", "a = 2 - x\nh_next = a + h", ["h"], "h_next")
    assert cell.nodes["a"] == Node("plus_constant", ("a_times_constant",), constant=2.0)
    assert cell.nodes["a_times_constant"] == Node("times_constant", ("x",), constant=-1.0)


def test_a_quotient_is_a_product_with_a_reciprocal() -> None:
    cell = from_equations("quotient", "h_next = linear(x) / exp(h)", ["h"], "h_next")
    assert cell.nodes["h_next"] == Node("product", ("h_linear", "h_reciprocal"))
    assert cell.nodes["h_reciprocal"] == Node("reciprocal", ("h_exp",))


def test_a_number_over_a_value_is_written_by_two_operations() -> None:
    cell = from_equations("constant", "a = -3 / x\nh_next = a + h", ["h"], "h_next")
    assert cell.nodes["a"] == Node("times_constant", ("a_reciprocal",), constant=-3.0)
    assert cell.nodes["a_reciprocal"] == Node("reciprocal", ("x",))


def test_bias_and_constant_may_be_given_together() -> None:
    cell = from_equations("both", "h_next = low_rank_linear(h, bias=-1, constant=3) * x", ["h"], "h_next")
    assert cell.nodes["h_low_rank_linear"] == Node("low_rank_linear", ("h",), -1.0, 3.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h_next = tanh(linear(x, h)", "'(' was never closed in equation 'h_next = tanh(linear(x, h)'"),
        ("h_next = 2 +", "invalid syntax in equation 'h_next = 2 +'"),
        ("h_next == tanh(x)", "'h_next == tanh(x)' is no equation; write `name = expression`"),
        ("a = b = tanh(x)", "'a = b = tanh(x)' is no equation"),
        ("a, b = x, h", "is no equation"),
        ("import os", "'import os' is no equation"),
        (
            "h_next = linear(x, h) ** 2",
            "'linear(x, h) ** 2' is no expression of a cell; use names, + - * /, 1 - a, or a call",
        ),
        ("h_next = linear(x, h) // 2", "'linear(x, h) // 2' is no expression of a cell"),
        ("h_next = 2 / 3", "'2 / 3' is no expression of a cell"),
        ("h_next = x / 0", "has constant inf; use a finite one"),
        ("h_next = 2 * 3", "'2 * 3' is no expression of a cell"),
        ("h_next = x * 1e999", "has constant inf; use a finite one"),
        ("h_next = x * True", "'True' is no expression of a cell"),
        ("h_next = tanh(x, constant=2)", "node 'h_next' (tanh) has no constant; remove its 2.0"),
        ("h_next = torch.tanh(x)", "'torch.tanh(x)' is no expression of a cell"),
        ("h_next = linear(x, h, bias=h)", "'linear(x, h, bias=h)' is no expression of a cell"),
        ("h_next = linear(x, h, scale=1)", "'linear(x, h, scale=1)' is no expression of a cell"),
        ("h_next = tanh(*x)", "is no expression of a cell"),
        ("a = tanh(x)\na = tanh(h)", "'a' is defined twice; rename one"),
        ("h_next = tahn(linear(x, h))", "node 'h_next' has unknown operation 'tahn'"),
        ("h_next = tanh(linear(x, h), x)", "node 'h_next' (tanh) takes 1 operand, got 2"),
        ("h_next = tanh(linear(x, k))", "takes 'k', which does not exist"),
        ("a = tanh(x)", "state 'h' has no next value: 'h_next' is no operation"),
        ("h_next = tanh(x) # \x00", "null bytes"),
        ("h_next = " + "(" * 300 + "x" + ")" * 300, "too many nested parentheses"),
    ],
)
def test_what_is_no_equation_is_named(text: str, message: str) -> None:
    with pytest.raises(CellError) as raised:
        from_equations("wrong", text, states=["h"], output="h_next")
    assert message in str(raised.value)
    assert str(raised.value).startswith("cell 'wrong': ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("a - (b - a)", "a − (b − a)"),
        ("(a - b) - a", "a − b − a"),
        ("1 - (a + b)", "1 − (a + b)"),
        ("1 - (1 - a)", "1 − (1 − a)"),
        ("(a + b) * (a - b)", "(a + b) ⊙ (a − b)"),
        ("a * b + a", "a ⊙ b + a"),
        ("a * (b * a)", "a ⊙ b ⊙ a"),
        # The first operand of a blend is written twice, so that an expression there gets a name.
        ("blend(a + b, a, b * b)", "v1 ⊙ a + (1 − v1) ⊙ b ⊙ b"),
        ("tanh(a) * sigmoid(b)", "tanh(a) ⊙ σ(b)"),
        ("a * linear(b)", "a ⊙ (U_h b + b_h)"),
        ("linear(a * b)", "U_h (a ⊙ b) + b_h"),
        ("linear(a + b, h, x)", "U_h1 (a + b) + U_h2 h + W_h x + b_h"),
        ("linear(h, h, a)", "U_h1 h + U_h2 h + U_h3 a + b_h"),
        ("scale(a + b)", "w_h ⊙ (a + b)"),
        ("bias(a - b)", "a − b + b_h"),
        ("relu(a) + leaky_relu(b)", "relu(a) + leaky_relu(b)"),
        ("layer_norm(a)", "w_h ⊙ normalize(a) + b_h"),
        ("a + (b - a)", "a + b − a"),
        ("-a * b", "(−a) ⊙ b"),
        ("a * -b", "a ⊙ (−b)"),
        ("a - -b", "a + b"),
        ("a + -b", "a − b"),
        ("-(-a)", "a"),
        ("-(a + b)", "−(a + b)"),
        ("0.5 * a * b - 2", "0.5 a ⊙ b − 2"),
        ("0.5 * (a * b)", "0.5 (a ⊙ b)"),
        ("-0.5 * linear(a)", "−0.5 (U_h a + b_h)"),
        ("linear(-0.5 * a)", "U_h (−0.5 a) + b_h"),
        ("0.5 * (2 * a)", "0.5 (2 a)"),
        ("linear(0.5 * a)", "U_h (0.5 a) + b_h"),
        ("maximum(a, -b)", "max(a, −b)"),
        ("where(a, b, -a)", "where(a, b, −a)"),
        ("mean(a * b)", "mean(a ⊙ b)"),
        ("1 / a", "1 / a"),
        ("a / b", "a / b"),
        ("reciprocal(b) * a", "a / b"),
        ("(a + b) / (a * b)", "(a + b) / (a ⊙ b)"),
        ("a * b / (a / b)", "a ⊙ b / (a / b)"),
        ("a / b * a", "a / b ⊙ a"),
        ("a * (b / a)", "a ⊙ b / a"),
        ("a / b / a", "a / b / a"),
        ("1 / (1 / a)", "1 / (1 / a)"),
        ("a - b / a", "a − b / a"),
        ("a / -b", "a / (−b)"),
        ("-a / b", "(−a) / b"),
        ("-(a / b)", "−a / b"),
        ("2 / b", "2 / b"),
        ("-2 / b", "−2 / b"),
        ("a - -1 / b", "a + 1 / b"),
        ("0.5 * (a / b)", "0.5 (a / b)"),
        ("0.5 * a / b", "0.5 a / b"),
        ("a / (0.5 * b)", "a / (0.5 b)"),
        ("scale(1 / a)", "w_h / a"),
        ("a / linear(b)", "a / (U_h b + b_h)"),
    ],
)
def test_arithmetic_is_printed_with_the_right_parentheses(expression: str, printed: str) -> None:
    text = f"""
        a = tanh(linear(x, h))
        b = tanh(linear(x, h))
        shown = a + b
        h_next = {expression}
        out = shown * h_next
    """
    cell = from_equations("printed", text, states=["h"], output="out")
    line = next(line for line in equations(cell) if line.startswith("h' = "))
    assert line == f"h' = {printed}"


def test_states_that_share_their_next_value_are_printed() -> None:
    cell = Cell("twins", {"s": Node("linear", ("x", "h", "c"))}, {"h": "s", "c": "s"}, "s")
    assert equations(cell) == ("h' = W_h x + U_h1 h + U_h2 c + b_h", "c' = h'", "output = h'")


@given(cells())
def test_every_cell_is_printed_with_a_line_for_each_state_and_the_output(cell: Cell) -> None:
    lines = equations(cell)
    assert all(sum(line.startswith(f"{state}' = ") for line in lines) == 1 for state in cell.states)
    assert sum(line.startswith("output = ") for line in lines) == 1
    assert len({line.split(" = ")[0] for line in lines}) == len(lines)


@given(cells())
def test_a_value_is_printed_before_it_is_used(cell: Cell) -> None:
    words = [set(re.findall(r"[\w\u0303]+'?", line)) for line in equations(cell)]
    defined = [line.partition(" = ")[0] for line in equations(cell)]
    for place, used in enumerate(words):
        assert not used & set(defined[place + 1 :])


@pytest.mark.parametrize("op", ["one_minus", "tanh", "linear", "scale"])
def test_the_longest_chain_is_printed(op: str) -> None:
    nodes = {"n0": Node("linear", ("x", "h"))} | {f"n{i}": Node(op, (f"n{i - 1}",)) for i in range(1, 510)}
    lines = equations(Cell("chain", nodes, {"h": "n509"}, "n509"))
    assert lines[-1] == "output = h'"
    assert max(map(len, lines)) < 500


def test_the_widest_linear_is_printed() -> None:
    cell = Cell("wide", {"s": Node("linear", ("x", "h") * 32)}, {"h": "s"}, "s")
    assert equations(cell)[0].count(" x") == 32


def test_the_line_in_brief_has_what_nobody_named_inside_and_short_numbers() -> None:
    text = """
        gate = sigmoid(linear(x, h))
        h_next = gate * tanh(layer_norm(h)) + 0.123456 * h
        out = tanh(h_next)
    """
    brief = equations_in_brief(from_equations("brief", text, ["h"], "out"))
    assert brief == "h' = gate ⊙ tanh(w_v1 ⊙ normalize(h) + b_v1) + 0.1235 h,  out = tanh(h')"


@given(cells())
def test_the_line_in_brief_defines_every_state_and_is_one_line(cell: Cell) -> None:
    brief = equations_in_brief(cell)
    assert "\n" not in brief and brief.count(" = ") >= len(cell.states)


def test_the_line_in_brief_stays_bounded_where_every_value_is_used_twice() -> None:
    nodes, last = {}, "x"
    for i in range(200):
        nodes[f"product_{i}"] = Node("product", (last, last))
        nodes[f"tanh_{i}"] = Node("tanh", (f"product_{i}",))
        last = f"tanh_{i}"
    nodes["h_next"] = Node("sum", (last, "h"))
    assert len(equations_in_brief(Cell("long", nodes, {"h": "h_next"}, "h_next"))) < 2000
