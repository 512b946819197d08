"""Files of the user's: the same in the driver, its workers and a later process, with what lies beside them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellsearch.cell import to_json
from cellsearch.errors import StudyError, UnknownNameError
from cellsearch.plugins import TASKS, load, sources
from cellsearch.study.ledger import read_study
from cellsearch.training import Budget, Evaluation, Hyperparameters, evaluate
from cellsearch_search_spaces.gated import RNN
from tests.helpers.small_search import small_search


@pytest.fixture(autouse=True)
def _import_path() -> Iterator[None]:
    """The import path and the modules of these tests' own are as they were before, when a test is over."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("beside"):
            del sys.modules[name]


def test_a_file_that_was_changed_is_run_again_however_soon(tmp_path: Path) -> None:
    """Within a second, and by no more characters: Python's own caches would not see it."""
    path = tmp_path / "mine.py"
    for number in range(3):
        path.write_text(f"VALUE = {number}\n")
        assert load(TASKS, f"{path}:VALUE") == number


@pytest.mark.parametrize("place", ["beside_one.py", "beside_two/__init__.py", "beside_three/inner.py"])
def test_modules_beside_a_file_are_found_and_their_changes_are_seen(place: str, tmp_path: Path) -> None:
    helper = tmp_path / place
    helper.parent.mkdir(exist_ok=True)
    module = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    (tmp_path / "mine.py").write_text(f"from {module} import VALUE\n")
    for number in range(2):
        helper.write_text(f"VALUE = {number}\n")
        assert load(TASKS, f"{tmp_path}/mine.py:VALUE") == number


def test_a_module_beside_a_file_may_be_imported_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "beside_late.py").write_text("VALUE = 7\n")
    (tmp_path / "mine.py").write_text("def value():\n    import beside_late\n    return beside_late.VALUE\n")
    assert load(TASKS, f"{tmp_path}/mine.py:value")() == 7


def test_what_another_machine_needs_of_a_files_folder_is_its_package_and_what_it_imports(tmp_path: Path) -> None:
    package = tmp_path / "beside_mine"
    (package / "beside_parts").mkdir(parents=True)
    for name in ("__init__", "unused", "beside_parts/__init__"):
        (package / f"{name}.py").write_text("")
    (package / "beside_words.py").write_text("import beside_parts\nVALUE = 1\n")
    (package / "task.py").write_text("from beside_words import VALUE as VALUE\n")
    load(TASKS, f"{package}/task.py:VALUE")
    assert sources(f"{package}/task.py:VALUE") == [package, package / "beside_parts", package / "beside_words.py"]
    assert sources("chars", "gated", "cellsearch_tasks.chars:TASK") == []


def test_files_of_two_folders_have_their_own_modules_of_one_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "beside_both.py").write_text(f"VALUE = {folder!r}\n")
        (tmp_path / folder / "mine.py").write_text("from beside_both import VALUE\n")
    found = [load(TASKS, f"{tmp_path}/{folder}/mine.py:VALUE") for folder in ("a", "b", "a")]
    assert found == ["a", "b", "a"]


def test_a_module_that_was_changed_is_imported_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for number in (1, 22):
        (tmp_path / "beside_module.py").write_text(f"VALUE = {number}\n")
        assert load(TASKS, "beside_module:VALUE") == number


def test_a_module_that_a_file_lacks_is_named_and_not_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("open('nothing.txt')\n")
    with pytest.raises(
        UnknownNameError, match=r"mine.py fails to load: FileNotFoundError: .* 'nothing.txt' \(mine.py:1"
    ):
        load(TASKS, f"{tmp_path}/mine.py:VALUE")


TASK = """
from cellsearch.testing.troubled_task import Troubled
class Turned(Troubled):
    lower_is_better = {}
    def score(self, model, split):
        return {} * super().score(model, split)
TASK = Turned()
"""


@pytest.mark.slow
def test_a_task_that_was_changed_between_two_searches_is_new_in_driver_and_workers(tmp_path: Path) -> None:
    path = tmp_path / "turned.py"
    for lower, sign in ((True, 1), (False, -1)):
        path.write_text(TASK.format(lower, sign))
        study = small_search(tmp_path / str(sign), f"{path}:TASK", until="0 candidates", finalists=0)
        assert study.task.lower_is_better == lower
        assert all((r.score or 0) * sign > 0 for r in study.records) and study.records
    with pytest.raises(StudyError, match="was begun with lower_is_better True, now False; continue with the same"):
        small_search(tmp_path / "1", f"{path}:TASK", until="0 candidates", finalists=0)


def test_what_the_driver_has_run_is_trained_whatever_has_become_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "turned.py"
    evaluation = Evaluation(
        f"{path}:TASK",
        to_json(RNN),
        Budget(200, 5),
        Hyperparameters(0.01),
        0,
        texts={str(path): TASK.format(False, -1)},
    )
    assert all(report.score < 0 for report in evaluate(evaluation))
    path.write_text("raise ValueError('this is being edited')")
    assert all(report.score < 0 for report in evaluate(evaluation))


SCRIPT = """
import cellsearch as cs
from cellsearch.testing.troubled_task import Troubled
from beside_script import NAME

class Mine(Troubled):
    name = NAME

print("the script runs", flush=True)
with open("runs.txt", "a") as runs:
    runs.write("x")
TASK = Mine()
study = cs.search(
    __file__ + ":TASK", study="study", seeds=["lstm", "gru"], until="0 candidates", finalists=0,
    budget=cs.Budget(200, 5),
    resources=cs.Resources(workers=1),
)
print([record.state for record in study.records], study.task.name)
print(len(cs.compare(["lstm", "gru"], TASK, study="compared", budget=cs.Budget(200, 5), fresh_seeds=2, trials=1,
    hyperparameters={"learning_rate": 0.01}, resources=cs.Resources(workers=1)).entrants))
"""


@pytest.mark.slow
def test_a_script_that_holds_its_task_and_has_no_main_guard_runs_once(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "beside_script.py").write_text("NAME = 'mine'\n")
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["the script runs", "['complete', 'complete'] mine", "2"]
    assert (tmp_path / "runs.txt").read_text() == "xxx", "in the driver, and in one worker of each of both pools"
    assert read_study(tmp_path / "study")[0]["task_name"] == "mine"
