"""What paid: edits by kind with the share of children that beat their parents, and what hyperparameters matter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from cellsearch.inspect.report.paid import edit_kind, paid
from cellsearch.study.ledger import importances
from cellsearch.study.study import Study
from cellsearch.testing.strategy import record
from cellsearch_search_spaces.gated import GRU, RNN
from tests.helpers.large_study import SETTINGS


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        ("insert sum_1 = sum(candidate, h) before h_next", "insert sum"),
        ("insert k = times_constant(h, constant=2) before h_next", "insert times_constant"),
        ("change candidate from tanh to relu(candidate_sum)", "change to relu"),
        ("delete gate (sigmoid), h in its place", "delete sigmoid"),
        ("rewire h_next from h to x", "rewire"),
        ("add state_1, the last h_next, read by gate", "add a state"),
        ("remove state_1, the last v", "remove a state"),
        ("<b>shake</b> it", "<b>shake</b>"),
        (" ", "an edit"),
    ],
)
def test_an_edit_is_of_a_kind(edit: str, kind: str) -> None:
    assert edit_kind(edit) == kind


def study(lower_is_better: bool = True) -> Study:
    """A parent of score 1.0 with four children of one edit, three of them below it, and two of another."""
    scores = {"change a from b to relu(c)": [0.7, 0.8, 0.9, 1.2], "rewire a from b to c": [1.1, None]}
    records = [record(0, GRU, score=1.0, role="baseline")]
    for edit, each in scores.items():
        for score in each:
            made = record(len(records), RNN, "failed" if score is None else "complete", score)
            records.append(replace(made, parents=(0,), edits=(edit, edit)))
    return Study(Path("runs/x"), {**SETTINGS, "lower_is_better": lower_is_better}, records, {})


def test_every_edit_has_its_share_of_better_children_and_its_gains() -> None:
    _, table = paid(study())
    assert table.rows == [
        ("change to relu", "4", "75%", "30% to 95%", "+0.1500", "+0.3000"),
        ("rewire", "1", "0%", "0% to 79%", "-0.1000", "-0.1000"),
    ]


def test_where_higher_is_better_gains_turn_around() -> None:
    _, table = paid(study(lower_is_better=False))
    assert [row[2] for row in table.rows] == ["25%", "100%"]


def test_nothing_is_said_where_nothing_has_a_parent() -> None:
    assert paid(Study(Path("runs/x"), SETTINGS, [record(0, GRU, score=1.0)], {})) == []


def test_the_hyperparameter_that_decides_matters_most() -> None:
    random = Random(0)
    records = []
    for number in range(60):
        rate, decay = random.random(), random.random()
        made = record(number, RNN, score=(rate - 0.5) ** 2 + 0.001 * decay)
        records.append(replace(made, hyperparameters={"learning_rate": rate, "weight_decay": decay}))
    found = importances(records, lower_is_better=True)
    assert [*found] == ["learning_rate", "weight_decay"] and found["learning_rate"] > 0.7
    assert importances([replace(r, score=1.0) for r in records], lower_is_better=True) == {}
    one = [replace(r, hyperparameters={"learning_rate": 0.1, "weight_decay": 0.1 * r.number}) for r in records]
    assert importances(one, lower_is_better=True) == {}
