"""What docs/recipes.md shows is what works: its files are written and its commands run, in order, as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import ROOT

PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
SECTIONS = {text.partition("\n")[0]: text for text in PAGE.split("\n## ")[1:]}
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"(?:#!.*\n)?# (\w+\.(?:py|sh))\n")
BESIDE = {"A notebook": ["A task of your own, with modules beside it"]}
"""The recipes whose files another one needs."""


@pytest.mark.slow
@pytest.mark.parametrize("title", SECTIONS)
def test_a_recipe_works_as_it_stands(title: str, tmp_path: Path) -> None:
    for other in BESIDE.get(title, []):
        _blocks(other, tmp_path)
    commands = _blocks(title, tmp_path)
    assert commands
    place = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in commands:
        if command.startswith("taskset") and not shutil.which("taskset"):
            pytest.skip("no taskset on this machine")
        done = subprocess.run(
            ["sh", "-e", "-c", command], cwd=tmp_path, env=os.environ | {"PATH": place}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert any(tmp_path.glob("runs/*/best.py")) or list(tmp_path.glob("*_cell.py"))


def test_there_is_a_recipe_for_each_way() -> None:
    assert len(SECTIONS) == 6


def _blocks(title: str, folder: Path) -> list[str]:
    """Write the recipe's files, and return what is to be run, in order."""
    commands = []
    for language, text in BLOCK.findall(SECTIONS[title]):
        if file := FILE.match(text):
            (folder / file[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            (folder / "notebook.py").write_text(text, encoding="utf-8")
            commands.append(f"{sys.executable} notebook.py")
        else:
            commands.append(text)
    return commands
