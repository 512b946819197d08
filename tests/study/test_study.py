"""A study: what is on disk, by number and by rank, and its tables."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.cell import Cell
from cellsearch.errors import StudyError
from cellsearch.study.record import Record, TuningResult
from cellsearch.study.study import REPORT, VERDICT, Study, load_study
from cellsearch.testing.strategy import SEEDS, record
from tests.helpers.project import ROOT
from tests.helpers.small_search import TROUBLED, small_search


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
    empty = Study(Path("runs/new"), TROUBLED, (), {})
    with pytest.raises(StudyError, match="study runs/new has no trial 0; it has none yet"):
        empty.record(0)
    with pytest.raises(StudyError, match="study runs/new has no complete candidate: none was tried; run its search"):
        _ = empty.best
    running = replace(empty, records=[record(0, SEEDS[0], score=1.0, role="baseline"), record(1, SEEDS[1], "running")])
    with pytest.raises(StudyError, match="study runs/new has no complete candidate: none came to its end; run the"):
        _ = running.best


def test_before_the_finals_the_best_score_is_the_best() -> None:
    records = [record(i, SEEDS[0].renamed(f"cell_{i}"), score=score) for i, score in enumerate((3.0, 1.0, 2.0))]
    study = Study(Path("runs/new"), TROUBLED, records, {})
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
    study = Study(Path("runs/new"), TROUBLED, records, finals)
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


OWN = """
from cellsearch.cell import from_equations
from cellsearch.recurrence.custom import op
from cellsearch.space import SearchSpace

@op
def gentle(a):
    return a / (1 + a.abs())

CELL = from_equations("own", "h_next = gentle(linear(x, h))", ["h"], "h_next")
SPACE = SearchSpace("own", {"own": CELL}, ("linear", "sum", "gentle"), most_nodes=8, most_states=2)
"""

OWN_TASK = """
from dataclasses import dataclass
from cellsearch.testing.troubled_task import Troubled

@dataclass(frozen=True)
class Mine(Troubled):
    name, metric, lower_is_better = "mine", "negative error", False

    def score(self, model, split):
        return -super().score(model, split)

TASK = Mine()
"""

READ = """
import sys
from cellsearch.inspect.study_tables import statement, study_list, verdict_table
from cellsearch.study.study import load_studies, load_study
import cellsearch, torch

study = load_study("study")
(listed,), unreadable = load_studies(study.path)
assert not unreadable and listed.best == study.best
print(study.task.name, study.task.metric, study.task.lower_is_better)
print(*cellsearch.equations(next(r.cell for r in study.records if r.cell.name == "own")))
study.write_tables(), statement(study), verdict_table(study), study_list([study])
lstm = next(r.number for r in study.records if r.cell.name == "lstm")
verdict = next(v for v in study.verdicts if v.baseline == "lstm")
trained = study.trained(lstm)
print(verdict.test is not None, tuple(trained(torch.rand(3, 1, 1))[0].shape))
try:
    cellsearch.RNN(cellsearch.from_equations("own", "h_next = gentle(linear(x, h))", ["h"], "h_next"), 1, 2)(
        torch.rand(3, 1, 1))
except cellsearch.CellsearchError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study whose task and space were files in the study's folder, and now say so when they are run."""
    folder = tmp_path_factory.mktemp("moved")
    study = folder / "study"
    study.mkdir()
    (study / "task.py").write_text(OWN_TASK)
    (study / "space.py").write_text(OWN)
    search = (
        "from tests.helpers.small_search import small_search\n"
        f"small_search({str(study)!r}, '{study}/task.py:TASK', space='{study}/space.py:SPACE', until='1 candidates', "
        "finalists=1, strategy='random', hyperparameters={'learning_rate': 0.01})"
    )
    subprocess.run([sys.executable, "-c", search], check=True, cwd=ROOT, timeout=300)
    for file in ("task.py", "space.py"):
        (study / file).write_text("raise SystemExit('code of a study was run')")
    return folder


@pytest.mark.slow
def test_a_study_is_read_without_its_task_and_space_and_none_of_their_code_is_run(moved: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", READ], cwd=moved, timeout=300, capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        "mine negative error False",
        "h' = gentle(W_h x + U_h h + b_h) output = h'",
        "True (3, 1, 6)",
        "operation 'gentle' is not defined here; import the module that defines it first, in a command by "
        "--space my_ops.py",
    ]


def test_what_was_stored_is_looked_up_whatever_identities_are_now(
    small: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (small.verdicts, rows_of(small), small.trained())
    for module in ("cell.canonical.identity", "study.study", "study.finals", "study.forms", "study.verdict"):
        monkeypatch.setattr(f"cellsearch.{module}.identity", lambda cell: "0" * 16, raising=False)
    after = load_study(small.path)
    assert (after.verdicts, rows_of(after)) == before[:2]
    assert after.trained() is not None and before[2] is not None


def rows_of(study: Study) -> list[dict[str, str]]:
    study.write_tables()
    return rows(study.path / VERDICT)


def test_a_study_of_other_rules_of_identity_is_read_and_not_continued(
    small: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellsearch.study.ledger.ledger.IDENTITY_VERSION", 2)
    assert load_study(small.path).verdicts == small.verdicts
    with pytest.raises(StudyError, match="was begun with identity_version 1, now 2; continue with the same, or name"):
        small_search(small.path)


def test_without_its_weights_a_finalist_is_not_trained(small: Study, tmp_path: Path) -> None:
    assert replace(small, path=tmp_path).trained() is None
