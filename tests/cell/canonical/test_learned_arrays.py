"""Joining: linears and biases that are only ever added become one, which comes to the same numbers."""

from __future__ import annotations

import pytest
import torch

from cellsearch.cell.canonical import learned_arrays
from cellsearch.cell.canonical.learned_arrays import JOINING, WITHIN_SUMS, Joining, joinable
from cellsearch.cell.canonical.terms import Form, Term, ValueGraph, rebuilt
from cellsearch.cell.validate import MOST_OPERANDS
from tests.helpers.cell.term_values import numbers, read

JOINED: list[tuple[Joining, str]] = [
    (learned_arrays.linears_that_are_added, "tanh(linear(x) + linear(h, a))"),
    (learned_arrays.linears_that_are_added, "tanh(linear(x, bias=1) + bias(h, bias=0.5) - c)"),
    (learned_arrays.linears_that_are_added, "tanh(-2 * linear(x, bias=1) - 2 * linear(h, bias=0.5))"),
    (learned_arrays.linears_that_are_added, "h * linear(x) + h * linear(a, bias=2)"),
    (learned_arrays.linears_that_are_added, "h * linear(x) + h * bias(a, bias=2)"),
    (learned_arrays.bias_drawn_out, "tanh(2 * bias(h, bias=1) + x)"),
    (learned_arrays.bias_drawn_out, "tanh(-bias(h, bias=1) + bias(x))"),
    (learned_arrays.bias_absorbed, "tanh(bias(linear(x, bias=1), bias=2))"),
    (learned_arrays.bias_absorbed, "tanh(bias(2 * linear(x) - h, bias=3))"),
    (learned_arrays.bias_absorbed, "tanh(bias(layer_norm(x), bias=3))"),
    (learned_arrays.bias_absorbed, "tanh(bias(bias(x, bias=1), bias=3))"),
    (learned_arrays.biases_pooled, "tanh(linear(x, bias=1) - linear(h, bias=2))"),
    (learned_arrays.biases_pooled, "tanh(linear(x, bias=1) - 3 * linear(h, bias=2))"),
    (learned_arrays.biases_pooled, "tanh(layer_norm(x) + layer_norm(h, bias=1))"),
    (learned_arrays.biases_pooled, "tanh(layer_norm(x) + linear(h, bias=1))"),
]

APART: list[tuple[Joining, str]] = [
    (learned_arrays.linears_that_are_added, "tanh(linear(x)) + tanh(linear(h))"),
    (learned_arrays.linears_that_are_added, "tanh(linear(x) - linear(h))"),
    (learned_arrays.linears_that_are_added, "tanh(linear(x, name='l') + linear(h)) * linear(x, name='l')"),
    (learned_arrays.linears_that_are_added, "a * linear(x) + b * linear(h)"),
    (learned_arrays.linears_that_are_added, "linear(x, name='l') * linear(x, name='l') + linear(h)"),
    (learned_arrays.linears_that_are_added, "tanh(scale(x) + linear(h))"),
    (learned_arrays.bias_drawn_out, "tanh(2 * bias(h, name='b') + x) + bias(h, name='b')"),
    (learned_arrays.bias_drawn_out, "a * bias(h) + x"),
    (learned_arrays.bias_absorbed, "tanh(bias(linear(x, name='l'))) + linear(x, name='l')"),
    (learned_arrays.bias_absorbed, "tanh(bias(scale(x)))"),
    (learned_arrays.bias_absorbed, "tanh(bias(static_gate(x)))"),
    (learned_arrays.biases_pooled, "tanh(linear(x, name='l') - linear(h)) + exp(linear(x, name='l'))"),
]


def _name(each: Joining | str) -> str:
    return each if isinstance(each, str) else each.__name__


def _form(text: str) -> Form:
    graph = ValueGraph({}, {})
    value = read(graph, text)
    return Form(graph, {"h": value}, value)


def _learned(form: Form) -> list[Term]:
    return [term for term in (form.graph.terms[v] for v in form.reachable) if term.op != "state" and term.weights]


def _arrays(form: Form) -> list[tuple[object, ...]]:
    return [(term.op, term.numbers, term.weights, term.biases) for term in _learned(form)]


@pytest.mark.parametrize(("joining", "text"), JOINED, ids=_name)
def test_what_is_joined_comes_to_the_same_numbers(joining: Joining, text: str) -> None:
    form = _form(text)
    instead = joinable(form, [joining])
    assert instead
    found = rebuilt(form, {}, instead)
    torch.testing.assert_close(numbers(found.graph, found.output), numbers(form.graph, form.output))
    assert _arrays(found) != _arrays(form)


@pytest.mark.parametrize(("joining", "text"), APART, ids=_name)
def test_what_must_stay_apart_is_left_as_it_is(joining: Joining, text: str) -> None:
    assert joinable(_form(text), [joining]) == {}


def test_every_way_to_join_is_shown_both_where_it_applies_and_where_not() -> None:
    assert {joining for joining, _ in JOINED} == {joining for joining, _ in APART} == {*JOINING, *WITHIN_SUMS}


def test_no_linear_becomes_wider_than_a_node_may_be() -> None:
    def joined(width: int) -> bool:
        return bool(joinable(_form(f"tanh(linear({', '.join(['x'] * width)}) + linear(h))"), JOINING[:1]))

    assert (joined(MOST_OPERANDS - 1), joined(MOST_OPERANDS)) == (True, False)


@pytest.mark.parametrize(
    ("text", "learned", "initial"),
    [
        ("tanh(linear(x, bias=1) + linear(h, bias=2) + bias(a, bias=4))", 1, [7.0]),
        ("tanh(bias(bias(linear(x), bias=1), bias=2))", 1, [3.0]),
        ("tanh(linear(x, bias=1) - bias(a, bias=4))", 1, [-3.0]),
        ("tanh(linear(x, bias=1) - linear(h, bias=4))", 2, [-1.5, 1.5]),
        ("tanh(linear(x, bias=1) + layer_norm(h, bias=4))", 2, [0.0, 5.0]),
    ],
)
def test_joining_until_nothing_is_found_leaves_one_bias_a_sum(text: str, learned: int, initial: list[float]) -> None:
    form = _form(text)
    expected = numbers(form.graph, form.output)
    while instead := joinable(form, JOINING):
        form = rebuilt(form, {}, instead)
    torch.testing.assert_close(numbers(form.graph, form.output), expected)
    assert len(_learned(form)) == learned
    assert sorted(term.numbers[0] for term in _learned(form)) == initial
