"""Signs that only names decide: whether tanh(a - b) or -tanh(b - a) is canonical, where a and b look alike.

Rules that draw a sign out of a value take the sign that the shapes of its summands decide. Where these are alike, as in
h1 - h2, both signs are tried, and whoever called takes the form with the smallest text. What reads the value cannot
help to decide, for that depends on the sign: sigmoid(a - b) c is c - sigmoid(b - a) c.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cellsearch.cell.canonical.terms import Form

__all__ = ["MOST_FORMS", "sign_choices"]

MOST_FORMS: Final = 256
"""Forms of one cell that are tried, enough for eight signs. With more, those that were tried decide: the same for the
same cell, but no longer sure to be the same under other names."""

Signs = Mapping[str, int]


def sign_choices(form_with: Callable[[Signs], Form]) -> list[Form]:
    """The forms among which the canonical one is: one for each choice of the signs that shapes leave open.

    `form_with` writes the cell with 1 or -1 for some values by their names, and 1 for all others.
    """
    found: list[Form] = []
    waiting: list[tuple[Signs, Form | None]] = [({}, None)]
    while waiting and len(found) < MOST_FORMS:
        signs, form = waiting.pop()
        form = form or form_with(signs)
        undecided = _undecided(form, signs)
        if undecided is None:
            found.append(form)
        else:
            waiting += [({**signs, undecided: -1}, None), ({**signs, undecided: 1}, form)]
    return found


def _undecided(form: Form, signs: Signs) -> str | None:
    """The first value, operands before their users, whose sign is open."""
    open_signs = (form.graph.tied[value] for value in form.reachable if value in form.graph.tied)
    return next((name for name in open_signs if name not in signs), None)
