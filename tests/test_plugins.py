"""Names and references: registered names, modules and files lead to objects, everything else to one clear line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from cellsearch.cell import Cell
from cellsearch.cli.listing import Kind, list_kind
from cellsearch.errors import UnknownNameError
from cellsearch.plugins import SPACES, TASKS, broken_spaces, load, names, seed, seeds, spaces, titles
from cellsearch.study.forms import forms
from cellsearch.training import load_task
from cellsearch_search_spaces.gated import SPACE
from cellsearch_tasks.adding import TASK
from tests.helpers.project import ROOT


def test_registered_names_are_listed_and_loaded() -> None:
    assert {"adding", "chars", "words", "translate", "jsb"} <= set(names(TASKS))
    assert names(SPACES) == ["darts_rnn", "gated", "jozefowicz2015", "linear_recurrent", "nasbench_nlp", "small", "zoo"]
    assert load(TASKS, "adding") is TASK
    assert load(SPACES, "gated") is SPACE


def test_every_file_of_search_spaces_is_registered() -> None:
    files = {path.stem for path in (ROOT / "search_spaces").glob("*.py")} - {"__init__"}
    chapters = {stem for stem in files for name in names(SPACES) if stem.startswith(f"{name}_")}
    assert files - chapters == set(names(SPACES))


def test_every_file_with_a_task_is_registered() -> None:
    files = {path for path in (ROOT / "tasks").rglob("*.py") if "\nTASK" in path.read_text(encoding="utf-8")}
    modules = {point.value.partition(":")[0].removeprefix("cellsearch_tasks.") for point in entry_points(group=TASKS)}
    assert {path.relative_to(ROOT / "tasks").with_suffix("").as_posix().replace("/", ".") for path in files} <= modules


def test_a_title_is_read_from_a_module_that_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy_tasks.py").write_text('"""Heavy: it takes long to load.\n\nMore."""\n1 / 0\n')
    (tmp_path / "untold_tasks.py").write_text("TASK = 1\n")
    _register(
        tmp_path,
        "[cellsearch.tasks]\nheavy = heavy_tasks:TASK\nuntold = untold_tasks:TASK\ngone = gone_tasks.inner:TASK\n",
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = titles(TASKS)
    assert list(found) == names(TASKS)
    assert found["heavy"] == "Heavy: it takes long to load."
    assert found["untold"] == ""
    assert found["gone"] == "cannot be loaded: ModuleNotFoundError: No module named 'gone_tasks'"
    assert found["adding"].startswith("The adding problem: ")


def test_a_module_reference_leads_to_its_object() -> None:
    assert load(TASKS, "cellsearch_tasks.adding:TASK") is TASK


def test_a_file_reference_leads_to_its_object_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("VALUE = object()\n")
    assert load(TASKS, f"{path}:VALUE") is load(TASKS, f"{path}:VALUE")


def test_files_of_similar_paths_are_not_confused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text("VALUE = 1\n")
    (tmp_path / "a_b.py").write_text("VALUE = 2\n")
    assert load(TASKS, f"{tmp_path}/a/b.py:VALUE") == 1
    assert load(TASKS, f"{tmp_path}/a_b.py:VALUE") == 2


def test_a_relative_file_is_found_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("VALUE = 3\n")
    monkeypatch.chdir(tmp_path)
    assert load(TASKS, "mine.py:VALUE") == 3


@pytest.mark.parametrize(
    ("group", "reference", "message"),
    [
        (TASKS, "subtracting", "unknown task 'subtracting'; use adding, "),
        (SPACES, "open", "unknown search space 'open'; use darts_rnn, gated, "),
        (TASKS, "", "unknown task ''; use adding, "),
        (TASKS, "missing.py:TASK", "task 'missing.py:TASK': no file missing.py"),
        (
            TASKS,
            "no_such_package:TASK",
            "task 'no_such_package:TASK': ModuleNotFoundError: No module named 'no_such_package'; ",
        ),
        (TASKS, ":TASK", "task ':TASK': "),
        (TASKS, ".relative:TASK", "task '.relative:TASK': "),
        (
            TASKS,
            "cellsearch_tasks.adding:TUSK",
            "task 'cellsearch_tasks.adding:TUSK': cellsearch_tasks.adding has no 'TUSK'; name what it defines",
        ),
    ],
)
def test_a_wrong_reference_is_one_line(group: str, reference: str, message: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        load(group, reference)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("source", ["1 / 0", "import no_such_package", "def broken(:"])
def test_a_file_that_fails_to_load_is_named(source: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text(source)
    for _ in range(2):
        with pytest.raises(UnknownNameError, match=r"broken\.py fails to load"):
            load(TASKS, f"{path}:TASK")


@pytest.mark.parametrize(
    "reference",
    ["cellsearch_tasks.adding:HELD_OUT", "cellsearch_tasks.adding:Adding", "cellsearch_tasks.adding:SumModel"],
)
def test_what_is_no_task_is_refused(reference: str) -> None:
    with pytest.raises(UnknownNameError, match="no task; name an object like those in `tasks`"):
        load_task(reference, {})


def test_seeds_are_found_by_name() -> None:
    assert dict(SPACE.seeds).items() <= seeds().items()
    assert seed("lstm") is SPACE.seeds["lstm"]
    with pytest.raises(UnknownNameError, match=r"unknown cell 'ltsm'; use a seed such as lstm .*, a \.json file"):
        seed("ltsm")


def test_a_name_is_the_same_cell_in_every_space() -> None:
    cells: dict[str, Cell] = {}
    for space in (load(SPACES, name) for name in names(SPACES)):
        for name, cell in space.seeds.items():
            assert cells.setdefault(name, cell) is cell, f"{name} of space {space.name}"


IMPOSTOR = """
from cellsearch.cell import from_equations
from cellsearch.space import SearchSpace

LSTM = from_equations("lstm", "h_next = tanh(linear(x, h))", ["h"], "h_next")
OWN = from_equations("own", "h_next = sigmoid(linear(x, h))", ["h"], "h_next")
SPACE = SearchSpace("impostor", {"lstm": LSTM, "own": OWN}, ("linear", "tanh", "sigmoid"), most_nodes=8, most_states=2)
"""


@pytest.fixture
def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package whose names come before ours, or are ours; one of its spaces and one of its tasks are broken."""
    (tmp_path / "impostor.py").write_text(IMPOSTOR)
    _register(
        tmp_path,
        "[cellsearch.search_spaces]\n"
        "a = impostor:SPACE\nab = gone_impostor:SPACE\nac = impostor:OWN\ngated = impostor:SPACE\n"
        "[cellsearch.tasks]\na = gone_impostor:TASK\nadding = impostor:OWN\n",
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("impostor", None)


@pytest.mark.usefixtures("impostor")
def test_no_package_takes_the_place_of_a_seed_space_or_task_of_ours() -> None:
    assert seed("lstm") is seeds()["lstm"] is SPACE.seeds["lstm"]
    assert load(SPACES, "gated") is SPACE and load(TASKS, "adding") is TASK
    assert len(forms(seed("lstm"))) == 2, "the LSTM in its usual forms, and no other"


@pytest.mark.usefixtures("impostor")
def test_a_space_or_task_that_is_broken_takes_no_other_along(capsys: pytest.CaptureFixture[str]) -> None:
    assert seed("own").name == "own"
    assert broken_spaces() == {
        "ab": "search space 'ab' is registered but cannot be loaded: "
        "ModuleNotFoundError: No module named 'gone_impostor'",
        "ac": "search space 'ac' is a Cell, no SearchSpace",
    }
    assert {"a", "gated"} <= set(spaces()) and "ab" not in spaces()
    list_kind(Kind.TASKS, Path())
    assert (
        "task 'a' is registered but cannot be loaded: ModuleNotFoundError: No module named 'gone_impostor'"
        in " ".join(capsys.readouterr().out.split())
    )


def test_a_name_that_two_packages_have_is_refused_and_all_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _register(tmp_path / name, f"[cellsearch.tasks]\nmine = {name}:TASK\n", f"points_{name}")
        monkeypatch.syspath_prepend(tmp_path / name)
    with pytest.raises(UnknownNameError, match="task 'mine' is registered twice, as two:TASK and one:TASK; name it by"):
        load(TASKS, "mine")
    assert load(TASKS, "adding") is TASK


def test_a_seed_is_found_although_a_later_space_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone_spaces.py").write_text("raise ImportError('a library is missing;\\n\\n    install it')")
    _register(tmp_path, "[cellsearch.search_spaces]\nzzz = gone_spaces:SPACE\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert seed("lstm") is SPACE.seeds["lstm"]
    with pytest.raises(
        UnknownNameError,
        match=r"'zzz' is registered but cannot be loaded: ImportError: a library is missing; .*\(gone_spaces\.py:1\)",
    ):
        seed("ltsm")


def _register(folder: Path, entry_points: str, name: str = "points") -> None:
    """A package in the folder that registers these entry points."""
    information = folder / f"{name}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(entry_points)
