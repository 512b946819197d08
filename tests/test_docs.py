"""The pages beside the README: what docs/internals.md shows is what the code says now, and links lead somewhere."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
INTERNALS = ROOT / "docs" / "internals.md"


def test_internals_shows_what_the_code_says() -> None:
    assert _contradictions(INTERNALS) == ""


def test_a_block_that_the_code_contradicts_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(INTERNALS.read_text(encoding="utf-8").replace("v_tanh(v15)", "v_sigmoid(v15)"), encoding="utf-8")
    assert "the code shows other forward in C; run" in _contradictions(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        drawn = link.startswith("pictures/")  # as the site is built, where a missing one is an error
        assert link.startswith("https://") or drawn or (page.parent / link).exists(), link


NAMES = re.findall(r"`(cellsearch(?:\.\w+)+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_names_that_contributing_gives_exist(name: str) -> None:
    assert callable(pkgutil.resolve_name(name))


def _contradictions(page: Path) -> str:
    """What `scripts/write_internals --check` says of a page."""
    command = [sys.executable, str(ROOT / "scripts" / "write_internals"), "--check", str(page)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr
