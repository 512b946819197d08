"""A study that another process writes, watched in a terminal until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cellsearch.errors import StudyError
from cellsearch.inspect.serving.watched import Watched
from cellsearch.study.progress import Observer, Progress

__all__ = ["watch"]

LOOK_SECONDS: Final = 1.0
"""Between two looks."""


def watch(path: Path, observe: Observer, sleep: Callable[[float], None] = time.sleep) -> Progress:
    """Tell `observe` each time that the study in a folder has changed, until it has come to its end.

    It is read and neither locked nor written. Raises StudyError if the folder holds no study.
    """
    watched, seen = Watched(path), 0
    while True:
        watched.look()
        if watched.error:
            raise StudyError(watched.error)
        if watched.progress and watched.version != seen:
            seen = watched.version
            observe(watched.progress)
        if watched.progress and watched.ended:
            return watched.progress
        sleep(LOOK_SECONDS)
