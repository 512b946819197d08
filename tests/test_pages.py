"""What the site's pages show is what works: their files are written and their commands run, in order, as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import ROOT

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(?:python|sh)\n.*?^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"(?:#!.*\n)?# (\w+\.(?:py|sh))\n")

OTHERWISE = {
    "internals.md": "scripts/write_internals --check holds its blocks to the code",
    "cluster.md": "tests/workers/ray/test_cluster.py runs a head and a node, which this page shows for two machines",
}
"""Pages whose blocks are held to the code in another way, and in which."""

BESIDE = {"how_to/notebook.md": ["how_to/own_task.md"]}
"""The pages whose files another one needs."""


def _pages() -> list[str]:
    """The pages that show something to run."""
    pages = {path.relative_to(DOCS).as_posix(): path for path in DOCS.rglob("*.md")}
    return [name for name, path in sorted(pages.items()) if name not in OTHERWISE and _shown(path)]


def _shown(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("page", _pages())
def test_a_page_works_as_it_stands(page: str, tmp_path: Path) -> None:
    for other in BESIDE.get(page, []):
        _write(other, tmp_path)
    place = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in _write(page, tmp_path):
        if command.startswith("taskset") and not shutil.which("taskset"):
            pytest.skip("no taskset on this machine")
        done = subprocess.run(
            ["sh", "-e", "-c", command], cwd=tmp_path, env=os.environ | {"PATH": place}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_there_is_a_page_for_each_way() -> None:
    assert len([page for page in _pages() if page.startswith("how_to/")]) >= 6


def _write(page: str, folder: Path) -> list[str]:
    """Write the page's files, and return what is to be run, in order: commands, and Python that is no file."""
    commands = []
    for number, block in enumerate(_shown(DOCS / page)):
        language, _, text = block.removeprefix("```").removesuffix("```").partition("\n")
        if file := FILE.match(text):
            (folder / file[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            (folder / f"shown_{number}.py").write_text(text, encoding="utf-8")
            commands.append(f"python shown_{number}.py")
        else:
            commands.append(text)
    return commands
