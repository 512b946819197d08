"""The tutorial's notebook runs from its first cell to its last, and shows what it says that it shows."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.helpers.project import ROOT

NOTEBOOK = ROOT / "docs" / "how_to" / "own_data.ipynb"


def shown(cell: Any) -> dict[str, str]:
    """What a cell shows, by kind."""
    return {kind: text for output in cell.outputs for kind, text in output.get("data", {}).items()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel's own packages
def test_the_tutorial_runs_and_shows_tables_pictures_and_equations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbclient import NotebookClient

    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    shutil.copy(NOTEBOOK, tmp_path)
    notebook = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    NotebookClient(
        notebook, timeout=600, startup_timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    _, study, frame, best, gru, export = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "With equal tuning" in shown(study)["text/html"] and "<img" in shown(study)["text/html"]
    assert "<table" in shown(frame)["text/html"]
    for cell in (best, gru):
        assert {"text/html", "image/svg+xml", "text/latex"} <= shown(cell).keys()
    assert "r = σ(" in shown(gru)["text/html"]
    assert "agrees" in str(export.outputs) or (tmp_path / "load_cell.safetensors").is_file()


def test_the_tutorial_is_kept_without_what_it_showed() -> None:
    """What it shows is made where it runs; kept outputs would grow old."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
