"""CELL, written the same everywhere: a seed's name, a cell file, or a study's trial.

lstm                   a seed of a registered search space
my.json                a cell file
runs/quickstart:best   the best cell of a study
runs/quickstart:17     the cell of its trial 17
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cellsearch import plugins
from cellsearch.cell import Cell, load

if TYPE_CHECKING:
    from cellsearch.study.study import Study

__all__ = ["find_cell", "find_trial"]


def find_cell(reference: str) -> Cell:
    """The cell of a reference. Raises UnknownNameError, CellError or StudyError, in one line."""
    if trial := find_trial(reference):
        study, which = trial
        return study.cell(which)
    if reference.endswith(".json") or Path(reference).is_file():
        return load(reference)
    return plugins.seed(reference)


def find_trial(reference: str) -> tuple[Study, str] | None:
    """The study and trial that `STUDY:best` or `STUDY:17` names; None for other references."""
    folder, colon, which = reference.rpartition(":")
    if not colon or not (which == "best" or which.isdecimal()):
        return None
    from cellsearch.study.study import load_study

    return load_study(folder), which
