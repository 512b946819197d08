"""A study: what is on disk, by number and by rank, and its tables."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.cell import Cell
from cellsearch.errors import StudyError
from cellsearch.study.record import Record, TuningResult
from cellsearch.study.study import REPORT, VERDICT, Study, load_study
from cellsearch.testing.strategy import SEEDS, record


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_loaded_study_is_the_one_that_the_search_returned(small: Study) -> None:
    loaded = load_study(str(small.path))
    assert loaded.records == small.records and dict(loaded.finals) == dict(small.finals)
    assert loaded.settings["steps"] == 5


def test_a_trial_is_found_by_number_or_as_the_best(small: Study) -> None:
    assert small.record(3) is small.records[3] and small.record("3") is small.records[3]
    assert small.record("best") is small.best and small.cell() is small.best.cell
    assert small.cell(1).name == "lstm"


@pytest.mark.parametrize("which", ["worst", "-1", "1000", 1000, "1.5", "", "²"])
def test_a_trial_that_is_not_there_is_one_clear_error(which: str | int, small: Study) -> None:
    last = len(small.records) - 1
    with pytest.raises(StudyError, match=f"has no trial {which!r}; use best or a number up to {last}$"):
        small.record(which)


def test_a_study_without_trials_or_without_a_complete_one_says_so() -> None:
    empty = Study(Path("runs/new"), {"task": "adding", "options": {}}, (), {})
    with pytest.raises(StudyError, match="study runs/new has no trial 0; it has none yet"):
        empty.record(0)
    with pytest.raises(StudyError, match=r"study runs/new has no complete candidate$"):
        _ = empty.best
    running = replace(empty, records=[record(0, SEEDS[0], score=1.0, role="baseline"), record(1, SEEDS[1], "running")])
    with pytest.raises(StudyError, match=r"study runs/new has no complete candidate$"):
        _ = running.best


def test_before_the_finals_the_best_score_is_the_best() -> None:
    records = [record(i, SEEDS[0].renamed(f"cell_{i}"), score=score) for i, score in enumerate((3.0, 1.0, 2.0))]
    study = Study(Path("runs/new"), {"task": "adding", "options": {}}, records, {})
    assert study.best.number == 1


def test_the_best_is_chosen_by_its_tuning_among_those_with_all_fresh_seeds() -> None:
    cells = [SEEDS[i % 2].renamed(f"cell_{i}") for i in range(3)]
    records = [record(i, cell, score=1.0) for i, cell in enumerate(cells)]

    def fresh(cell: Cell, tuned: float, score: float, seeds: int) -> list[Record]:
        trials = [record(i, cell, score=score, role="fresh") for i in range(seeds)]
        return [replace(trial, seed=trial.number, tuning=TuningResult(tuned, 5)) for trial in trials]

    finals = {
        cells[0]: fresh(cells[0], tuned=0.1, score=0.1, seeds=1),
        cells[1]: fresh(cells[1], tuned=0.2, score=0.5, seeds=2),
        cells[2]: fresh(cells[2], tuned=0.3, score=0.4, seeds=2),
    }
    study = Study(Path("runs/new"), {"task": "adding", "options": {}}, records, finals)
    assert study.best.cell.name == "cell_1"


def test_the_report_has_a_line_a_trial(small: Study) -> None:
    small.write_tables()
    table = rows(small.path / REPORT)
    assert [row["trial"] for row in table] == [str(r.number) for r in small.records]
    for row, trial in zip(table, small.records, strict=True):
        assert row["cell"] == trial.cell.name and row["identity"] == trial.identity and row["state"] == trial.state
        assert row["score"] == ("" if trial.score is None else str(trial.score))
        assert row["learning_rate"] == str(trial.hyperparameters["learning_rate"])
        assert (row["nodes"], row["states"]) == (str(len(trial.cell.nodes)), str(len(trial.cell.states)))
        assert row["parents"] == " ".join(map(str, trial.parents)) and row["edits"] == "; ".join(trial.edits)
    columns = "trial cell identity role state score learning_rate hidden_size parameters nodes states seconds parents"
    assert list(table[0]) == [*columns.split(), "edits", "reason"]


def test_the_verdict_has_a_line_a_finalist(small: Study) -> None:
    small.write_tables()
    table = {row["cell"]: row for row in rows(small.path / VERDICT)}
    assert set(table) == {verdict.cell.name for verdict in small.verdicts}
    for verdict in small.verdicts:
        row = table[verdict.cell.name]
        assert verdict.validation is not None and verdict.test is not None
        assert float(row["validation_mean"]) == verdict.validation.mean
        assert (float(row["test_low"]), float(row["test_high"])) == (verdict.test.low, verdict.test.high)
        assert (row["minus_lstm_mean"] == "") == (verdict.baseline == "lstm")
        assert verdict.tuning and row["tries"] == str(verdict.tuning.tries) and row["baseline"] == verdict.baseline
        assert (row["fresh_seeds"], row["unsettled"]) == ("2", small.unsettled[verdict.cell])


def test_tables_are_plain_lines(small: Study) -> None:
    small.write_tables()
    assert b"\r" not in (small.path / REPORT).read_bytes()


@pytest.mark.parametrize("make", [False, True], ids=["no folder", "an empty folder"])
def test_a_folder_without_a_study_is_one_clear_error(make: bool, tmp_path: Path) -> None:
    path = tmp_path / "runs"
    if make:
        path.mkdir()
    with pytest.raises(StudyError, match=f"no study in {path}; begin one with: cellsearch search --study {path}"):
        load_study(path)


def test_a_module_is_trained_for_finalists_only(small: Study) -> None:
    judged = {verdict.cell.name for verdict in small.verdicts}
    for trial in small.records:
        assert (small.trained(trial.number) is not None) == (trial.cell.name in judged)


def test_without_its_weights_a_finalist_is_not_trained(small: Study, tmp_path: Path) -> None:
    assert replace(small, path=tmp_path).trained() is None
