"""The tables of all trials: a row a trial, its gain on its parent, and what opens below it."""

from __future__ import annotations

import json
from dataclasses import replace

from cellsearch.inspect.report.trials import comparison_trials, search_trials
from tests.helpers.comparisons import FIRST, SECOND, comparison
from tests.helpers.large_study import large_study

STUDY = large_study(12)


def test_a_search_has_a_row_a_trial_with_its_gain_on_its_parent() -> None:
    table = search_trials(STUDY)
    names = [column.name for column in table.columns]
    assert len(table.rows) == len(table.details) == len(STUDY.records) and "learning rate" in names
    gained = 0
    for record, row in zip(STUDY.records, table.rows, strict=True):
        shown = dict(zip(names, row, strict=True))
        assert (shown["trial"], shown["cell"], shown["score"]) == (record.number, record.cell.name, record.score)
        before = STUDY.records[record.parents[0]].score if record.parents else None
        if before is None or record.score is None:
            assert shown["gain"] is None
        else:
            assert shown["gain"] == before - record.score
            gained += 1
    assert gained


def test_a_gain_is_above_zero_where_it_is_better_whatever_the_metric() -> None:
    falling, rising = (search_trials(replace(STUDY, settings={**STUDY.settings, "lower_is_better": lower}))
                       for lower in (True, False))  # fmt: skip
    place = [column.name for column in falling.columns].index("gain")
    gains = [(a[place], b[place]) for a, b in zip(falling.rows, rising.rows, strict=True) if a[place] is not None]
    assert gains and all(one == -other for one, other in gains)


def test_interrupted_trials_are_left_out_and_what_is_not_finite_is_empty() -> None:
    first, second, *others = STUDY.records
    records = [replace(first, score=float("nan")), replace(second, state="interrupted"), *others]
    table = search_trials(replace(STUDY, records=records))
    assert len(table.rows) == len(records) - 1
    json.dumps(table.data, allow_nan=False)


def test_a_failed_trial_opens_to_its_reason_its_edits_and_its_equations() -> None:
    table = search_trials(STUDY)
    failed = next(r for r in STUDY.records if r.state == "failed")
    reason, *edits, equations = table.details[failed.number]
    assert reason == f"failed: {failed.reason}" and tuple(edits) == failed.edits and "=" in equations
    assert table.states == sorted({r.state for r in STUDY.records})


def test_a_comparison_has_a_row_a_training() -> None:
    table = comparison_trials(comparison(FIRST, [*SECOND[:4], None]), "Trainings")
    assert len(table.rows) == 12 and table.states == ["complete", "failed"]
    tests = [row[[c.name for c in table.columns].index("test")] for row in table.rows]
    assert tests[1:6] == FIRST and tests[-1] is None
