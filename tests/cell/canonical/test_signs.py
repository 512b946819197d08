"""Signs: a form for each choice that shapes leave open, all of which compute the same."""

from __future__ import annotations

import pytest
import torch

from cellsearch.cell.canonical.rules import EXPANDING
from cellsearch.cell.canonical.signs import MOST_FORMS, Signs, sign_choices
from cellsearch.cell.canonical.terms import Form, ValueGraph
from tests.helpers.cell.term_values import numbers, read


def _form(text: str, signs: Signs) -> Form:
    graph = ValueGraph(EXPANDING, signs)
    value = read(graph, text)
    return Form(graph, {"a": value}, value)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("tanh(a + b)", 1),
        ("tanh(2 * a - b)", 1),
        ("tanh(a - x)", 1),
        ("tanh(a - tanh(b))", 1),
        ("tanh(a - b)", 2),
        ("sigmoid(a - b) * c", 2),
        ("(a - b) * c", 1),  # multiplied out
        ("tanh(a - b) + relu(b - a)", 2),
        ("tanh(a - b) * sine(c - d)", 4),
        ("tanh(tanh(a - b) - tanh(c - d))", 6),  # two choices leave a sum of two that no longer look alike,
    ],
)
def test_there_is_a_form_for_each_choice_of_signs_that_shapes_leave_open(text: str, forms: int) -> None:
    found = sign_choices(lambda signs: _form(text, signs))
    assert len(found) == forms
    plain = ValueGraph({}, {})
    for form in found:
        torch.testing.assert_close(numbers(form.graph, form.output), numbers(plain, read(plain, text)))


def test_the_forms_differ_in_the_sign_that_was_chosen() -> None:
    names = [form.graph.name(form.output) for form in sign_choices(lambda signs: _form("tanh(a - b)", signs))]
    assert len(set(names)) == 2


def test_the_forms_are_the_same_whichever_way_a_difference_is_written() -> None:
    def names(text: str) -> set[str]:
        return {form.graph.name(form.output) for form in sign_choices(lambda signs: _form(text, signs))}

    assert names("sigmoid(a - b) * c") == names("c - sigmoid(b - a) * c")
    assert names("relu(a - b)") == names("relu(b - a) + a - b")


def test_no_form_is_written_twice() -> None:
    asked: list[Signs] = []

    def form_with(signs: Signs) -> Form:
        asked.append(signs)
        return _form("tanh(a - b) * sine(c - d)", signs)

    assert len(sign_choices(form_with)) == len(asked) == 4


def test_so_many_open_signs_that_not_all_choices_are_tried() -> None:
    text = " + ".join(f"tanh({one} - {other})" for one, other in zip("abcdefghij", "klmnopqrst", strict=True))
    assert len(sign_choices(lambda signs: _form(text, signs))) == MOST_FORMS
