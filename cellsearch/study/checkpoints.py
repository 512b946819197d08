"""Where paused trainings wait: a file of the study for each, until it goes on and has paused anew, or has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["Checkpoints"]

FOLDER: Final = "checkpoints"


class Checkpoints:
    """The checkpoints of a study's search, by trial and step."""

    def __init__(self, study: Path) -> None:
        self._folder = study / FOLDER

    def path(self, number: int, step: int) -> Path:
        """Where the one of a trial at a step is kept."""
        return self._folder / f"{number}-{step}.safetensors"

    def steps(self, number: int) -> list[int]:
        """The steps that a trial has one of, in order."""
        return sorted(int(file.stem.rpartition("-")[2]) for file in self._of(number))

    def drop(self, number: int, keep: int | None = None) -> None:
        """Delete those of a trial, but the one of the step `keep`."""
        for file in self._of(number):
            if keep is None or file != self.path(number, keep):
                file.unlink(missing_ok=True)

    def _of(self, number: int) -> list[Path]:
        return [*self._folder.glob(f"{number}-*.safetensors")]
