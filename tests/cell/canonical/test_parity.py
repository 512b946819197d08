"""Parts: what of a function is even or odd is a number or the operand, so that signs of weights stay signs."""

from __future__ import annotations

import pytest

from cellsearch.cell import from_equations
from cellsearch.cell.canonical.parity import form_in_parts
from cellsearch.cell.canonical.terms import COMBINATION, Form


def _form(text: str) -> Form:
    return form_in_parts(from_equations("cell", text, ["h"], "h_next"))


def _numbers(form: Form) -> list[float]:
    return sorted(form.graph.terms[form.output].numbers)


def _operations(form: Form) -> set[str]:
    return {form.graph.terms[value].op for value in form.reachable}


@pytest.mark.parametrize(
    ("text", "numbers", "part"),
    [
        ("sigmoid(linear(x, h))", [0.5, 1.0], "odd part of sigmoid"),
        ("1 - hard_sigmoid(linear(x, h))", [-1.0, 0.5], "odd part of hard_sigmoid"),
        ("relu(linear(x, h))", [0.0, 0.5, 1.0], "even part of relu"),
        ("softplus(linear(x, h))", [0.0, 0.5, 1.0], "even part of softplus"),
        ("gelu(linear(x, h))", [0.0, 0.5, 1.0], "even part of gelu"),
        ("static_gate(linear(x, h))", [0.0, 0.5, 1.0], "odd part of static_gate"),
        ("silu(linear(x, h))", [0.0, 0.5, 1.0], "odd part of sigmoid"),
        ("blend(sigmoid(linear(x)), h, linear(x))", [-1.0, 0.0, 0.5, 0.5, 1.0], "odd part of sigmoid"),
        ("relu(exp(linear(x)) + 2 * exp(h))", [0.0, 0.5, 1.0, 2.0], "even part of relu"),
    ],
)
def test_a_function_is_a_number_or_half_its_operand_and_one_part(text: str, numbers: list[float], part: str) -> None:
    form = _form(f"h_next = {text}")
    assert part in _operations(form) and part.split()[-1] not in _operations(form)
    assert form.graph.terms[form.output].op == COMBINATION
    assert _numbers(form) == numbers


def test_linears_that_are_only_ever_taken_from_each_other_are_one() -> None:
    form = _form("h_next = tanh(linear(x, bias=1) - linear(h, bias=0.5)) * exp(h)")
    (linear,) = (term for v in form.reachable if (term := form.graph.terms[v]).op == "linear")
    assert (abs(linear.numbers[0]), len(linear.operands)) == (0.5, 2)
    assert sorted(node.startswith("-") for node, _ in linear.weights) == [False, True]


def test_biases_are_pooled_in_a_sum_that_is_read_with_either_sign() -> None:
    def starts(read: str) -> list[float]:
        text = f"s = linear(x) + layer_norm(h, bias=1)\nh_next = linear(s, {read})"
        form = _form(text)
        return sorted(abs(form.graph.terms[v].numbers[0]) for v in form.reachable if form.graph.terms[v].op == "linear")

    assert starts("s") == starts("-1 * s") == [0.0, 1.0]


def test_a_cell_that_does_not_fit_in_parts_stays_whole() -> None:
    gates = "\n".join(f"g{i} = sigmoid(linear(x, h))" for i in range(9))
    form = _form(f"{gates}\nh_next = {' * '.join(f'g{i}' for i in range(9))}")
    assert "sigmoid" in _operations(form) and "odd part of sigmoid" not in _operations(form)
