"""Families: cells are one if negating learned arrays makes them one, and then compute the same from such arrays."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from random import Random

import pytest

from cellsearch import plugins
from cellsearch.cell import Cell, family, from_equations, identity
from cellsearch.cell.canonical.form import canonical
from cellsearch.errors import CellError
from cellsearch.testing.scramble import scrambled
from cellsearch_search_spaces import small
from tests.cell.canonical.test_proofs import random_cells
from tests.helpers.cell.negated import assert_same_values_by_family, negated, negations
from tests.helpers.exhaustive import many
from tests.helpers.work import calls

GATES = "z = sigmoid(linear(x, h))\nn = tanh(linear(x, h))\nh_next = "
BIASED = "z = sigmoid(linear(x, h, bias={}))\nn = tanh(linear(x, h))\nh_next = "

ONE = [
    (GATES + "blend(z, h, n)", GATES + "blend(z, n, h)"),
    (GATES + "blend(z, h, n)", GATES + "z * h - n * (1 - z)"),
    (BIASED.format(1) + "blend(z, h, n)", BIASED.format(-1) + "blend(z, n, h)"),
    (GATES.replace("sigmoid", "hard_sigmoid") + "z * n", GATES.replace("sigmoid", "hard_sigmoid") + "n - z * n"),
    ("h_next = tanh(linear(x) - linear(h))", "h_next = tanh(linear(x, h))"),
    ("h_next = tanh(linear(x, h, bias=1))", "h_next = -1 * tanh(linear(x, h, bias=-1))"),
    ("h_next = relu(linear(x)) - linear(x, h)", "h_next = relu(linear(x)) + linear(x, h)"),
    ("l = linear(x, h)\nh_next = relu(l)", "l = linear(x, h)\nh_next = relu(l) - l"),
    ("h_next = linear(x, peephole(h) + tanh(h))", "h_next = linear(x, tanh(h) - peephole(h))"),
    ("h_next = linear(x) + static_gate(h)", "h_next = linear(x) + h - static_gate(h)"),
    ("h_next = linear(x) + static_gate(h, bias=1)", "h_next = linear(x) + h - static_gate(h, bias=-1)"),
    (GATES + "n + normalize(z)", GATES + "n - normalize(z)"),
    (GATES + "n * scale(2 + 2 * z)", GATES + "n * scale(4 - 2 * z)"),
    ("h_next = linear(x) * bias(tanh(h))", "h_next = linear(x) * bias(-1 * tanh(h))"),
    ("h_next = linear(x, layer_norm(h) + tanh(h))", "h_next = linear(-1 * tanh(h) - layer_norm(h), x)"),
    ("h_next = linear(x, exp(h)) + bias(h)", "h_next = linear(x, -1 * exp(h)) + bias(h)"),
]

APART = [
    (BIASED.format(1) + "blend(z, h, n)", BIASED.format(1) + "blend(z, n, h)"),
    (GATES + "z * h + z * n", GATES + "blend(z, h, n)"),
    ("h_next = linear(x, tanh(h) + scale(h))", "h_next = linear(x, tanh(h) - scale(h))"),
    ("h_next = linear(x) + scale(h)", "h_next = linear(x) - scale(h)"),
    ("h_next = linear(x) + static_gate(h, bias=1)", "h_next = linear(x) + h - static_gate(h, bias=1)"),
    ("h_next = linear(x) + static_gate(h, bias=1)", "h_next = linear(x) + static_gate(h, bias=-1)"),
    ("h_next = exp(linear(x)) + exp(h)", "h_next = exp(linear(x)) - exp(h)"),
    ("l = linear(x, h)\nh_next = exp(l) + tanh(l)", "l = linear(x, h)\nh_next = exp(l) * tanh(l)"),
    ("l = linear(x, h)\nh_next = l + sine(l)", "l = linear(x, h)\nh_next = l - sine(l)"),
    ("h_next = softplus(linear(x, h, bias=1))", "h_next = softplus(linear(x, h))"),
    ("h_next = tanh(linear(x) + h)", "h_next = tanh(linear(x) - h)"),
]


def _cell(text: str) -> Cell:
    return from_equations("cell", text, ["h"], "h_next")


@pytest.mark.parametrize(("one", "other"), ONE)
def test_cells_that_negated_arrays_make_one_are_a_family_and_compute_the_same(one: str, other: str) -> None:
    assert identity(_cell(one)) != identity(_cell(other))
    assert family(_cell(one)) == family(_cell(other))
    assert_same_values_by_family(_cell(one), _cell(other))


@pytest.mark.parametrize(("one", "other"), APART)
def test_cells_that_differ_in_more_are_of_two_families(one: str, other: str) -> None:
    assert family(_cell(one)) != family(_cell(other))


def test_of_a_sum_that_is_read_with_either_sign_the_one_that_comes_first_does_not_matter() -> None:
    read = ["r = exp(exp(h) - gelu(x))", "s = static_gate(gelu(x) - exp(h), bias=1)"]
    one, other = (_cell("\n".join([*lines, "h_next = r + s"])) for lines in (read, read[::-1]))
    assert family(one) == family(other)
    assert family(one) != family(_cell("\n".join([*read, "h_next = r - s"])))


def test_a_state_may_hold_its_negative_unless_it_is_the_output() -> None:
    def memory(next_value: str, read: str) -> Cell:
        text = f"m_next = {next_value}\nh_next = tanh(linear(x, h)) * {read}"
        return from_equations("memory", text, ["h", "m"], "h_next")

    one, other = memory("exp(linear(x)) + m", "tanh(m)"), memory("m - exp(linear(x))", "-1 * tanh(m)")
    assert identity(one) != identity(other) and family(one) == family(other)
    assert_same_values_by_family(one, other)
    assert family(memory("exp(linear(x)) + m", "exp(m)")) != family(memory("m - exp(linear(x))", "exp(m)"))
    assert family(_cell("h_next = exp(linear(x)) + h")) != family(_cell("h_next = h - exp(linear(x))"))


def test_nothing_is_its_own_negative() -> None:
    """A state that is always 0 next, read by exp with either sign, beside a minimum of that 0."""
    lines = "none_next = h - h\nh_next = linear(x, minimum(none_next, exp({})))\ny = linear(none_next, h)"
    one, other = (from_equations("cell", lines.format(each), ["none", "h"], "y") for each in ("none", "-none"))
    assert family(one) == family(other)


def test_random_cells_keep_their_family_when_arrays_are_negated_and_compute_the_same() -> None:
    _check_negated(150, most_nodes=8)


@pytest.mark.slow
def test_many_cells_keep_their_family_when_arrays_are_negated() -> None:
    _check_negated(many(600, 10_000), most_nodes=12)


def test_a_family_is_what_negations_make_one_and_nothing_else() -> None:
    _check_families(250)


@pytest.mark.slow
def test_a_family_of_many_cells_is_what_negations_make_one() -> None:
    _check_families(many(1_000, 10_000))


def test_published_cells_are_of_one_family_where_they_are_the_same() -> None:
    """Wu and Zhang's minGRU and the strongly typed RNN read one gate from its two ends."""
    names = defaultdict(list)
    for name, cell in plugins.seeds().items():
        names[family(cell)].append(name)
    together = sorted(sorted(each) for each in names.values() if len(each) > 1)
    assert together == [["jozefowicz_gru", "nasbench_nlp_gru"], ["min_gru", "strongly_typed_rnn"], ["plain", "rnn"]]
    assert_same_values_by_family(plugins.seed("min_gru"), plugins.seed("strongly_typed_rnn"))


@pytest.mark.slow
def test_no_two_cells_of_the_small_space_are_of_one_family() -> None:
    """For its gates that keep start with a bias of 1; nor does any negation of one lead to another."""
    cells = {identity(cell): cell for cell in small.cells()}
    assert len({family(cell) for cell in cells.values()}) == len(cells) == 2330
    for own, cell in Random(0).sample(sorted(cells.items()), 50):
        assert (_orbit(cell) & cells.keys()) - {own} == set()


def test_a_family_takes_no_more_than_a_few_times_the_work_of_an_identity() -> None:
    lstm = plugins.seed("lstm")
    family(lstm.renamed("loaded"))
    assert calls(lambda: family(lstm.renamed("another"))) < 5 * calls(lambda: identity(lstm))


def test_many_signs_that_nothing_decides_take_no_long_search() -> None:
    gates = "\n".join(f"g{i} = sigmoid(linear(x, h)) * h" for i in range(12))
    cell = _cell(f"{gates}\nh_next = tanh(linear({', '.join(f'g{i}' for i in range(12))}))")
    assert calls(lambda: family(cell)) < 1_000_000


def test_something_else_than_a_cell_has_no_family() -> None:
    with pytest.raises(CellError, match="a Cell is expected"):
        family("lstm")  # type: ignore[arg-type]


def _check_negated(count: int, most_nodes: int) -> None:
    different = 0
    for seed, cell in enumerate(random_cells(count, most_nodes)):
        draw = Random(seed)
        ways = negations(cell)
        other = negated(cell, draw.sample(ways, draw.randrange(len(ways) + 1)))
        rewritten = scrambled(other, draw, steps=6).cell
        if seed % 2 and identity(rewritten) == identity(other):
            other = rewritten
        different += identity(other) != identity(cell)
        assert family(other) == family(cell)
        assert_same_values_by_family(cell, other)
    assert different > count / 2


def _check_families(count: int) -> None:
    """All that negations lead to, by the identities alone, beside families."""
    cells = {identity(cell): canonical(cell) for cell in random_cells(count, most_nodes=4, most_states=2)}
    few = {own: cell for own, cell in cells.items() if len(negations(cell)) <= 7}
    leading = defaultdict(set)
    for own, cell in few.items():
        for each in _orbit(cell):
            leading[each].add(own)
    together = {frozenset(each) for each in leading.values() if len(each) > 1}
    for group in together:
        assert len({family(few[own]) for own in group}) == 1
    alike = defaultdict(list)
    for own, cell in few.items():
        alike[family(cell)].append(own)
    for group in alike.values():
        assert all(any({one, other} <= each for each in together) for one, other in combinations(group, 2))


def _orbit(cell: Cell) -> set[str]:
    """The identities of the cell with any of its arrays and states negated."""
    ways = negations(cell)
    return {identity(negated(cell, chosen)) for n in range(len(ways) + 1) for chosen in combinations(ways, n)}
