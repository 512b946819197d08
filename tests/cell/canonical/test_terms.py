"""Terms: equal values are one, sums are collected, and a form is rebuilt with its values."""

from __future__ import annotations

from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cellsearch.cell.canonical.rules import RULES
from cellsearch.cell.canonical.terms import (
    COMBINATION,
    ZERO,
    Form,
    TooLarge,
    ValueGraph,
    combination,
    commutes,
    operands_first,
    rebuilt,
    rounded,
    split,
)
from tests.helpers.cell.term_values import numbers, read

FACTORS = st.sampled_from([-2.0, -1.0, -0.1, 0.0, 0.1, 0.2, 0.3, 1.0, 2.5])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a + b", "b + a"),
        ("(a + b) + c", "a + (b + c)"),
        ("a + a", "2 * a"),
        ("0.1 * a + 0.2 * a", "0.3 * a"),
        ("a - a", "0"),
        ("a + b - b", "a"),
        ("1 + (2 - (a + 3))", "-a"),
        ("2 * (a - 3 * (b + 1))", "2 * a - 6 * b - 6"),
    ],
)
def test_sums_that_are_equal_are_one_value(one: str, other: str) -> None:
    graph = ValueGraph({}, {})
    assert read(graph, one) == read(graph, other)


@given(st.lists(st.tuples(FACTORS, st.sampled_from("abc")), max_size=8), FACTORS, st.randoms(use_true_random=False))
def test_a_combination_does_not_depend_on_the_order_of_its_summands(
    pairs: list[tuple[float, str]], constant: float, draw: Random
) -> None:
    graph = ValueGraph({}, {})
    summands = [(k, read(graph, letter)) for k, letter in pairs]
    value = combination(graph, constant, summands)
    assert combination(graph, constant, draw.sample(summands, len(summands))) == value
    nested = [(1.0, combination(graph, 0.0, [summand])) for summand in summands]
    assert combination(graph, constant, nested) == value
    expected = sum((k * numbers(graph, each) for k, each in summands), torch.full((7, 5), constant).double())
    torch.testing.assert_close(numbers(graph, value), expected)


def test_zero_is_a_combination_of_nothing() -> None:
    graph = ValueGraph({}, {})
    assert graph.terms[read(graph, "a - a")] == ZERO
    assert split(graph, read(graph, "a - a")) == (0.0, [])


def test_split_gives_what_a_combination_adds_up() -> None:
    graph = ValueGraph({}, {})
    a, b = read(graph, "a"), read(graph, "b")
    assert split(graph, read(graph, "3 + 2 * a - b")) == (3.0, [(2.0, a), (-1.0, b)])
    assert split(graph, a) == (0.0, [(1.0, a)])


def test_a_number_that_no_float_holds_is_too_large() -> None:
    graph = ValueGraph({}, {})
    with pytest.raises(TooLarge, match="a constant becomes inf"):
        combination(graph, 0.0, [(1e308, read(graph, "100"))])


@pytest.mark.parametrize(
    ("number", "expected"), [(0.1 + 0.2, 0.3), (-0.0, 0.0), (1e300, 1e300), (1 / 3, 0.333333333333333)]
)
def test_numbers_are_rounded_to_fifteen_digits(number: float, expected: float) -> None:
    assert repr(rounded(number)) == repr(expected)


def test_the_same_term_is_one_value_unless_it_learns() -> None:
    graph = ValueGraph({}, {})
    assert read(graph, "tanh(a)") == read(graph, "tanh(a)")
    assert read(graph, "scale(a, name='one')") == read(graph, "scale(a, name='one')")
    assert read(graph, "scale(a, name='one')") != read(graph, "scale(a, name='other')")


def test_shapes_are_equal_for_values_that_look_alike_and_names_for_none() -> None:
    graph = ValueGraph({}, {})
    values = [
        read(graph, text)
        for text in ("tanh(scale(a, name='one'))", "tanh(scale(b, name='one'))", "tanh(scale(a, name='other'))")
    ]
    assert len({graph.shape(value) for value in values}) == 1
    assert len({graph.name(value) for value in values}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a - sigmoid(b)", "a + sigmoid(b)"),
        ("tanh(a)", "sine(a)"),
        ("difference(a, tanh(b))", "difference(tanh(b), a)"),
        ("linear(a, bias=1)", "linear(a)"),
    ],
)
def test_shapes_differ_where_values_do_not_look_alike(one: str, other: str) -> None:
    graph = ValueGraph({}, {})
    assert graph.shape(read(graph, one)) != graph.shape(read(graph, other))


def test_the_order_of_operands_changes_no_shape_where_it_does_not_matter() -> None:
    graph = ValueGraph({}, {})
    assert graph.shape(read(graph, "maximum(a, tanh(b))")) == graph.shape(read(graph, "maximum(tanh(b), a)"))
    assert [op for op in ("sum", "linear", "product", "difference", "blend", COMBINATION) if commutes(op)] == [
        "sum",
        "linear",
        "product",
    ]


def _form(text: str) -> Form:
    graph = ValueGraph({}, {})
    read(graph, "exp(b)")  # which nothing reads
    value = read(graph, text)
    return Form(graph, {"a": value}, read(graph, "sine(a)"))


def test_reachable_values_are_those_that_leave_the_step_and_what_they_need() -> None:
    form = _form("tanh(a) * x + 1")
    assert [form.graph.terms[value].op for value in form.reachable] == [
        "state",
        "tanh",
        "input",
        "product",
        COMBINATION,
        "sine",
    ]


def test_a_form_is_rebuilt_with_the_same_numbers_and_without_what_nothing_reads() -> None:
    form = _form("tanh(difference(a, x)) * scale(x) + relu(relu(x)) + 1")
    found = rebuilt(form, RULES, {})
    for before, after in zip(form.roots(), found.roots(), strict=True):
        torch.testing.assert_close(numbers(found.graph, after), numbers(form.graph, before))
    assert "exp" not in {term.op for term in found.graph.terms}
    assert "difference" not in {term.op for term in found.graph.terms}


def test_a_form_is_rebuilt_with_values_instead_of_others() -> None:
    form = _form("tanh(a) * x + 1")
    graph = form.graph
    instead = {read(graph, "tanh(a)"): read(graph, "sigmoid(x + c)"), form.output: read(graph, "tanh(x)")}
    found = rebuilt(form, {}, instead)
    expected = read(graph, "sigmoid(x + c) * x + 1"), read(graph, "tanh(x)")
    for before, after in zip(expected, found.roots(), strict=True):
        torch.testing.assert_close(numbers(found.graph, after), numbers(graph, before))


def test_operands_come_before_their_users_also_where_others_stand_instead() -> None:
    graph = ValueGraph({}, {})
    root = read(graph, "tanh(a) + sine(tanh(a))")
    instead = {read(graph, "tanh(a)"): read(graph, "exp(relu(b))")}
    order = list(operands_first(graph, [root], instead))
    ops = [graph.terms[value].op for value in order]
    assert ops == ["state", "relu", "exp", "sine", COMBINATION]
    assert len(set(order)) == len(order)


def test_sums_that_are_held_stay_so_while_they_are_sums() -> None:
    form = _form("tanh(a + b) * x")
    graph = form.graph
    held = read(graph, "a + b")
    kept, gone = rebuilt(form, {}, {}, {held}), rebuilt(form, {}, {read(graph, "b"): read(graph, "-a")}, {held})
    assert [kept.graph.terms[value].op for value in kept.graph.held] == [COMBINATION]
    assert gone.graph.held == set()
