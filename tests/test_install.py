"""A release: wheel and source hold all they need, work outside of the repository, start quickly and need little."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import PackageNotFoundError, distribution, distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cellsearch
from tests.helpers.project import PROJECT, ROOT, dependencies

HEAVY = dependencies() - {"typer", "rich"} | {"numpy"}

FOLDERS = {"cellsearch": "cellsearch", "cellsearch_search_spaces": "search_spaces", "cellsearch_tasks": "tasks"}
"""Folder of the repository by the name that it is imported under."""

BLOCK = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r} (blocked)", name=name)
sys.meta_path.insert(0, Blocker())
"""

CORE = """
import torch
from cellsearch.cell import Cell, Node, complexity, equations, from_equations, from_json, identity, to_json
from cellsearch.recurrence import RNN, load_torch, parameter_count
from cellsearch_search_spaces.gated import LSTM
assert from_json(to_json(LSTM)) == LSTM and identity(LSTM) and equations(LSTM)
rnn = RNN(LSTM, 3, 4)
assert parameter_count(rnn) == complexity(LSTM, 3, 4).parameters
load_torch(rnn, torch.nn.LSTM(3, 4))
outputs, _ = rnn(torch.randn(5, 2, 3))
outputs.sum().backward()
"""

USE = """
import cellsearch as cs
for name in cs.__all__:
    getattr(cs, name)
gru = cs.find_cell("gru")
cs.RNN(gru, 3, 4)
cs.export(gru, "my_gru.py")
"""

WHEN_USED = {"ray", "matplotlib", "plotly", "sklearn", "statsmodels", "pandas", "starlette", "uvicorn"}
"""Packages of some weight that most programs do without."""

COMMAND = "import sys; sys.argv[1:] = {!r}\nfrom cellsearch.cli import main\nmain()"

EVERYTHING = """
import cellsearch, cellsearch_search_spaces, cellsearch_tasks
from importlib.util import find_spec
from pathlib import Path
for package in (cellsearch, cellsearch_search_spaces, cellsearch_tasks):
    assert Path(package.__file__).resolve().is_relative_to({home!r}), package.__file__
for name in ("search_spaces", "tasks", "tests", "scripts"):
    assert find_spec(name) is None, f"{{name}} is a name of the user's"
from cellsearch.errors import DataError
from cellsearch.plugins import SPACES, TASKS, load, names
from cellsearch.training import load_task
assert names(TASKS) and names(SPACES)
for name in names(TASKS):
    try:
        load_task(name, {{}}).prepare()
    except DataError as error:
        # A machine without network, and tasks of the user's own data.
        assert "cannot be downloaded" in str(error) or "name --data FILE" in str(error), error
for name in names(SPACES):
    load(SPACES, name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the working tree."""
    return _wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An environment with the wheel or with an editable install, and where its packages are.

    This environment's packages are in sight as its dependencies.
    """
    folder = tmp_path_factory.mktemp("installed") / "env"
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    # A path in a .pth file is searched, but the .pth files in it are not read: not that of our editable install.
    (_site(folder) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "-qq", "--python", python, "install", "--no-deps", "--no-index"]
    if request.param == "wheel":
        _run(*pip, request.getfixturevalue("wheel"))
        return folder, _site(folder)
    _run(*pip, "--no-build-isolation", "--editable", ROOT)
    return folder, ROOT


@pytest.mark.slow
def test_the_wheel_holds_the_three_packages_and_the_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert packages == set(FOLDERS)
    assert any(re.fullmatch(r"cellsearch-[^/]*\.dist-info/licenses/LICENSE", name) for name in names)
    in_tree = {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for package, folder in FOLDERS.items()
        for path in (ROOT / folder).rglob("*.*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert {f"cellsearch/inspect/report/{name}" for name in ("page.html.jinja", "style.css", "script.js")} <= in_tree
    assert {name for name in names if name.split("/")[0] in FOLDERS} == in_tree


@pytest.mark.slow
def test_the_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, ROOT)
    assert list(tmp_path.glob("cellsearch-*.tar.gz"))
    (built,) = tmp_path.glob("cellsearch-*.whl")
    assert built.read_bytes() == wheel.read_bytes()


@pytest.mark.slow
def test_the_installed_command_works_outside_of_the_repository(installed: tuple[Path, Path], tmp_path: Path) -> None:
    command = installed[0] / "bin" / "cellsearch"
    assert "search" in _run(command, "--help", cwd=tmp_path)
    listed = _run(command, "list", cwd=tmp_path)
    assert all(name in listed for name in ("chars", "adding", "gated", "rnn", "lstm", "gru"))
    assert "forget_gate" in _run(command, "show", "lstm", cwd=tmp_path)


@pytest.mark.slow
def test_the_installed_tasks_and_spaces_load_outside_of_the_repository(
    installed: tuple[Path, Path], tmp_path: Path
) -> None:
    environment, home = installed
    _run(environment / "bin" / "python", "-c", EVERYTHING.format(home=str(home)), cwd=tmp_path)


def test_cell_and_recurrence_need_torch_and_networkx_alone() -> None:
    blocked = dependencies() - {"torch", "networkx"}
    assert {"optuna", "ray", "typer", "rich", "safetensors", "scipy", "matplotlib", "filelock"} <= blocked
    _run(sys.executable, "-c", f"BLOCKED = {blocked!r}\n{BLOCK}\n{CORE}")


def test_the_cell_package_needs_networkx_alone() -> None:
    blocked = (dependencies() | {"numpy"}) - {"networkx"}
    script = "from cellsearch_search_spaces.gated import LSTM; from cellsearch.cell import equations; equations(LSTM)"
    _run(sys.executable, "-c", f"BLOCKED = {blocked!r}\n{BLOCK}\n{script}")


def test_the_version_stands_in_one_place() -> None:
    assert version("cellsearch") == PROJECT["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+?),? ", changes, re.MULTILINE)[0] == PROJECT["version"]
    files = [path for folder in FOLDERS.values() for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in files if PROJECT["version"] in re.findall(r"\d+\.\d+\.\d+", path.read_text("utf-8"))] == []


@pytest.mark.slow
def test_the_base_dependencies_are_enough_to_import_show_and_export(tmp_path: Path) -> None:
    others = {canonicalize_name(each.name) for each in distributions()} - _base()
    blocked = {name.replace("-", "_") for name in others}
    assert {"pytest", "onnx", "optuna_dashboard", "mkdocs", "jax"} <= blocked
    for words in (["show", "lstm", "--svg", "lstm.svg"], ["export", "gru", "my_gru.py"]):
        _run(sys.executable, "-c", f"BLOCKED = {blocked!r}\n{BLOCK}\n{COMMAND.format(words)}", cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"lstm.svg", "my_gru.py"}


def test_what_weighs_much_is_imported_when_it_is_used(tmp_path: Path) -> None:
    """Every public function is there, a cell is run and exported, and none of it is imported."""
    _run(sys.executable, "-c", f"BLOCKED = {WHEN_USED!r}\n{BLOCK}\n{USE}", cwd=tmp_path)


def test_the_blocker_blocks() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", f"BLOCKED = {{'torch'}}\n{BLOCK}\nimport torch"], capture_output=True, check=False
    )
    assert b"(blocked)" in finished.stderr


@pytest.mark.parametrize(
    "script",
    [
        "import cellsearch",
        "import sys; sys.argv[1:] = ['--help']\nfrom cellsearch.cli import main\ntry: main()\nexcept SystemExit: pass",
    ],
    ids=["import cellsearch", "cellsearch --help"],
)
def test_start_up_imports_nothing_heavy(script: str) -> None:
    printed = _run(sys.executable, "-c", f"{script}\nimport sys; print('modules:', *sys.modules)")
    modules = {name.split(".")[0] for name in printed.rpartition("modules:")[2].split()}
    assert "cellsearch" in modules
    assert modules & HEAVY == set()


@pytest.mark.parametrize(
    "arguments",
    [
        "list --folder runs",
        "list cells",
        "show lstm",
        "show lstm.json --latex",
        "diff lstm gru",
        "import arc.txt -o cell.json",
    ],
)
def test_commands_that_read_cells_import_nothing_heavy(arguments: str, tmp_path: Path) -> None:
    (tmp_path / "runs" / "study").mkdir(parents=True)
    (tmp_path / "runs" / "study" / "study.db").touch()
    (tmp_path / "arc.txt").write_text("0 0 1")
    cellsearch.save(cellsearch.find_cell("lstm"), tmp_path / "lstm.json")
    script = (
        f"import sys; sys.argv[1:] = {arguments.split()!r}\n"
        "from cellsearch.cli import main\ntry: main()\nfinally: print('modules:', *sys.modules)"
    )
    printed = _run(sys.executable, "-c", script, cwd=tmp_path)
    modules = {name.split(".")[0] for name in printed.rpartition("modules:")[2].split()}
    assert {"cellsearch", "networkx", "rich"} <= modules
    assert modules & (HEAVY - {"networkx"}) == set()


def _base() -> set[str]:
    """The distributions that installing the package without an extra brings."""
    found, left = {"cellsearch"}, [Requirement(each) for each in PROJECT["dependencies"]]
    while left:
        wanted = left.pop()
        name = canonicalize_name(wanted.name)
        if name in found:
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # of another platform, or of another build of torch
        found.add(name)
        left += [each for each in map(Requirement, requires) if _applies(each, wanted.extras)]
    return found


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras})


def _run(*command: object, cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" or cwd is None}
    finished = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def _wheel(source: Path, folder: Path) -> Path:
    """The wheel of a working tree."""
    _run(sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "-w", folder, source)
    (built,) = folder.glob("cellsearch-*.whl")
    return built


def _site(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
