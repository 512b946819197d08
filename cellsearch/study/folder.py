"""Where a study keeps what: it is a folder, with its trials in a database in there or elsewhere."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cellsearch.study.record import SEARCH

__all__ = [
    "DATABASE",
    "FAILURES",
    "STORAGE",
    "failure_path",
    "is_study",
    "study_folders",
    "weights_path",
    "write_table",
]

DATABASE: Final = "study.db"
STORAGE: Final = "storage.json"
"""The file of a study whose trials are in a database elsewhere: it says in which."""

FAILURES: Final = "failures"


def study_folders(root: Path) -> list[Path]:
    """The folders of studies at or under `root`, sorted."""
    return sorted({file.parent for name in (DATABASE, STORAGE) for file in root.glob(f"**/{name}")})


def is_study(path: Path) -> bool:
    """Whether a folder is a study's."""
    return (path / DATABASE).is_file() or (path / STORAGE).is_file()


def weights_path(path: Path, stage: str, number: int) -> Path:
    """Where a study keeps the weights (safetensors) of a fresh training."""
    return path / "weights" / f"{stage}-{number}.safetensors"


def failure_path(path: Path, stage: str, number: int) -> Path:
    """Where a study keeps the traceback of a failed training and what it printed: `failures/17.txt` of trial 17."""
    return path / FAILURES / (f"{number}.txt" if stage == SEARCH else f"{stage}-{number}.txt")


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows with the same columns as a CSV file, which others read meanwhile: it is the old one or the new one."""
    temporary = path.with_name(f".{path.name}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
