"""What optuna-dashboard shows of a study besides its trials: the metric's name, and a note of what each stage is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import optuna

from cellsearch.cell import Cell, equations
from cellsearch.study.record import SEARCH

__all__ = ["describe"]

LONGEST: Final = 2000
"""Characters of a note, at most: as many as optuna-dashboard keeps in one attribute."""


def describe(study: optuna.Study, stage: str, settings: Mapping[str, Any], cell: Cell) -> None:
    """Name the values of a stage and note what it is, before its first trial, whose cell is given."""
    storage, number = study._storage, study._study_id
    # As Study.set_metric_names does, which warns that it may change, and optuna_dashboard.save_note, which need not be
    # installed.
    if metric := settings.get("metric"):
        storage.set_study_system_attr(number, "study:metric_names", [metric])
    storage.set_study_system_attr(number, "dashboard:note_ver", 1)
    storage.set_study_system_attr(number, "dashboard:note_str:0", _note(stage, settings, cell)[:LONGEST])


def _note(stage: str, settings: Mapping[str, Any], cell: Cell) -> str:
    """In Markdown, where code is shown as it is."""
    task = _code(settings.get("task", ""))
    if stage == SEARCH:
        return f"The search on {task}: a trial is a cell; its name, role, edits and parents are among its attributes."
    return f"Tuning and fresh seeds on {task} of the cell {_code(cell.name)}:\n\n```text\n" + "\n".join(
        [*equations(cell), "```"]
    )


def _code(text: str) -> str:
    return f"`{text.replace('`', ' ')}`"
