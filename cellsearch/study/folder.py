"""Where a study keeps what: it is the folder of a database, with trained weights beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cellsearch.study.record import SEARCH

__all__ = ["DATABASE", "FAILURES", "failure_path", "study_folders", "weights_path"]

DATABASE: Final = "study.db"
FAILURES: Final = "failures"


def study_folders(root: Path) -> list[Path]:
    """The folders of studies at or under `root`, sorted."""
    return sorted(file.parent for file in root.glob(f"**/{DATABASE}"))


def weights_path(path: Path, stage: str, number: int) -> Path:
    """Where a study keeps the weights (safetensors) of a fresh training."""
    return path / "weights" / f"{stage}-{number}.safetensors"


def failure_path(path: Path, stage: str, number: int) -> Path:
    """Where a study keeps the traceback of a failed training and what it printed: `failures/17.txt` of trial 17."""
    return path / FAILURES / (f"{number}.txt" if stage == SEARCH else f"{stage}-{number}.txt")
