"""Confirmation: whom the verdict judged is tried on tasks that the search never saw, and can be tried on more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cellsearch.cell import identity
from cellsearch.errors import BudgetError, CellsearchError, UnknownNameError
from cellsearch.inspect.study_tables import confirmation_statement
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.confirm import judged, load_confirmation
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.ledger import read_records
from cellsearch.study.study import Study
from cellsearch.training import Budget
from tests.helpers.small_search import TASK, small_search

PARITY = "parity@batch=4,length=3"
ADDING = "adding@batch=4,length=4"
FIXED = {"learning_rate": 0.01}
QUICK: dict[str, Any] = {
    "until": "2 candidates",
    "rungs": (),  # so that both can be finalists later
    "finalists": 1,
    "final_steps": 5,
    "hyperparameters": FIXED,
}


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return small_search(tmp_path_factory.mktemp("confirmed"), confirm_on=[PARITY], **QUICK)


def confirmation(study: Study) -> SeveralTasks:
    found = load_confirmation(study)
    assert found is not None
    return found


def trained(comparison: Comparison) -> list[Any]:
    return [each for forms in comparison.forms for records in forms.values() for each in records]


def test_the_judged_candidates_and_the_baselines_in_all_their_forms_meet_on_the_new_task(confirmed: Study) -> None:
    found = confirmation(confirmed)
    assert found.path == confirmed.path / "confirm" and list(found.comparisons) == [PARITY]
    assert [cell.name for cell in found.cells] == ["lstm", "gru", confirmed.best.cell.name]
    comparison = found.comparisons[PARITY]
    assert [len(forms) for forms in comparison.forms] == [2, 2, 1]
    assert [len(entrant.tests) for entrant in comparison.entrants] == [2, 2, 2], "as many fresh seeds as in the finals"
    settings = comparison.settings
    assert (settings["parameters"], settings["final_steps"], settings["trials"]) == (200, 5, 2)


def test_the_statement_says_how_the_winner_does_there(confirmed: Study) -> None:
    first, *claims = confirmation_statement(confirmed, confirmation(confirmed)).splitlines()
    assert first == f"On {PARITY}, which the search never saw, at 5 steps and 200 parameters:"
    winner = confirmed.best.cell.name
    assert len(claims) == 2 and all((winner in line and "accuracy" in line) or "a tie" in line for line in claims)
    assert "lstm" in claims[0] and "gru" in claims[1]


def test_a_continued_study_does_other_tasks_too_and_none_again(confirmed: Study) -> None:
    before = trained(confirmation(confirmed).comparisons[PARITY])
    again = small_search(confirmed.path, confirm_on=[ADDING, PARITY], **QUICK)
    found = confirmation(again)
    assert list(found.comparisons) == [ADDING, PARITY] and again.records == confirmed.records
    assert trained(found.comparisons[PARITY]) == before
    assert all(len(entrant.tests) == 2 for entrant in found.comparisons[ADDING].entrants)


def test_other_finalists_meet_in_a_folder_of_their_own(confirmed: Study) -> None:
    more = small_search(confirmed.path, confirm_on=[PARITY], **QUICK | {"finalists": 2})
    found = confirmation(more)
    assert found.path == confirmed.path / "confirm_2" and len(found.cells) == len(judged(more)) == 4
    assert confirmation(confirmed).path == confirmed.path / "confirm"
    names = {identity(verdict.cell) for verdict in judged(more) if verdict.role == "candidate"}
    assert names == {identity(cell) for cell in found.cells[2:]}


@pytest.mark.parametrize(
    ("confirm_on", "changes", "error", "message"),
    [
        ([PARITY, "nothing"], {}, UnknownNameError, "unknown task 'nothing'"),
        ([PARITY, "parity@colour=1"], {}, UnknownNameError, "task 'parity' has no option 'colour'"),
        ([PARITY, PARITY], {}, UnknownNameError, f"task '{PARITY}' is named twice"),
        ([PARITY, f"{TASK}@tie=0"], {}, UnknownNameError, "is that of the search; confirm on tasks that it never saw"),
        ([PARITY], {"finalists": 0}, BudgetError, "finalists must be at least 1, got 0"),
        (["chars"], {"budget": Budget(200, 5)}, BudgetError, "a budget of 200 parameters is too small for cell"),
    ],
)
def test_what_cannot_be_confirmed_is_refused_before_anything_is_begun(
    confirm_on: list[str], changes: dict[str, Any], error: type[CellsearchError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        small_search(tmp_path / "new", confirm_on=confirm_on, **QUICK | changes)
    assert not (tmp_path / "new").exists()


def test_a_search_that_was_not_confirmed_has_no_confirmation(small: Study) -> None:
    assert load_confirmation(small) is None and read_records(small.path)
