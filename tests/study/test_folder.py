"""The folder of a study: what it keeps of trainings that failed, for whoever looks for the cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsearch.errors import StudyError
from cellsearch.study.folder import failure_path, write_table
from cellsearch.study.ledger import read_records
from cellsearch.study.record import SEARCH
from tests.helpers.small_search import small_search

TASK = """\
from dataclasses import dataclass
from cellsearch.testing.troubled_task import Troubled

def inputs_of(batch):
    print("the batch has", *sorted(batch))
    return batch["inputs"]

@dataclass(frozen=True)
class Mistaken(Troubled):
    def loss(self, model, batch, carried):
        return inputs_of({"x": batch}), None

TASK = Mistaken()
"""


def test_a_failed_trial_names_the_users_line_and_keeps_traceback_and_output(tmp_path: Path) -> None:
    task = tmp_path / "mistaken.py"
    task.write_text(TASK)
    study = tmp_path / "study"
    with pytest.raises(StudyError, match=r"KeyError: 'inputs' \(mistaken.py:6\)"):
        small_search(study, f"{task}:TASK", until="1 candidates").best  # noqa: B018, it is read for its error
    record = read_records(study)[0]
    assert (record.state, record.reason) == ("failed", "KeyError: 'inputs' (mistaken.py:6)")
    kept = failure_path(study, SEARCH, 0)
    assert kept == study / "failures" / "0.txt"
    text = kept.read_text()
    assert text.startswith("KeyError: 'inputs' (mistaken.py:6)\n\nTraceback (most recent call last):")
    assert "in inputs_of" in text and text.endswith("Its output:\nthe batch has x\n")


def test_a_table_that_cannot_be_finished_leaves_the_old_one_whole(tmp_path: Path) -> None:
    table = tmp_path / "report.csv"
    write_table(table, [{"cell": "lstm", "score": 1.5}])

    class Unprintable:
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table(table, [{"cell": "gru", "score": 2.5}, {"cell": Unprintable(), "score": 3.5}])
    assert table.read_bytes() == b"cell,score\nlstm,1.5\n"
    assert list(tmp_path.iterdir()) == [table]
