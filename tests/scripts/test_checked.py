"""Scripts without an extension are linted and typed like every other Python file: pyproject.toml names them."""

from __future__ import annotations

import tomllib
from pathlib import PurePath

import pytest

from tests.helpers.project import ROOT

TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
PYTHON = [
    path.relative_to(ROOT)
    for path in sorted((ROOT / "scripts").iterdir())
    if path.is_file() and "python" in path.read_text(encoding="utf-8").partition("\n")[0]
]


def test_there_are_python_scripts() -> None:
    assert len(PYTHON) >= 6


@pytest.mark.parametrize("script", PYTHON, ids=str)
def test_every_python_script_is_linted_and_typed(script: PurePath) -> None:
    for patterns in (TOOLS["ruff"]["extend-include"], TOOLS["mypy"]["files"]):
        assert any(script.match(pattern) for pattern in patterns), patterns
