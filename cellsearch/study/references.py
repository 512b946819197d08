"""CELL, written the same everywhere, on the command line and in Python: a seed's name, a cell file, a study's trial.

lstm                   a seed of a registered search space
my.json                a cell file
runs/quickstart:best   the best cell of a study
runs/quickstart:17     the cell of its trial 17
runs/quickstart:simplest  the simplest cell that an ablation of the best did not show to be worse
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cellsearch import plugins
from cellsearch.cell import Cell, load
from cellsearch.cell.cell import expect_cell
from cellsearch.errors import StudyError

if TYPE_CHECKING:
    from cellsearch.study.study import Study

__all__ = ["SIMPLEST", "find_cell", "find_cells", "find_trial"]

SIMPLEST: Final = "simplest.json"
"""The file in a study's folder that an ablation leaves."""


def find_cell(reference: str | Cell) -> Cell:
    """The cell of a reference, or itself; a seed's name means the seed, whatever files there are.

    Raises UnknownNameError, CellError or StudyError, in one line.
    """
    if not isinstance(reference, str):
        expect_cell(reference)
        return reference
    if trial := find_trial(reference):
        study, which = trial
        return study.cell(which)
    folder, colon, which = reference.rpartition(":")
    if colon and which == "simplest":
        return _simplest(Path(folder))
    if reference.endswith(".json") or (Path(reference).is_file() and reference not in plugins.seeds()):
        return load(reference)
    return plugins.seed(reference)


def find_cells(given: str | Cell | Iterable[str | Cell]) -> list[Cell]:
    """Cells given as themselves or by their references, one or several. Raises as `find_cell` does."""
    return [find_cell(each) for each in ([given] if isinstance(given, str | Cell) else given)]


def find_trial(reference: str) -> tuple[Study, str] | None:
    """The study and trial that `STUDY:best` or `STUDY:17` names; None for other references."""
    folder, colon, which = reference.rpartition(":")
    if not colon or not (which == "best" or which.isdecimal()):
        return None
    from cellsearch.study.study import load_study

    return load_study(folder), which


def _simplest(study: Path) -> Cell:
    from cellsearch.study.study import load_study

    load_study(study)
    if not (study / SIMPLEST).is_file():
        raise StudyError(f"study {study} has no simplest cell yet; `cellsearch ablate {study}:best` looks for it")
    return load(study / SIMPLEST)
