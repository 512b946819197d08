"""The canonical form: all ways to write a cell lead to one cell, which computes the same from the same weights."""

from __future__ import annotations

import re
from random import Random

import pytest

from cellsearch import plugins
from cellsearch.cell import LINEAR, Cell, Node, from_equations, identity
from cellsearch.cell.canonical.form import canonical, canonical_form
from cellsearch.testing.scramble import renamed, scrambled
from cellsearch_search_spaces.gated import GRU, SPACE
from tests.helpers.cell.carried import assert_same_values
from tests.helpers.cell.spellings import DIFFERENT, SAME, cell_of


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_written_in_two_ways(one: str, other: str) -> None:
    assert identity(cell_of(one)) == identity(cell_of(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_only_looks_the_same_differs(one: str, other: str) -> None:
    assert identity(cell_of(one)) != identity(cell_of(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tanh(linear(x, h) - linear(x, h))", "-1 * tanh(linear(x, h) - linear(x, h))"),
        ("tanh(f - g) + h * f", "h * f - tanh(g - f)"),
        ("tanh(f - g) + h * f", "h * g + tanh(g - f)"),
        ("sigmoid(f - g) * h", "h - sigmoid(g - f) * h"),
        ("tanh(f - g) * tanh(f - g) * tanh(g - f) + h", "h - tanh(f - g) * tanh(f - g) * tanh(f - g)"),
    ],
)
def test_a_sign_that_only_names_decide_is_the_same_either_way(one: str, other: str) -> None:
    assert identity(_of_twins(one)) == identity(_of_twins(other))
    assert identity(_of_twins("tanh(f - g) + h * f")) != identity(_of_twins("tanh(g - f) + h * f"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sigmoid(h - s) * h", "h - sigmoid(s - h) * h"),
        ("sigmoid(h - s) * s", "(1 - sigmoid(s - h)) * s"),
        ("relu(h - s) * x", "relu(s - h) * x + h * x - s * x"),
        ("softplus(h - s)", "softplus(s - h) + h - s"),
    ],
)
def test_a_sign_between_states_is_the_same_however_the_rest_is_spelled(one: str, other: str) -> None:
    text = "s_next = {}\nh_next = tanh(peephole(x) * s_next)"
    cells = [from_equations("cell", text.format(each), states=["h", "s"], output="h_next") for each in (one, other)]
    assert len({identity(each) for cell in cells for each in (cell, canonical(cell), renamed(cell, Random(0)))}) == 1


def test_a_sign_does_not_depend_on_the_order_in_which_numbers_are_added() -> None:
    """1 + 0.9 - 1 - 0.9 is 0, though not in floats."""
    text = "s_next = tanh(x)\nmixed = blend(s, s - s, s)\nout = tanh(blend(x, 0.1 * mixed, mixed))"
    cell = from_equations("cell", text, states=["s"], output="out")
    assert identity(canonical(cell)) == identity(cell)


def test_a_product_may_be_long_where_its_terms_cancel() -> None:
    text = """
        s1 = blend(s_next, s_next, x)
        s2 = blend(x, s, s1)
        s3 = blend(s2, tanh(s2), s2)
        s_next = tanh(x)
        out = {}
    """
    spelled = ("s3", "blend(x, s3, s3)", "x * s3 + (1 - x) * s3")
    cells = [from_equations("cell", text.format(each), states=["s"], output="out") for each in spelled]
    assert len({identity(each) for cell in cells for each in (cell, canonical(cell))}) == 1


def test_a_ring_of_differences_is_the_same_under_other_names() -> None:
    """Every second sign could be the other one, and no two choices look different at first."""
    nodes = {f"l{i}": Node(LINEAR, ("x", "h")) for i in range(7)}
    nodes |= {f"d{i}": Node("difference", (f"l{i}", f"l{(i + 1) % 7}")) for i in range(7)}
    nodes |= {f"t{i}": Node("tanh", (f"d{i}",)) for i in range(7)}
    nodes["s"] = Node(LINEAR, tuple(f"t{i}" for i in range(7)))
    ring = Cell("ring", nodes, {"h": "s"}, "s")
    assert len({identity(renamed(ring, Random(seed))) for seed in range(10)}) == 1


def _of_twins(h_next: str) -> Cell:
    """As `cell_of`, where f and g are alike."""
    twins = ["f = linear(x)", "g = linear(x)"] if "f" in re.findall(r"\w+", h_next) else []
    return from_equations("cell", "\n".join([*twins, f"h_next = {h_next}"]), ["h"], "h_next")


def test_a_gru_that_keeps_with_z_is_not_one_that_keeps_with_1_minus_z() -> None:
    """Not the same from the same weights, although a search over the weights' signs would find no difference."""
    nodes = {**GRU.nodes, "h_next": Node("blend", ("update_gate", "candidate", "h"))}
    swapped = Cell("gru", nodes, GRU.states, "h_next")
    assert identity(swapped) != identity(GRU)


def test_states_that_hold_the_same_stay_two_states() -> None:
    def cell(second: str, *states: str) -> Cell:
        nodes = {"n": Node(LINEAR, ("x", "h", second))}
        return Cell("cell", nodes, dict.fromkeys(states, "n"), "n")

    assert identity(cell("c", "h", "c")) != identity(cell("h", "h"))


def test_what_makes_no_difference_keeps_a_state_in_the_cell() -> None:
    """c - c is 0, and yet the step has a state c: it is another cell than one without."""
    nodes = {"l": Node(LINEAR, ("x", "h")), "c_next": Node(LINEAR, ("x", "c")), "zero": Node("difference", ("c", "c"))}
    idle = Cell("idle", {**nodes, "s": Node("sum", ("l", "zero"))}, {"h": "s", "c": "c_next"}, "s")
    without = Cell("without", {"l": nodes["l"]}, {"h": "l"}, "l")
    assert list(canonical(idle).states) == ["state_1", "state_2"]
    assert identity(canonical(idle)) == identity(idle) != identity(without)


@pytest.mark.parametrize("cell", SPACE.seeds.values(), ids=str)
def test_the_canonical_form_of_a_seed_is_its_own_and_computes_the_same(cell: Cell) -> None:
    assert canonical(canonical(cell)) == canonical(cell)
    assert_same_values(cell, canonical_form(cell))


def test_a_sum_of_linears_is_one_linear_in_the_canonical_form() -> None:
    split = cell_of("tanh(linear(x, bias=1) + (linear(h) + bias(h * x)))")
    (linear,) = [node for node in canonical(split).nodes.values() if node.op == LINEAR]
    assert (len(linear.operands), linear.initial_bias) == (2, 1.0)


def test_two_biases_of_the_same_value_stay_two_in_the_canonical_form() -> None:
    cell = cell_of("tanh(bias(a) + 1) * sigmoid(bias(a) + 1)")
    form = canonical(cell)
    assert [node.op for node in form.nodes.values()].count("bias") == 2
    assert identity(form) == identity(cell)
    assert_same_values(cell, canonical_form(cell))


@pytest.mark.parametrize("name", ["darts_v1", "darts_v2", "enas_cell", "rhn_10"])
def test_a_chain_too_long_to_multiply_out_is_the_same_cell_in_every_spelling(name: str) -> None:
    cell = plugins.seed(name)
    assert_same_values(cell, canonical_form(cell))
    assert identity(canonical(cell)) == identity(cell)
    assert {identity(scrambled(cell, Random(seed), steps=12).cell) for seed in range(40)} == {identity(cell)}
    for name, (a, b, c) in ((name, node.operands) for name, node in cell.nodes.items() if node.op == "blend"):
        swapped = Cell(cell.name, {**cell.nodes, name: Node("blend", (a, c, b))}, cell.states, cell.output)
        assert identity(swapped) != identity(cell)


def test_a_sum_that_comes_to_a_number_where_products_do_not_fit_is_read_as_that() -> None:
    def large(one: str) -> Cell:
        text = f"""
            d = x - 1
            s = d + h
            h_next = (sigmoid({one}) + s) * s
            out = h_next * h_next + (1 - h_next) * x
        """
        return from_equations("large", text, states=["h"], output="out")

    cell = large("d * d + (1 - d) * x")
    assert_same_values(cell, canonical_form(cell))
    assert identity(canonical(cell)) == identity(cell) == identity(renamed(cell, Random(0)))


def test_three_times_a_sixth_is_a_half() -> None:
    sixth = f"(a + b) * {1 / 6!r}"
    assert identity(cell_of(f"tanh({sixth} + {sixth} + {sixth})")) == identity(cell_of("tanh(a * 0.5 + 0.5 * b)"))


def test_a_cell_that_rules_would_blow_up_is_compared_as_written() -> None:
    nodes = {"n0": Node(LINEAR, ("x", "h"))}
    for i in range(1, 400):
        nodes[f"n{i}"] = Node(("sum", "product")[i % 2], (f"n{i - 1}",) * 2)
    cell = Cell("large", nodes, {"h": "n399"}, "n399")
    assert canonical(canonical(cell)) == canonical(cell)
    assert len(canonical(cell).nodes) == 400
