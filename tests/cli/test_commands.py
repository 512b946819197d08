"""The command line: what it prints and leaves, what it refuses in one line, and how it stops.

Bad input is tried in this process by default, and as a real command with the slow tests.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from cellsearch.cell import from_json, load
from cellsearch.cli import main
from cellsearch.study.comparing.comparison import read_comparison
from cellsearch.study.ledger import Ledger, read_records
from cellsearch.study.study import load_study
from tests.helpers.project import PROJECT
from tests.helpers.small_search import TROUBLED

COMMAND = Path(sysconfig.get_path("scripts")) / "cellsearch"
TASK = "cellsearch.testing.troubled_task:TASK"
SMALL = ("--parameters", "200", "--steps", "5", "--workers", "1", "--trials", "1", "--fresh-seeds", "2")
FIXED = ("--hyperparameter", "learning_rate=0.01")
SEARCH = ("search", "--task", TASK, *SMALL)
RESULTS = [
    *("best.json", "best.png", "best.py", "best.safetensors"),
    *("curves.png", "progress.png", "report.csv", "report.html", "verdict.csv"),
]


@dataclass(frozen=True)
class Ended:
    """What a command left: exit code, output, standard error."""

    code: int
    out: str
    err: str


class Here:
    """Runs a command in this process, in an empty folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *arguments: str, columns: int = 80) -> Ended:
        self.monkeypatch.setattr(sys, "argv", ["cellsearch", *arguments])
        self.monkeypatch.setenv("COLUMNS", str(columns))
        self.capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        return Ended(code, *self.capsys.readouterr())


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Here:
    monkeypatch.chdir(tmp_path)
    return Here(monkeypatch, capsys)


def command(folder: Path, *arguments: str) -> Ended:
    """Run the installed command in a folder."""
    ended = subprocess.run(
        [COMMAND, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def environment() -> dict[str, str]:
    return os.environ | {"COLUMNS": "80"}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ended]]:
    """A folder in which a small search has run as a real command, and what it printed."""
    folder = tmp_path_factory.mktemp("searched")
    yield folder, command(folder, *SEARCH, "--until", "2 candidates", "--finalists", "1", "--study", "runs/small")


CYCLE = {
    "schema": "cellsearch.cell/1",
    "name": "loop",
    "states": {"h": "a"},
    "output": "a",
    "nodes": {"a": {"op": "linear", "operands": ["x", "h", "b"]}, "b": {"op": "tanh", "operands": ["a"]}},
}

FAILING = """from cellsearch.testing.troubled_task import Troubled
class Failing(Troubled):
    def prepare(self):
        {}["inputs"]
TASK = Failing()
"""

BAD = [
    (("search", "--task", "nothing"), "unknown task 'nothing'; use adding, "),
    (("search", "--task", "nothing.py:TASK"), "task 'nothing.py:TASK': no file nothing.py"),
    ((*SEARCH, "--space", "nothing"), "unknown search space 'nothing'; use darts_rnn, gated"),
    ((*SEARCH, "--seeds", "rnn,nothing"), "unknown cell 'nothing'; use a seed such as lstm, gru, rnn"),
    ((*SEARCH, "--seeds", "cycle.json"), "cell file cycle.json: cell 'loop': nodes"),
    ((*SEARCH, "--seeds", "nothing.json"), "cell file nothing.json: No such file or directory"),
    ((*SEARCH, "--strategy", "luck"), "unknown strategy 'luck'; use evolution, local, predictor, random"),
    ((*SEARCH, "--executor", "cloud"), "unknown executor 'cloud'; use local or ray"),
    ((*SEARCH, "--study", "locked"), "study locked is being written by another process; wait for it or name another"),
    ((*SEARCH, "--study", "cycle.json"), "study cycle.json: File exists; name a folder that can be written"),
    ((*SEARCH, "--study", "spoilt"), "study spoilt: study.db is no readable study: file is not a database"),
    ((*SEARCH, "--workers", "0"), "workers must be at least 1, got 0"),
    ((*SEARCH, "--workers", "many"), "workers must be a whole number, got 'many'"),
    ((*SEARCH, "--gpus", "1"), "only the ray executor has gpus; choose it with executor, or leave that out"),
    ((*SEARCH, "--callback", "wandb"), "unknown callback 'wandb'; use tensorboard, mlflow, or a reference such as"),
    ((*SEARCH, "--timeout", "0"), "timeout must be above 0, in seconds a training, got 0"),
    (
        (*SEARCH, "--until", "-1 candidates"),
        "'-1 candidates' does not say until when to search; write '200 candidates'",
    ),
    ((*SEARCH, "--rungs", "1,many"), "rungs are steps with commas between, such as 100,300, or none; got '1,many'"),
    ((*SEARCH, "--steps", "0"), "steps must be at least 1, got 0"),
    ((*SEARCH, "--final-steps", "3"), "final steps must be at least the 5 steps of the search, got 3; raise them"),
    ((*SEARCH, "--parameters", "10"), "a budget of 10 parameters is too small for cell"),
    ((*SEARCH, "--hyperparameter", "clip"), "hyperparameter 'clip' has no value; write clip=VALUE"),
    ((*SEARCH, "--hyperparameter", "clip=tight"), "clip must be a number from 0, or a range such as 0.1:0.5, which"),
    ((*SEARCH, "--patience", "0"), "patience must be above 0, a share of the steps, got 0"),
    (("compare", "lstm", "--task", TASK), "a comparison needs at least two cells, got 1; name them, as lstm gru"),
    (("compare", "lstm", "nothing", "--task", TASK), "unknown cell 'nothing'"),
    (("compare", "lstm", "gru", "--task", "nothing"), "unknown task 'nothing'"),
    (("compare", "lstm", "gru", "--task", TASK, "--fresh-seeds", "0"), "fresh seeds must be at least 2, got 0"),
    (("compare", "lstm", "gru", "--task", TASK, "--study", "locked"), "study locked is being written by"),
    (
        ("compare", "lstm", "gru", "--task", TASK, "--task", "parity@lengths=3"),
        "task 'parity' has no option 'lengths'; its options: length, batch",
    ),
    (
        ("compare", "lstm", "gru", "--task", TASK, "--task", "parity", "--option", "colour=red"),
        "TASK, parity has an option 'colour'; their options: batch, blind, diary, length, seconds, tie, trouble",
    ),
    (("compare", "lstm", "gru", "--task", "parity", "--task", "parity@length=40"), "task 'parity@length=40' is named"),
    ((*SEARCH, "--confirm-on", "parity", "--confirm-on", "nothing"), "unknown task 'nothing'; use adding, "),
    ((*SEARCH, "--option", "seconds"), "option 'seconds' has no value; write seconds=VALUE"),
    ((*SEARCH, "--option", "length=3"), "has no option 'length'; its options: seconds, trouble, diary"),
    ((*SEARCH, "--option", "seconds=long"), "seconds must be float, got 'long'"),
    ((*SEARCH, "--data", "empty.txt"), "has no option 'data'"),
    (
        ("search", "--task", "chars", "--data", "nothing.txt"),
        "data 'nothing.txt' does not exist; name a file such as input.txt",
    ),
    (("search", "--task", "chars", "--data", "empty.txt"), "empty.txt is empty; name a file with text"),
    (("search", "--task", "chars", "--data", "latin.txt"), "latin.txt: not UTF-8 text (byte 3); convert it"),
    (("search", "--task", "chars", "--data", "short.txt"), "short.txt' has 5 characters, too few for 32 streams"),
    (("search", "--task", "chars", "--data", "."), " has no input.txt; name a file such as input.txt"),
    (
        ("search", "--task", "chars", "--target", "load"),
        "task 'chars' has no option 'target'; its options: data, batch",
    ),
    (
        ("search", "--task", "series", "--data", "load.csv", "--target", "load"),
        "load.csv, line 3, column 'load': 'abc' is no number; write one as -1.5 or 2e3",
    ),
    (
        ("search", "--task", "failing.py:TASK"),
        "task 'failing.py:TASK': prepare() raised KeyError: 'inputs' (failing.py:4)",
    ),
    (("show", "nothing"), "unknown cell 'nothing'"),
    (("show", "cycle.json"), "form a cycle within one step"),
    (("show", "malformed.json"), "cell file malformed.json: not JSON: Expecting value in line 1"),
    (("show", "nothing.json"), "cell file nothing.json: No such file or directory"),
    (("show", "runs/x:best"), "no study in runs/x; begin one with: cellsearch search --study runs/x"),
    (("show", "locked:best"), "study locked has no complete candidate"),
    (("show", "locked:0"), "study locked has no trial '0'; it has none yet"),
    (("show", "lstm", "--png", "no/folder/lstm.png"), "picture 'no/folder/lstm.png': No such file or directory"),
    (("show", "lstm", "--svg", "lstm.txt"), "picture 'lstm.txt' ends in neither .svg nor .png"),
    (("lineage", "lstm"), "'lstm' is no trial of a study, and only such have a lineage; name one as runs/chars:best"),
    (("ablate", "lstm"), "'lstm' is no trial of a study, and only such have an ablation; name one as runs/chars:best"),
    (("show", "locked:simplest"), "study locked has no simplest cell yet; `cellsearch ablate locked:best` looks"),
    (("lineage", "locked:best"), "study locked has no complete candidate"),
    (("report", "nothing"), "no study in nothing; begin one with: cellsearch search --study nothing"),
    (("report", "locked"), "study locked has no complete candidate"),
    (("report", "spoilt"), "study spoilt: study.db is no readable study: "),
    (("report", "locked", "-o", "page.txt"), "report 'page.txt' does not end in .html; name a file that does"),
    (("export", "nothing", "cell.py"), "unknown cell 'nothing'"),
    (("export", "lstm", "no/folder/cell.py"), "no folder 'no/folder' to export 'cell.py' to; create it first"),
    (("export", "lstm", "cell.txt"), "export goes to a Python file, got 'cell.txt'"),
    (("export", "lstm"), "export needs one place; name a Python file as FILE, or a folder with --output FOLDER"),
    (("export", "lstm", "cell.py", "-o", "mine"), "export needs one place"),
    (("export", "lstm", "-o", "mine", "--as", "source,flax"), "unknown format 'flax'; use source, torch"),
    (("export", "lstm", "-o", "short.txt"), "'short.txt' is a file; name a folder"),
    (("export", "lstm", "-o", "spoilt"), "folder 'spoilt' holds what is no export, such as 'study.db'"),
]
"""A command and a part of the line that it is refused with, in the folder that `spoil` makes."""


def spoil(folder: Path) -> Ledger:
    """Fill a folder with bad files; returns the ledger that writes the study `locked` there."""
    (folder / "cycle.json").write_text(json.dumps(CYCLE))
    (folder / "malformed.json").write_text("nonsense")
    (folder / "empty.txt").write_text("\n")
    (folder / "latin.txt").write_bytes("caf\u00e9".encode("latin-1"))
    (folder / "short.txt").write_text("short")
    (folder / "load.csv").write_text("load\n1\nabc\n")
    (folder / "failing.py").write_text(FAILING)
    (folder / "spoilt").mkdir()
    (folder / "spoilt" / "study.db").write_text("no database\n" * 100)
    return Ledger(folder / "locked", {"seed": 0, "steps": 5, **TROUBLED}, {})


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=lambda each: each if isinstance(each, str) else None)
def test_bad_input_is_refused_in_one_line(arguments: Sequence[str], message: str, here: Here, tmp_path: Path) -> None:
    with spoil(tmp_path):
        check_refused(here(*arguments), message)


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "message"), BAD, ids=lambda each: each if isinstance(each, str) else None)
def test_a_real_command_refuses_bad_input_in_one_line(arguments: Sequence[str], message: str, tmp_path: Path) -> None:
    with spoil(tmp_path):
        begun = time.monotonic()
        check_refused(command(tmp_path, *arguments), message)
        assert time.monotonic() - begun < 30


def check_refused(ended: Ended, message: str) -> None:
    assert ended.code == 2, ended
    assert ended.err.startswith("cellsearch: ") and len(ended.err.splitlines()) == 1, ended.err
    assert message in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search", "--finalists", "many"), "--finalists"),
        (("search",), "--task"),
        (("search", "--task", "chars", "--colour", "red"), "--colour"),
        (("show",), "cell"),
        (("show", "lstm", "--hidden-size", "0"), "--hidden-size"),
        (("sing",), "sing"),
        (("list", "birds"), "birds"),
    ],
)
def test_wrong_usage_names_what_is_wrong(arguments: Sequence[str], message: str, here: Here) -> None:
    ended = here(*arguments)
    assert ended.code == 2 and ended.out == ""
    assert message in ended.err and "Traceback" not in ended.err


def test_list_names_tasks_spaces_seeds_and_studies(here: Here, searched: tuple[Path, Ended]) -> None:
    folder, _ = searched
    ended = here("list", "--folder", str(folder))
    assert ended.code == 0 and ended.err == ""
    for word in ("chars", "Next-character prediction", "adding", "gated", "layer_norm", "lstm", str(folder)[:20]):
        assert word in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_list_tells_the_metric_and_options_of_tasks(here: Here) -> None:
    ended = here("list", "tasks")
    assert "bits per character; options: data, batch, length" in ended.out
    assert "gated" not in ended.out


def test_list_tells_of_several_kinds_in_the_order_they_are_named(here: Here) -> None:
    out = here("list", "spaces", "cells").out
    assert -1 < out.find("search spaces") < out.find("Hochreiter")
    assert "bits per character" not in out


def test_list_tells_how_studies_stand(here: Here, searched: tuple[Path, Ended]) -> None:
    folder, _ = searched
    ended = here("list", "studies", "--folder", str(folder), columns=200)
    assert str(folder / "runs" / "small") in ended.out and "cell_" in ended.out
    assert "gated" not in ended.out


def test_results_without_room_are_one_line(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cellsearch.study.study.Study.write_tables", full)
    ended = here(*SEARCH, "--until", "0 candidates", "--finalists", "0", "--seeds", "lstm,gru", "--study", "full")
    assert ended.code == 2 and ended.err == (
        "cellsearch: results in full cannot be written: No space left on device; mend that, and the same command "
        "writes them\n"
    )


def test_list_goes_on_past_a_study_that_it_cannot_read(here: Here, tmp_path: Path) -> None:
    with spoil(tmp_path):
        ended = here("list", "studies", "--folder", ".", columns=200)
    assert ended.code == 0
    assert "locked" in ended.out
    assert "study spoilt: study.db is no readable study" in ended.out
    assert here("list", "--folder", "nowhere").code == 0


def test_show_prints_a_cell_and_draws_it(here: Here, tmp_path: Path) -> None:
    ended = here("show", "lstm", "--hidden-size", "64", "--png", "lstm.png", "--svg", "lstm.svg")
    assert ended.code == 0 and ended.err == ""
    for line in ("lstm", "  h' = o ⊙ tanh(c')", "picture: lstm.png", "picture: lstm.svg"):
        assert line in [each.rstrip() for each in ended.out.splitlines()]
    assert "4 linear, 3 sigmoid" in ended.out and "49,408 at input size 128, hidden size 64" in ended.out
    assert (tmp_path / "lstm.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "lstm.svg").read_text(encoding="utf-8")


def test_what_a_terminal_cannot_write_is_a_question_mark() -> None:
    done = subprocess.run([COMMAND, "show", "rnn"], capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert b"tanh(W" in done.stdout and done.stdout.isascii()


OWN = """
import cellsearch as cs

@cs.op
def soft_step(a):
    return a / (1 + a.abs())
"""


@pytest.mark.usefixtures("table_of_operations")
def test_a_cell_with_an_operation_of_its_own_is_shown_compared_and_exported(here: Here, tmp_path: Path) -> None:
    operations, cell, file = (str(tmp_path / name) for name in ("my_ops.py", "soft.json", "soft.py"))
    Path(operations).write_text(OWN)
    nodes = {"s": {"op": "linear", "operands": ["x", "h"]}, "n": {"op": "soft_step", "operands": ["s"]}}
    content = {"schema": "cellsearch.cell/1", "name": "soft", "states": {"h": "n"}, "output": "n", "nodes": nodes}
    Path(cell).write_text(json.dumps(content))
    refused = here("show", cell)
    assert refused.code == 2 and refused.err.endswith("in a command by --space my_ops.py\n")
    assert "h' = soft_step(W_h x + U_h h + b_h)" in here("show", cell, "--space", operations).out
    assert here("diff", "rnn", cell, "--space", operations).code == 0
    assert here("export", cell, file, "--space", operations).code == 0
    checked = subprocess.run([sys.executable, "-I", file], capture_output=True, text=True)
    assert checked.stdout.endswith("agrees\n"), checked.stderr


def test_diff_tells_what_to_change_and_how_far_it_is(here: Here) -> None:
    ended = here("diff", "lstm", "gru")
    assert ended.code == 0 and ended.err == ""
    lines = [line.rstrip() for line in ended.out.splitlines()]
    assert lines[0] == "lstm to gru: distance 11.5"
    assert "  remove state c, the last c_next" in lines
    assert here("diff", "lstm", "lstm").out.strip() == "lstm to lstm: the same step"
    assert here("diff", "lstm", "nothing").err.startswith("cellsearch: unknown cell 'nothing'; use a seed such as")


def test_the_version_is_that_of_the_package(here: Here) -> None:
    assert here("--version").out == f"cellsearch {PROJECT['version']}\n"


def test_the_package_runs_as_a_module(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cellsearch", "--help"], cwd=tmp_path, capture_output=True, check=True
    )
    assert b"search" in ended.stdout


def test_export_writes_a_file_that_checks_itself(here: Here, tmp_path: Path) -> None:
    ended = here("export", "lstm", "my_lstm.py")
    assert (ended.code, ended.out, ended.err) == (0, "wrote my_lstm.py\n", "")
    subprocess.run([sys.executable, "-I", "my_lstm.py"], cwd=tmp_path, check=True, capture_output=True)


def test_export_writes_a_folder_and_says_that_its_weights_are_fresh(here: Here, tmp_path: Path) -> None:
    ended = here("export", "lstm", "-o", "mine", "--input-size", "3", "--hidden-size", "4")
    names = ("README.md", "cell.json", "cell.png", "model.py", "model.safetensors")
    written = "".join(f"wrote mine/{name}\n" for name in names)
    note = "note: mine has fresh weights, of 3 inputs and 4 hidden units: lstm is no trial of a study\n"
    assert (ended.code, ended.out, ended.err) == (0, written + note, "")
    assert here("show", "mine/cell.json").out.startswith("lstm")


def test_a_search_prints_its_verdict_and_leaves_every_result(searched: tuple[Path, Ended]) -> None:
    folder, ended = searched
    assert ended.code == 0 and ended.err == "", ended
    study = load_study(folder / "runs" / "small")
    for name in RESULTS:
        assert (study.path / name).stat().st_size > 0
        assert name in ended.out
    for word in (
        "search: ",
        "finals: ",
        "squared error, lower is better",
        "cell - lstm",
        study.best.cell.name,
        "output = ",
    ):
        assert word in ended.out
    assert load(study.path / "best.json") == study.best.cell
    assert max(len(line) for line in ended.out.splitlines() if "done" not in line) <= 80
    checked = subprocess.run([sys.executable, "-I", "best.py"], cwd=study.path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_a_study_is_shown_and_exported_by_reference(here: Here, searched: tuple[Path, Ended], tmp_path: Path) -> None:
    study = searched[0] / "runs" / "small"
    ended = here("show", f"{study}:best")
    assert ended.code == 0 and "candidate, complete" in ended.out and "learning rate" in ended.out
    assert "cell - lstm" in ended.out and f"{load_study(study).best.cell.name} - " in ended.out
    assert here("show", f"{study}:1").out.startswith("lstm")
    ended = here("export", f"{study}:best", "mine.py", columns=200)
    assert ended.out == "wrote mine.py\nwrote mine.safetensors\n"
    ended = here("export", f"{study}:best", "-o", "folder", columns=200)
    assert ended.code == 0 and "note" not in ended.out
    assert (tmp_path / "folder" / "model.safetensors").read_bytes() == (tmp_path / "mine.safetensors").read_bytes()
    ended = here("export", f"{study}:0", "plain.py", columns=200)
    note = "note: plain.py has the cell without trained weights: rnn has had no training with a fresh seed"
    assert ended.out == f"wrote plain.py\n{note}\n"


def test_differences_and_lineages_are_drawn_into_files_of_any_name(
    here: Here, searched: tuple[Path, Ended], tmp_path: Path
) -> None:
    ended = here("diff", "lstm", "gru", "--svg", "[red]both[red].svg")
    assert ended.code == 0 and ended.out.endswith("picture: [red]both[red].svg\n")
    assert (tmp_path / "[red]both[red].svg").read_text().startswith("<svg")
    ended = here("lineage", f"{searched[0] / 'runs' / 'small'}:best", "--png", "way.png")
    assert ended.code == 0 and (tmp_path / "way.png").read_bytes().startswith(b"\x89PNG")


def test_a_lineage_shows_every_edit_from_the_seed_on(here: Here, searched: tuple[Path, Ended]) -> None:
    study = searched[0] / "runs" / "small"
    ended = here("lineage", f"{study}:best")
    best = load_study(study).best
    assert ended.code == 0 and ended.err == ""
    assert best.cell.name in ended.out and "gain" in ended.out
    assert all(edit.split()[0] in ended.out for edit in best.edits)


def test_a_report_is_written_where_it_is_wanted(here: Here, searched: tuple[Path, Ended], tmp_path: Path) -> None:
    study = searched[0] / "runs" / "small"
    ended = here("report", str(study), "-o", "found.html", columns=200)
    assert (ended.code, ended.out, ended.err) == (0, "wrote found.html\n", "")
    best = load_study(study).best.cell.name
    assert f"The winner: {best}" in (tmp_path / "found.html").read_text(encoding="utf-8")
    refused = here("report", str(study), "-o", "no/folder/found.html")
    assert refused.code == 2 and refused.err.endswith("No such file or directory; name a file that can be written\n")


def test_an_export_says_that_weights_are_gone(here: Here, searched: tuple[Path, Ended], tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(searched[0] / "runs" / "small", study)
    shutil.rmtree(study / "weights")
    ended = here("export", f"{study}:best", "mine.py", columns=200)
    note = f"note: mine.py has the cell without trained weights: its trained weights are gone ({study}/weights/final-"
    assert ended.code == 0 and ended.out.startswith(f"wrote mine.py\n{note}")
    ended = here(*SEARCH, "--until", "2 candidates", "--finalists", "1", "--study", str(study))
    assert ended.code == 0 and "best.safetensors" not in ended.out and not (study / "best.safetensors").exists()


def test_the_same_command_continues_and_trains_nothing_new(here: Here, searched: tuple[Path, Ended]) -> None:
    study = searched[0] / "runs" / "small"
    before = read_records(study)
    ended = here(*SEARCH, "--until", "2 candidates", "--finalists", "1", "--study", str(study))
    assert ended.code == 0 and read_records(study) == before


def test_a_comparison_prints_its_findings_and_leaves_tables_and_a_plot(here: Here, tmp_path: Path) -> None:
    compare = ("compare", "rnn", "gru", "gru", "--task", TASK, "--parameters", "200", "--steps", "5", "--workers", "1")
    ended = here(*compare, "--trials", "1", "--fresh-seeds", "2", columns=100)
    assert ended.code == 0 and ended.err == "", ended
    folder = tmp_path / "runs" / "compare-cellsearch.testing.troubled_task-rnn-gru-gru"
    for name in ("comparison.csv", "trainings.csv", "comparison.png", "report.html"):
        assert (folder / name).stat().st_size > 0 and name in ended.out
    for words in ("comparison: ", "cell - rnn", "gru_2", "squared error, lower is better", "training", "inference"):
        assert words in ended.out
    again = here(*compare, "--trials", "1", "--fresh-seeds", "2", columns=100)
    fresh = [record for record in read_comparison(folder).records[0] if record.role == "fresh"]
    assert again.code == 0 and len(fresh) == 2


def test_a_comparison_on_several_tasks_prints_a_table_a_task_and_one_over_all(here: Here, tmp_path: Path) -> None:
    tasks = ("--task", TASK, "--task", "parity@length=3,batch=4")
    ended = here("compare", "rnn", "mgu", *tasks, *SMALL, *FIXED, "--hyperparameter", "weight_decay=0")
    assert ended.code == 0 and ended.err == "", ended
    folder = tmp_path / "runs" / "compare-cellsearch.testing.troubled_task-parity-rnn-mgu"
    words = (f"on {TASK}:", "on parity@batch=4,length=3:", "accuracy, higher is better", "mean rank", "over 2 tasks")
    places = [ended.out.index(each) for each in words]
    assert places[0] < places[3] and "not tuned on" in " ".join(ended.out.split())
    for name in ("tasks.csv", "parity@batch=4,length=3/comparison.csv", "parity@batch=4,length=3/comparison.png"):
        assert (folder / name).stat().st_size > 0


def test_a_search_that_is_confirmed_says_how_the_winner_does_on_the_other_task(here: Here, tmp_path: Path) -> None:
    small = (
        "--until",
        "1 candidate",
        "--finalists",
        "1",
        "--study",
        "s",
        "--confirm-on",
        "parity@length=3,batch=4",
        "--final-steps",
        "5",
    )
    ended = here(*SEARCH, *small, *FIXED)
    assert ended.code == 0 and ended.err == "", ended
    assert "On parity@batch=4,length=3, which the search never saw, at 5 steps" in " ".join(ended.out.split())
    assert (tmp_path / "s" / "confirm" / "tasks.csv").stat().st_size > 0


def test_help_says_what_each_option_is(here: Here) -> None:
    ended = here("search", "--help")
    assert ended.code == 0
    for option in ("--task", "--until", "--study", "--executor", "--timeout", "--finalists"):
        assert option in ended.out
    for command in ("compare", "profile", "list", "show", "diff", "export", "import"):
        assert f"Usage: cellsearch {command}" in here(command, "--help").out
    alone = here()
    assert alone.code == 2 and "Usage: cellsearch" in alone.out


@pytest.mark.slow
def test_a_comparison_without_any_result_ends_with_its_reason(here: Here, tmp_path: Path) -> None:
    ended = here("compare", "rnn", "gru", "--task", TASK, *SMALL, *FIXED, "--option", "trouble=raise", "--study", "s")
    assert ended.code == 2
    assert re.fullmatch(
        r"cellsearch: study s has no result: \d+ x RuntimeError: two lines; mend what is named, then run the same "
        "command again\n",
        ended.err,
    )


@pytest.mark.slow
def test_a_search_without_a_complete_candidate_ends_with_its_reason(tmp_path: Path) -> None:
    ended = command(tmp_path, *SEARCH, "--until", "2 candidates", "--option", "trouble=raise", "--study", "s")
    assert ended.code == 2
    message = "study s has no complete candidate: 5 x RuntimeError: two lines; mend what is named, then run the same"
    assert ended.err == f"cellsearch: {message} command again\n"
    assert (tmp_path / "s" / "report.csv").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("executor", "whole_group"), [("local", True), ("local", False), ("ray", True), ("ray", False)]
)
def test_ctrl_c_stops_soon_says_how_to_go_on_and_leaves_no_worker(
    executor: str, whole_group: bool, tmp_path: Path
) -> None:
    """Ctrl-C reaches the whole foreground group in a terminal, the driver alone from `kill -INT`."""
    diary = tmp_path / "diary"
    arguments = [*SEARCH, "--until", "1 candidates", "--finalists", "1", "--study", "runs/s", "--executor", executor]
    # At a fixed rate finals look for none, which would take longer than all the rest.
    arguments += ["--option", "seconds=0.2", "--option", f"diary={diary}", "--hyperparameter", "learning_rate=0.05"]
    driver = subprocess.Popen(
        [COMMAND, *arguments],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_workers(diary)
    begun = time.monotonic()
    (os.killpg if whole_group else os.kill)(driver.pid, signal.SIGINT)
    out, err = driver.communicate(timeout=60)
    assert time.monotonic() - begun < 15
    assert driver.returncode == 130, (out, err)
    assert "Stopped. Everything found is in runs/s; the same command continues it." in out
    assert err == ""
    workers = {int(line.split()[0]) for line in diary.read_text().splitlines()}
    time.sleep(1)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    before = [r for r in read_records(tmp_path / "runs" / "s") if r.state == "complete"]
    ended = command(tmp_path, *arguments)
    assert ended.code == 0, ended
    after = read_records(tmp_path / "runs" / "s")
    assert all(record in after for record in before)
    assert sum(r.role == "candidate" and r.state != "interrupted" for r in after) == 1
    assert from_json((tmp_path / "runs" / "s" / "best.json").read_text()) == load_study(tmp_path / "runs/s").best.cell


def wait_for_workers(diary: Path) -> None:
    """Until two trainings have begun; the driver writes a line too."""
    until = time.monotonic() + 120
    while not diary.exists() or len(diary.read_text().splitlines()) < 3:
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.slow
def test_the_command_starts_quickly() -> None:
    times = []
    for _ in range(5):
        begun = time.monotonic()
        subprocess.run([COMMAND, "--help"], check=True, capture_output=True)
        times.append(time.monotonic() - begun)
    assert min(times) < 0.6
