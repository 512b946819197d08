"""The tests mirror the tree: the test of a file stands where the file does, and what tests share in `tests/helpers`."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.project import ROOT

ACROSS = {
    "cell/canonical/test_proofs.py": "identity, by many random cells",
    "cell/test_fuzz.py": "every reader of files",
    "exporters/test_runtimes.py": "exported files under what torch does with modules",
    "recurrence/native/test_autograd.py": "the native backend under autograd",
    "recurrence/native/test_conformance.py": "the native backend beside the reference",
    "recurrence/native/test_module.py": "modules that run by the native backend",
    "recurrence/native/test_parallel.py": "threads and processes",
    "recurrence/trace/test_idioms.py": "tracing, for steps as people write them",
    "recurrence/trace/test_modern.py": "tracing, for recurrences since 2021",
    "recurrence/trace/test_random_modules.py": "tracing, for modules drawn at random",
    "recurrence/trace/test_refusals.py": "what no part of the tracing takes",
    "recurrence/trace/test_zoo.py": "tracing, for every cell of the spaces",
    "scripts/test_checked.py": "which scripts are linted",
    "search_spaces/test_zoo_peers.py": "cells that other packages have too",
    "test_exported_names.py": "the public names",
    "test_foreign_modules.py": "modules of the user's that are called like ours",
    "test_install.py": "the wheel",
    "test_layering.py": "imports",
    "test_mirror.py": "the tests",
    "test_notebook.py": "docs/how_to/own_data.ipynb",
    "test_readme.py": "README.md",
    "test_unpickling.py": "what is unpickled, in all files",
    "test_site.py": "mkdocs.yml and what it builds",
    "test_pages.py": "the pages of docs/ that show something to run",
    "study/test_storage.py": "a study's trials in a database",
    "workers/test_bad_jobs.py": "jobs that misuse their machine, in every pool",
    "workers/ray/test_cluster.py": "Ray on two machines",
}
"""Tests of what no single file holds, and what that is."""


def test_every_test_stands_where_what_it_tests_does_or_is_named_here() -> None:
    assert {path for path in _tests(ROOT) if not _tested(ROOT, Path(path))} == set(ACROSS)


def test_nothing_but_tests_stands_beside_tests() -> None:
    others = {path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("*.py")} - {*map(Path, _tests(ROOT))}
    apart = {path.as_posix() for path in others if path.parts[0] != "helpers"}
    assert {path for path in apart if path.rpartition("/")[2] not in ("__init__.py", "conftest.py")} == set()


def test_a_test_without_its_file_is_found(tmp_path: Path) -> None:
    for name in ("cellsearch/cell/cell.py", "tests/cell/test_cell.py", "tests/cell/test_moved.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [path for path in _tests(tmp_path) if not _tested(tmp_path, Path(path))] == ["cell/test_moved.py"]


def _tests(root: Path) -> list[str]:
    return sorted(path.relative_to(root / "tests").as_posix() for path in (root / "tests").rglob("test_*.py"))


def _tested(root: Path, test: Path) -> bool:
    """Whether the package, or the folders beside it, have a file or room of the test's name at its place."""
    places = (beside / test.parent for beside in (root / "cellsearch", root))
    name = test.stem.removeprefix("test_")
    return any((place / name).exists() or any(place.glob(f"{name}.*")) for place in places)
