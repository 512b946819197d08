"""A comparison on several tasks printed: readable in 80 columns, and no claim beyond the corrected test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellsearch.inspect.claims import rank_claim
from cellsearch.inspect.task_tables import tasks_statement, tasks_table
from cellsearch.statistics.ranks import ranking
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.record import Record, TuningResult
from tests.helpers.printed import printed
from tests.helpers.task_lists import three_tasks

FOUND = three_tasks((30.0, 27.0, 33.0), (10.0, 9.0, 10.0), (0.5, 0.6, 0.4))
AGREED = three_tasks((30.0, 9.0, 20.0), (10.0, 3.0, 8.0), (0.4, 0.9, 0.5))


def test_the_best_rank_stands_first_with_intervals_over_tasks_and_the_tests_below() -> None:
    text = printed(tasks_table(FOUND))
    lines = text.splitlines()
    assert text.startswith("over 3 tasks (one, two, parity), on test; mean and 95 % interval over tasks")
    assert _order(text) == ["gru", "lstm", "rnn"] and _order(printed(tasks_table(AGREED))) == ["gru", "rnn", "lstm"]
    assert "(cell - lstm) / lstm, %" in text and "-13.3 [-27.7, +1.0]" in text and "2.17 [1.45, 2.88]" in text
    joined = " ".join(lines)
    assert (
        "Friedman's test: p 0.028; any two cells differ from a difference of mean ranks of 1.91 on (Nemenyi)" in joined
    )
    assert "…" not in text and max(map(len, lines)) <= 80


def test_a_sentence_claims_no_more_than_the_corrected_test_does() -> None:
    assert tasks_statement(FOUND).splitlines() == [
        "no difference between gru and lstm over the tasks is shown: mean ranks 1.00 and 2.17 over 3 tasks "
        "(corrected p 0.306).",
        "no difference between rnn and lstm over the tasks is shown: mean ranks 2.83 and 2.17 over 3 tasks "
        "(corrected p 0.828).",
    ]
    assert tasks_statement(AGREED).splitlines()[0] == (
        "gru is better than lstm over the tasks: mean ranks 1.00 and 3.00 over 3 tasks (corrected p 0.029)."
    )


def test_so_few_tasks_that_nothing_could_be_shown_are_said_to_be() -> None:
    two = ranking({"lstm": [2.0, 2.0], "gru": [1.0, 1.0]})
    assert rank_claim("gru", "lstm", two) == (
        "no difference between gru and lstm over the tasks is shown: mean ranks 1.00 and 2.00 over 2 tasks (corrected "
        "p 0.500); of 2 cells, 2 tasks can show none, 6 could."
    )
    one = rank_claim("gru", "lstm", ranking({"lstm": [2.0], "gru": [1.0]}))
    assert one == "gru has rank 1 and lstm 2 on one task, which shows nothing of others."


def test_nothing_is_claimed_of_a_cell_whose_tuning_is_open_somewhere() -> None:
    assert tasks_statement(_untuned(AGREED, "parity")).splitlines()[0] == (
        "gru and lstm have mean ranks 1.00 and 3.00 over 3 tasks (corrected p 0.029), which claims nothing: "
        "gru is not tuned on parity."
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (three_tasks((30.0, 27.0, None), (1.0, 2.0, 3.0), (0.5, 0.6, 0.4)), "rnn has no result on one, and no rank"),
        (three_tasks((None, 27.0, 3.0), (1.0, 2.0, 3.0), (0.5, 0.6, 0.4)), "have a result on every task"),
    ],
)
def test_who_has_no_rank_is_told_in_words(found: SeveralTasks, words: str) -> None:
    assert words in " ".join(printed(tasks_table(found)).splitlines())
    assert "rnn" not in tasks_statement(found)


def _order(text: str) -> list[str]:
    """The cells in the order of their lines."""
    return [line.split()[0] for line in text.splitlines() if line.split()[:1] in (["gru"], ["lstm"], ["rnn"])]


def _untuned(found: SeveralTasks, task: str) -> SeveralTasks:
    """The same, with a gru that is not tuned on a task."""
    note = TuningResult(1.0, 7, "its best rate, 0.1, is at the highest that may be tried")

    def noted(records: list[Record]) -> list[Record]:
        return [replace(record, tuning=note) for record in records]

    comparison = found.comparisons[task]
    forms = [
        {cell: noted(list(records)) if cell.name == "gru" else records for cell, records in each.items()}
        for each in comparison.forms
    ]
    return replace(found, comparisons={**found.comparisons, task: replace(comparison, forms=forms)})
