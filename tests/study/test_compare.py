"""A comparison as a whole: equal tuning, own draws with shared data, resumable; and a cell is no better than itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cellsearch import plugins
from cellsearch.errors import BudgetError, CellError, CellsearchError, StudyError, UnknownNameError
from cellsearch.study.compare import _forms, _named, compare
from cellsearch.study.comparison import Comparison, load_comparison
from cellsearch.study.progress import Progress
from cellsearch.study.record import Record
from cellsearch.training import Budget
from cellsearch.workers import Resources
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.project import ROOT
from tests.helpers.small_search import ALONE, BUDGET, TASK, in_order

TWO = Resources(workers=2, timeout=60.0)
SMALL: dict[str, Any] = {"budget": BUDGET, "resources": ALONE, "trials": 3, "fresh_seeds": 3}


def small_comparison(folder: Path, *cells: Any, task: str = TASK, **changes: Any) -> Comparison:
    return compare(cells or ("rnn", "gru", "gru"), task, study=folder, **(SMALL | changes))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return small_comparison(tmp_path_factory.mktemp("compared"))


def by_role(records: Any, role: str) -> list[Record]:
    return [r for r in records if r.role == role and r.state != "interrupted"]


def training(record: Record) -> tuple[Any, ...]:
    return record.role, record.seed, tuple(record.hyperparameters.items()), record.score, record.test


def test_two_of_the_same_cell_have_names_of_their_own(compared: Comparison) -> None:
    assert [cell.name for cell in compared.cells] == ["rnn", "gru", "gru_2"]
    again = [LSTM.renamed("lstm_2"), LSTM, LSTM]
    assert [cell.name for cell in _named(again)] == ["lstm_2", "lstm", "lstm_3"]


def test_every_entrant_gets_the_same_budget_rule_and_seeds(compared: Comparison) -> None:
    for records in compared.records:
        tried, drawn, fresh = (by_role(records, role) for role in ("rate", "tuning", "fresh"))
        assert set(tried[0].hyperparameters) == {"learning_rate", "weight_decay"} and len(drawn) == 3
        assert len({r.hyperparameters["learning_rate"] for r in drawn}) == 1, "the others are drawn at the best rate"
        known = [r.hyperparameters for r in (*tried, *drawn)]
        assert fresh[0].hyperparameters in known and all(r.hyperparameters == fresh[0].hyperparameters for r in fresh)
        assert all((r.parameters or 0) <= BUDGET.parameters for r in records)
    seeds = [[r.seed for r in by_role(records, "fresh")] for records in compared.records]
    assert len(set(seeds[0])) == 3 and seeds == [seeds[0]] * 3


def test_the_gru_stands_for_its_usual_forms_and_the_rnn_for_itself(compared: Comparison) -> None:
    assert [[cell.name for cell in forms] for forms in compared.forms] == [
        ["rnn"],
        ["gru", "gru_reset_before"],
        ["gru_2", "gru_reset_before"],
    ]
    assert compared.entrants[0].form == "" and compared.entrants[1].form in ("gru", "gru_reset_before")
    assert compared.entrants[1].form.removesuffix("_2") == compared.entrants[2].form.removesuffix("_2")
    alone = _forms(GRU, [GRU, plugins.seed("gru_reset_before")])
    assert alone == [GRU], "a form that is compared itself stands for nobody else"


def test_the_same_cell_is_tuned_to_the_same_end_and_drawn_anew_for_each_seed(compared: Comparison) -> None:
    one, other = compared.records[1:]
    for role in ("rate", "tuning"):
        assert [training(r) for r in by_role(one, role)] == [training(r) for r in by_role(other, role)]
    scores, others = ([r.test for r in by_role(records, "fresh")] for records in (one, other))
    assert all(mine != theirs for mine, theirs in zip(scores, others, strict=True))


def test_test_data_is_read_in_fresh_trainings_only(compared: Comparison) -> None:
    records = [r for each in compared.records for r in each]
    assert all((r.test is not None) == (r.role == "fresh") for r in records)


def test_times_are_measured(compared: Comparison) -> None:
    for entrant in compared.entrants:
        assert entrant.step_seconds and entrant.inference_seconds and entrant.tokens_per_second


def test_the_same_call_again_trains_nothing_and_more_seeds_are_added(compared: Comparison, tmp_path: Path) -> None:
    assert [list(r) for r in small_comparison(compared.path).records] == [list(r) for r in compared.records]
    first = small_comparison(tmp_path, "rnn", "mgu", fresh_seeds=2, trials=1)
    more = small_comparison(tmp_path, "rnn", "mgu", fresh_seeds=3, trials=1)
    assert [list(r)[:-1] for r in more.records] == [list(r) for r in first.records]


def test_progress_is_told_with_each_entrants_best_score(compared: Comparison) -> None:
    seen: list[Progress] = []
    small_comparison(compared.path, observe=seen.append)
    last = seen[-1]
    trained = sum(len(records) for forms in compared.forms for records in forms.values())
    assert (last.stage, last.total, last.complete, last.running) == ("comparison", trained, trained, 0)
    assert list(last.baselines) == ["rnn", "gru", "gru_2"] and last.best is None


def test_what_the_user_fixes_is_not_tuned(tmp_path: Path) -> None:
    fixed = {"learning_rate": 0.01, "weight_decay": 0.0, "optimizer": "sgd"}
    comparison = small_comparison(tmp_path, "rnn", "gru", hyperparameters=fixed, fresh_seeds=2)
    assert [[r.role for r in records] for records in comparison.records] == [["tuning", "fresh", "fresh"]] * 2
    assert all(r.hyperparameters == {} for records in comparison.records for r in records)
    assert comparison.settings["tuning"] == fixed


KILLED = """
import os, signal
from pathlib import Path
from tests.study.test_compare import small_comparison

def observe(progress):
    if progress.complete >= DONE:
        os.kill(os.getpid(), signal.SIGKILL)

small_comparison(Path(PATH), "rnn", "gru", options={"seconds": "0.02"}, trials=7, observe=observe)
"""


@pytest.mark.slow
def test_kills_and_the_number_of_workers_change_nothing(tmp_path: Path) -> None:
    """Not the sampler's draws either, which after the first few depend on the scores before."""
    path = tmp_path / "killed"
    for done in (2, 8, 15):
        code = KILLED.replace("DONE", str(done)).replace("PATH", repr(str(path)))
        ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=900, check=False)
        assert ended.returncode == -signal.SIGKILL
    settings: dict[str, Any] = {"options": {"seconds": "0.02"}, "trials": 7}
    resumed = small_comparison(path, "rnn", "gru", resources=TWO, **settings)
    assert any(r.state == "interrupted" for records in resumed.records for r in records)
    at_once = small_comparison(tmp_path / "at once", "rnn", "gru", **settings)
    for one, other in zip(resumed.records, at_once.records, strict=True):
        for mine, theirs in zip(in_order(one), in_order(other), strict=True):
            assert training(mine)[:2] == training(theirs)[:2]
            # Another number of threads a worker rounds otherwise.
            assert mine.hyperparameters == pytest.approx(theirs.hyperparameters, rel=1e-3)
            assert (mine.score, mine.test or 0.0) == pytest.approx((theirs.score, theirs.test or 0.0), rel=1e-3)


@pytest.mark.slow
def test_a_cell_is_no_better_than_itself_in_19_of_20_comparisons(tmp_path: Path) -> None:
    found = []
    for seed in range(20):
        comparison = small_comparison(
            tmp_path / str(seed), "gru", "gru", seed=seed, trials=2, fresh_seeds=8, resources=TWO
        )
        difference = comparison.entrants[1].difference
        assert difference is not None and difference.seeds == 8 and difference.interval.mean != 0
        found.append(difference.shown)
    assert sum(found) <= 1, found


@pytest.mark.parametrize(
    ("cells", "changes", "error", "message"),
    [
        (("rnn",), {}, UnknownNameError, "a comparison needs at least two cells, got 1"),
        (("rnn", "nothing"), {}, UnknownNameError, "unknown cell 'nothing'"),
        (("rnn", "none.json"), {}, CellError, "cell file none.json: No such file or directory"),
        (("rnn", "none:best"), {}, StudyError, "no study in none"),
        (("rnn", "gru"), {"fresh_seeds": 1}, BudgetError, "fresh seeds must be at least 2, got 1"),
        (("rnn", "gru"), {"trials": -1}, BudgetError, "trials must be at least 0, got -1"),
        (("rnn", "gru"), {"budget": Budget(10)}, BudgetError, "a budget of 10 parameters is too small for cell 'gru'"),
        (("rnn", "gru"), {"hyperparameters": {"rate": 1}}, UnknownNameError, "unknown hyperparameter 'rate'"),
        (("rnn", "gru"), {"space": "nothing"}, UnknownNameError, "unknown search space 'nothing'"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_a_folder_is_made(
    cells: tuple[str, ...], changes: dict[str, Any], error: type[CellsearchError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        small_comparison(tmp_path / "new", *cells, **changes)
    assert not (tmp_path / "new").exists()


def test_other_cells_are_another_comparison(compared: Comparison) -> None:
    with pytest.raises(StudyError, match="was begun with entrants "):
        small_comparison(compared.path, "rnn", "lstm")
    assert load_comparison(compared.path).cells == compared.cells
