"""The site: it is built without a warning, asks no server for anything, and leaves out no page and no public name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cellsearch
from tests.helpers.project import ROOT

ASKED = re.compile(
    r"""(?:<(?:link|script|img|iframe)[^>]*?(?:href|src)=|url\(|@import\s*)["']?((?:https?:)?//[^"')\s>]+)"""
)
"""What a browser fetches when it shows a page: no link that a reader may follow."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from the working tree."""
    folder = tmp_path_factory.mktemp("site")
    _build(folder, ROOT / "mkdocs.yml")
    return folder


def _build(folder: Path, config: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder, "--config-file", config]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_no_page_asks_a_server_for_anything(site: Path) -> None:
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 20
    assert {page.name: ASKED.findall(page.read_text(encoding="utf-8")) for page in pages} == {
        page.name: [] for page in pages
    }


@pytest.mark.slow
def test_every_page_of_docs_is_in_the_menu(site: Path) -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [path for path in _pages() if path not in menu] == []
    assert [path for path in _pages() if not (site / path).with_suffix(".html").is_file()] == []


@pytest.mark.slow
def test_the_reference_tells_of_every_public_name(site: Path) -> None:
    told = set(re.findall(r'id="cellsearch\.([\w.]+)"', (site / "reference.html").read_text(encoding="utf-8")))
    assert {name for name in cellsearch.__all__ if name not in told} == set()


@pytest.mark.slow
def test_a_link_to_a_file_of_the_repository_leads_to_a_page_that_shows_it(site: Path) -> None:
    assert 'href="source/cellsearch/cell/draft.py.html"' in (site / "internals.html").read_text(encoding="utf-8")
    assert "class Draft" in re.sub("<[^>]+>", "", (site / "source/cellsearch/cell/draft.py.html").read_text("utf-8"))


def test_what_a_page_would_fetch_is_found() -> None:
    assert ASKED.findall('<script src="//host/a.js"><link rel=x href="https://host/b.css"> url(https://host/c)') == [
        "//host/a.js",
        "https://host/b.css",
        "https://host/c",
    ]


def _pages() -> list[str]:
    return [path.relative_to(ROOT / "docs").as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
