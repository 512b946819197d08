"""A comparison as a whole: equal tuning, own draws with shared data, resumable; and a cell is no better than itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cellsearch import plugins
from cellsearch.errors import BudgetError, CellError, CellsearchError, DataError, StudyError, UnknownNameError
from cellsearch.study.comparing.compare import compare
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.contest import _forms, _named, settled
from cellsearch.study.comparing.several_tasks import SeveralTasks, load_comparison
from cellsearch.study.conditions import conditions_on
from cellsearch.study.progress import Progress
from cellsearch.study.record import Record
from cellsearch.training import Budget, MeasuredTask, named_tasks
from cellsearch.workers import Resources
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.exhaustive import many
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
from tests.study.comparing.test_compare import small_comparison

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
def test_a_cell_is_no_better_than_itself_in_all_but_one_comparison(tmp_path: Path) -> None:
    """Of twenty where CELLSEARCH_EXHAUSTIVE is set."""
    found = []
    for seed in range(many(8, 20)):
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


PARITY = "parity@batch=4,length=3"
LIST = [TASK, PARITY]
FIXED = {"learning_rate": 0.01, "weight_decay": 0.0}
QUICK: dict[str, Any] = SMALL | {"trials": 0, "fresh_seeds": 2, "hyperparameters": FIXED}


def on_several_tasks(folder: Path, *cells: Any, tasks: list[str] = LIST, **changes: Any) -> SeveralTasks:
    return compare(cells or ("rnn", "mgu"), tasks, study=folder, **(QUICK | changes))


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> SeveralTasks:
    return on_several_tasks(tmp_path_factory.mktemp("several"))


def test_every_task_of_a_list_is_a_comparison_in_a_folder_of_its_own(several: SeveralTasks) -> None:
    assert sorted(several.comparisons) == sorted(LIST)
    assert several.comparisons[PARITY].path == several.path / PARITY
    assert {each.path.parent for each in several.comparisons.values()} == {several.path}
    for task, comparison in several.comparisons.items():
        assert [cell.name for cell in comparison.cells] == ["rnn", "mgu"], task
        assert [len(entrant.tests) for entrant in comparison.entrants] == [2, 2], task
        assert comparison.settings["steps"] == 5 and comparison.settings["parameters"] == 200
    assert several.comparisons[PARITY].task == MeasuredTask("parity", "accuracy", lower_is_better=False)
    assert several.ranking is not None and several.ranking.tasks == 2


def test_a_list_is_compared_as_each_of_its_tasks_is_alone(several: SeveralTasks, tmp_path: Path) -> None:
    alone = compare(["rnn", "mgu"], PARITY, study=tmp_path, **QUICK)
    for one, other in zip(alone.records, several.comparisons[PARITY].records, strict=True):
        assert [training(r) for r in one] == [training(r) for r in other]


def test_parameters_and_steps_are_each_tasks_own_unless_given() -> None:
    def budgets(budget: Budget) -> list[tuple[int | None, int | None]]:
        rest: dict[str, Any] = {"space": "", "seed": 0, "hyperparameters": {}, "trials": 1}
        named = named_tasks([TASK, "adding"], {})
        found = [conditions_on(each, budget=settled(budget, each.task), **rest).budget for each in named]
        return [(each.parameters, each.steps) for each in found]

    assert budgets(Budget()) == [(100, 5), (5_000, 600)]
    assert budgets(Budget(parameters=200)) == [(200, 5), (200, 600)]
    assert budgets(Budget(steps=9)) == [(100, 9), (5_000, 9)]


def test_a_list_again_trains_nothing_and_a_longer_one_the_new_task_alone(several: SeveralTasks) -> None:
    def everything(found: SeveralTasks) -> dict[str, Any]:
        return {task: [list(r) for r in each.records] for task, each in found.comparisons.items()}

    before = everything(several)
    assert everything(on_several_tasks(several.path)) == before
    more = on_several_tasks(several.path, tasks=["adding@batch=4,length=4", PARITY])
    assert sorted(more.comparisons) == sorted([*LIST, "adding@batch=4,length=4"])
    assert {task: each for task, each in everything(more).items() if task in before} == before
    assert isinstance(load_comparison(several.path), SeveralTasks)


def test_progress_names_the_task(several: SeveralTasks) -> None:
    seen: list[Progress] = []
    on_several_tasks(several.path, observe=seen.append)
    stages = list(dict.fromkeys(each.stage for each in seen))
    assert stages == [f"comparison on {TASK}", f"comparison on {PARITY}"]


@pytest.mark.parametrize(
    ("tasks", "changes", "error", "message"),
    [
        ([TASK, "nothing"], {}, UnknownNameError, "unknown task 'nothing'"),
        ([TASK, PARITY, TASK], {}, UnknownNameError, "is named twice"),
        ([TASK, PARITY], {"options": {"colour": "red"}}, UnknownNameError, "none of the tasks .* option 'colour'"),
        ([TASK, "parity@length=0"], {}, DataError, "length"),
        ([TASK, "chars"], {}, BudgetError, "a budget of 200 parameters is too small for cell"),
    ],
)
def test_nothing_is_begun_of_a_list_with_a_task_that_cannot_be_trained(
    tasks: list[str], changes: dict[str, Any], error: type[CellsearchError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        on_several_tasks(tmp_path / "new", tasks=tasks, **changes)
    assert not (tmp_path / "new").exists()


def test_a_folder_keeps_its_kind_and_its_cells(several: SeveralTasks, compared: Comparison) -> None:
    with pytest.raises(StudyError, match="is no comparison on several tasks; name another study"):
        on_several_tasks(compared.path, "rnn", "gru", "gru")
    with pytest.raises(StudyError, match="is a comparison on several tasks; name another study for one"):
        small_comparison(several.path, "rnn", "mgu")
    with pytest.raises(StudyError, match="was begun with other cells"):
        on_several_tasks(several.path, "rnn", "gru", tasks=["adding"])
    assert not (several.path / "adding").exists()


def test_a_folder_of_comparisons_of_different_cells_is_none_itself(
    several: SeveralTasks, compared: Comparison, tmp_path: Path
) -> None:
    (tmp_path / "one").symlink_to(several.path / PARITY)
    (tmp_path / "other").symlink_to(compared.path)
    with pytest.raises(StudyError, match="compare different cells; name one of them"):
        load_comparison(tmp_path)


KILLED_BETWEEN = """
import os, signal
from pathlib import Path
from tests.study.comparing.test_compare import PARITY, on_several_tasks

def observe(progress):
    if progress.stage == f"comparison on {PARITY}":
        os.kill(os.getpid(), signal.SIGKILL)

on_several_tasks(Path(PATH), observe=observe)
"""


@pytest.mark.slow
def test_a_list_that_was_killed_between_two_tasks_goes_on_with_the_second(
    several: SeveralTasks, tmp_path: Path
) -> None:
    code = KILLED_BETWEEN.replace("PATH", repr(str(tmp_path / "killed")))
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=900, check=False)
    assert ended.returncode == -signal.SIGKILL
    stopped = load_comparison(tmp_path / "killed")
    assert isinstance(stopped, SeveralTasks) and all(each.test for each in stopped.comparisons[TASK].entrants)
    assert not all(each.test for each in stopped.comparisons[PARITY].entrants)
    resumed = on_several_tasks(tmp_path / "killed")
    assert resumed.comparisons[TASK].records == stopped.comparisons[TASK].records, "nothing is trained again"
    for task, comparison in resumed.comparisons.items():
        for one, other in zip(comparison.records, several.comparisons[task].records, strict=True):
            mine = [training(r) for r in one if r.state != "interrupted"]
            assert mine == [training(r) for r in other]
