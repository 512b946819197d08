"""The examples: the commands in their docstrings run as they stand, in a folder that holds the examples alone."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

NEED = {"run_onnx.py": {"onnxruntime", "numpy"}, "stream.py": {"torch"}, "train.py": {"torch", "my_gru"}}
"""Examples that need nothing but these packages, and so nothing of cellsearch."""

TOPICS = "import pydoc_data.topics as t; print(' '.join(t.topics.values())[:20000])"

OUTSIDE = {"search_text.py": f'python -c "{TOPICS}" > novel.txt'}
"""What a reader brings along, and how it is made here."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples; what one of them leaves is there for the next."""
    return shutil.copytree(ROOT / "examples", tmp_path_factory.mktemp("made") / "examples")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_as_its_docstring_says(example: Path, folder: Path) -> None:
    _once(OUTSIDE.get(example.name, "true"), folder)
    for command in _commands(example):
        _once(command, folder)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_how_it_is_run(example: Path) -> None:
    assert _commands(example)[-1].startswith(f"python {example.name}")


@pytest.mark.parametrize("name", NEED)
def test_what_needs_its_runtime_alone_imports_nothing_else(name: str) -> None:
    found = list(ast.walk(_tree(ROOT / "examples" / name)))
    imported = {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in found if isinstance(node, ast.ImportFrom)}
    assert {module.partition(".")[0] for module in imported} <= sys.stdlib_module_names | NEED[name]


def _commands(example: Path) -> list[str]:
    return re.findall(r"^    ((?:python|cellsearch) .*)$", str(ast.get_docstring(_tree(example))), re.MULTILINE)


def _tree(example: Path) -> ast.Module:
    return ast.parse(example.read_text(encoding="utf-8"))


def _once(command: str, folder: Path) -> None:
    """Run a command unless an example before has run it."""
    done = folder / f".{abs(hash(command))}"
    if not done.exists():
        place = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = os.environ | {"PATH": place, "OMP_NUM_THREADS": "1"}
        ended = subprocess.run(["sh", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
        done.touch()
