"""Rules: each applies to its operations, and what it makes of a term comes to the same numbers."""

from __future__ import annotations

import pytest
import torch

from cellsearch.cell.canonical import rules
from cellsearch.cell.canonical.rules import EXPANDING, RULES
from cellsearch.cell.canonical.terms import Rule, TooLarge, ValueGraph
from tests.helpers.cell.term_values import numbers, read, term_of

APPLIES: list[tuple[Rule, str]] = [
    (rules.zero_left_out, "linear(a, 0, b, bias=1)"),
    (rules.zero_left_out, "linear(0, bias=1)"),
    (rules.zero_left_out, "block_linear(0, constant=2)"),
    (rules.zero_left_out, "low_rank_linear(0, constant=2)"),
    (rules.zero_left_out, "layer_norm(0, bias=2)"),
    (rules.no_identity, "identity(a)"),
    (rules.added, "sum(a + b, 2 * a - c)"),
    (rules.subtracted, "difference(a, b - c)"),
    (rules.complemented, "one_minus(1 - a)"),
    (rules.times_constant, "times_constant(2 * a - b, constant=0.25)"),
    (rules.plus_constant, "plus_constant(a + 1, constant=-0.5)"),
    (rules.blend_spelled_out, "blend(a, b, c)"),
    (rules.silu_spelled_out, "silu(a)"),
    (rules.multiplied, "product(2 * a, -3 * (b * c))"),
    (rules.multiplied, "product(a - b, 3)"),
    (rules.multiplied_out, "product(a + b, 2 * c - 1)"),
    (rules.multiplied_out, "product(a - b, a + b)"),
    (rules.extremes, "maximum(maximum(a, b), maximum(b, c))"),
    (rules.extremes, "maximum(maximum(a, 1), 2)"),
    (rules.extremes, "minimum(minimum(a, 1), minimum(2, a))"),
    (rules.extremes, "minimum(a, a)"),
    (rules.odd, "tanh(-a)"),
    (rules.odd, "tanh(0)"),
    (rules.odd, "sine(-2 * a - b)"),
    (rules.odd, "normalize(-a)"),
    (rules.odd, "rms_norm(-a)"),
    (rules.homogeneous, "scale(-2 * a)"),
    (rules.homogeneous, "peephole(3 * a - 3 * (b * c))"),
    (rules.homogeneous, "static_gate(0)"),
    (rules.never_negative, "relu(sigmoid(a))"),
    (rules.never_negative, "relu(1 - sigmoid(a))"),
    (rules.never_negative, "relu(sigmoid(a) - 1)"),
    (rules.never_negative, "relu(relu(a) - a)"),
    (rules.never_negative, "leaky_relu(cumulative_softmax(a))"),
    (rules.never_negative, "leaky_relu(softplus(a) - a)"),
    (rules.rectified_twice, "relu(leaky_relu(a))"),
    (rules.positively_homogeneous, "relu(2 * a)"),
    (rules.positively_homogeneous, "leaky_relu(-2 * a)"),
    (rules.complementary, "sigmoid(-a)"),
    (rules.complementary, "hard_sigmoid(-2 * a)"),
    (rules.ramp, "relu(-a)"),
    (rules.ramp, "softplus(-a - b)"),
    (rules.ramp, "gelu(-a)"),
    (rules.shift_free, "layer_norm(a + 2)"),
    (rules.shift_free, "normalize(a - 1)"),
    (rules.shift_free, "cumulative_softmax(a + b + 1)"),
    (rules.shift_free, "softmax(a + 1)"),
    (rules.shift_free, "normalize(a + 2 * mean(b))"),
    (rules.mean_of_sum, "mean(2 * a + b - 1)"),
    (rules.mean_of_sum, "mean(a * mean(b))"),
    (rules.mean_of_sum, "mean(tanh(mean(a)) * mean(b))"),
    (rules.mean_of_sum, "group_mean(3 * a + sigmoid(mean(b)), constant=5)"),
    (rules.mean_of_mean, "mean(group_mean(a, constant=5))"),
    (rules.mean_of_mean, "mean(normalize(a))"),
    (rules.mean_of_mean, "group_mean(a, constant=1)"),
    (rules.mean_of_mean, "group_mean(group_mean(a, constant=5), constant=5)"),
    (rules.undone, "reciprocal(reciprocal(a))"),
    (rules.undone, "reciprocal(exp(a))"),
    (rules.undone, "log(exp(a))"),
    (rules.inverse, "reciprocal(-2 * a)"),
    (rules.of_a_positive, "is_positive(sigmoid(a))"),
    (rules.of_a_positive, "where(exp(a), b, c)"),
    (rules.of_a_positive, "where(2, b, c)"),
    (rules.of_one_sign, "is_positive(tanh(a))"),
    (rules.of_one_sign, "where(relu(a), b, c)"),
    (rules.of_the_sign, "is_positive(-2 * a)"),
    (rules.of_the_sign, "where(3 * a, b, c)"),
    (rules.the_same_either_way, "where(a, b, b)"),
    *((rules.of_number, f"{op}(0.75)") for op in rules.OF_NUMBER),
]

DOES_NOT_APPLY: list[tuple[Rule, str]] = [
    (rules.zero_left_out, "linear(a, b)"),
    (rules.no_identity, "identity(x)"),
    (rules.odd, "tanh(2 * a - b)"),
    (rules.homogeneous, "scale(a)"),
    (rules.homogeneous, "scale(a + 2 * b)"),
    (rules.never_negative, "relu(tanh(a))"),
    (rules.never_negative, "relu(2 - sigmoid(a))"),
    (rules.never_negative, "leaky_relu(sigmoid(a) - 1)"),
    (rules.rectified_twice, "relu(tanh(a))"),
    (rules.positively_homogeneous, "relu(-a)"),
    (rules.complementary, "sigmoid(a)"),
    (rules.ramp, "softplus(a)"),
    (rules.shift_free, "normalize(a)"),
    (rules.mean_of_sum, "mean(a)"),
    (rules.mean_of_mean, "group_mean(group_mean(a, constant=5), constant=2)"),
    (rules.undone, "reciprocal(a)"),
    (rules.inverse, "reciprocal(a + b)"),
    (rules.of_a_positive, "is_positive(relu(a))"),
    (rules.of_one_sign, "is_positive(exp(a))"),
    (rules.of_the_sign, "is_positive(-a)"),
    (rules.the_same_either_way, "where(a, b, c)"),
    (rules.of_number, "reciprocal(0)"),
    (rules.of_number, "log(-1)"),
    (rules.of_number, "tanh(a)"),
    (rules.of_number, "exp(1000)"),
]


@pytest.mark.parametrize(("rule", "text"), APPLIES, ids=lambda each: each if isinstance(each, str) else each.__name__)
def test_what_a_rule_makes_of_a_term_comes_to_the_same_numbers(rule: Rule, text: str) -> None:
    graph = ValueGraph({}, {})
    term = term_of(graph, text)
    found = rule(graph, term)
    assert found is not None and found != term
    value = found if isinstance(found, int) else graph.settled(found)
    torch.testing.assert_close(numbers(graph, value), numbers(graph, graph.settled(term)))


@pytest.mark.parametrize(
    ("rule", "text"), DOES_NOT_APPLY, ids=lambda each: each if isinstance(each, str) else each.__name__
)
def test_a_rule_leaves_other_terms_as_they_are(rule: Rule, text: str) -> None:
    graph = ValueGraph({}, {})
    assert rule(graph, term_of(graph, text)) is None


def test_every_rule_is_shown_for_every_operation_that_it_applies_to() -> None:
    shown = {(rule, text.partition("(")[0]) for rule, text in APPLIES}
    assert {(rule, op) for table in (RULES, EXPANDING) for op in table for rule in table[op]} == shown


@pytest.mark.parametrize(
    ("text", "simpler"),
    [
        ("relu(identity(-2 * a))", "2 * relu(a) - 2 * a"),
        ("tanh(difference(a, a))", "0"),
        ("sigmoid(times_constant(one_minus(1 + a), constant=3))", "1 - sigmoid(3 * a)"),
        ("maximum(relu(sigmoid(a)), sigmoid(a))", "sigmoid(a)"),
        ("normalize(sum(-a, 3))", "-normalize(a)"),
        ("exp(tanh(0))", "1"),
    ],
)
def test_rules_apply_one_after_the_other(text: str, simpler: str) -> None:
    graph = ValueGraph(RULES, {})
    assert read(graph, text) == read(graph, simpler)


def test_a_sum_that_is_held_stays_a_factor() -> None:
    def summands(held: bool) -> int:
        graph = ValueGraph(EXPANDING, {})
        total = read(graph, "a + b + c")
        graph.held = {total} if held else set()
        return len(graph.terms[graph.value(term_of(graph, "product(a + b + c, x)"))].operands)

    assert (summands(held=False), summands(held=True)) == (3, 2)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (EXPANDING, "product(" + " + ".join("abcdefghijkl") + ", " + " + ".join("mnopqrstuvwy") + ")"),
        (RULES, "product(" + " * ".join("abcdefgh" * 8) + ", x)"),
    ],
    ids=["summands", "factors"],
)
def test_a_product_beyond_any_cell_is_too_large(table: dict[str, list[Rule]], text: str) -> None:
    with pytest.raises(TooLarge):
        read(ValueGraph(table, {}), text)
