"""The report of a comparison, on one task or several, says what the terminal says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.errors import StudyError
from cellsearch.inspect.comparison_tables import comparison_statement
from cellsearch.inspect.report.comparison_report import comparison_document
from cellsearch.inspect.report.report import page
from cellsearch.inspect.task_tables import tasks_statement
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.several_tasks import SeveralTasks
from tests.helpers.comparisons import FIRST, SECOND, comparison, reported
from tests.helpers.large_study import SETTINGS


def compared(*tests: list[float]) -> Comparison:
    found = reported(comparison(*tests), *([3.0, 2.0, 1.0, 0.9, 0.8] for _ in tests))
    return replace(found, settings={**SETTINGS, **found.settings})


def test_it_has_the_claims_the_tables_and_a_view_of_every_entrant() -> None:
    found = compared(FIRST, SECOND)
    document = comparison_document(found)
    assert document.claims == comparison_statement(found).splitlines()
    assert [view.name for view in document.entrants] == ["lstm", "gru"]
    assert [plot.title for plot in document.plots] == ["Test scores", "Differences", "Learning curves"]
    assert len(document.tables[0].rows) == 12
    text = page(document)
    assert 'id="cell-2"' in text and 'id="lineage"' not in text


def test_several_tasks_have_a_verdict_over_all_and_parts_of_their_own() -> None:
    found = SeveralTasks(Path("runs/x"), {"a": compared(FIRST, SECOND), "b@c=1": compared(SECOND, FIRST)})
    document = comparison_document(found)
    assert document.claims[0] == tasks_statement(found).splitlines()[0]
    assert {claim.split(":")[0] for claim in document.claims[1:]} == {"On a", "On b@c=1"}
    assert [table.title for table in document.tables] == ["Trainings on a", "Trainings on b@c=1"]
    assert len({plot.name for plot in document.plots}) == 6


def test_a_comparison_without_any_result_is_refused() -> None:
    empty = compared(FIRST, SECOND)
    with pytest.raises(StudyError, match=r"study runs/x has no result: none was tried"):
        comparison_document(replace(empty, forms=[{cell: [] for cell in each} for each in empty.forms]))
