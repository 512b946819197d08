"""A folder that somebody writes and we read: anew when its files have changed, and seldom enough to cost nobody much.

Whether something changed is asked of the files' times and sizes, the study itself is read by its public readers. No
lock is taken, and what reading has cost is waited for many times over before the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cellsearch.errors import CellsearchError
from cellsearch.inspect.serving.standing import is_open, progress_of
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.several_tasks import SeveralTasks, load_results
from cellsearch.study.folder import DATABASE, STORAGE
from cellsearch.study.progress import Progress
from cellsearch.study.study import Study

__all__ = ["Watched"]

SHARE: Final = 0.01
"""Of one core, what reading and all that is made of it may take on the whole."""

QUIET: Final = 3.0
"""Seconds without a change after which a study in which nothing is open has come to its end."""


class Watched:
    """What a folder held when it was read last; `version` counts the readings.

    `found` and `progress` are None and `error` says why where there is nothing to read yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: Study | Comparison | SeveralTasks | None = None
        self.progress: Progress | None = None
        self.error = ""
        self.version = 0
        self._files: list[tuple[str, int, int]] = []
        self._changed = True
        self._seen = 0.0
        self._due = 0.0

    def look(self) -> None:
        """Read it, if it has changed and is due."""
        files = [*_files(self.path)]
        self._changed = files != self._files or not self.version
        if (self._changed or self._elsewhere) and time.monotonic() >= self._due:
            began = time.thread_time()
            self._files, self._changed = files, False
            self._take()
            self.spend(time.thread_time() - began)

    def spend(self, seconds: float) -> None:
        """Seconds of a core that were spent on it: the next reading waits in proportion."""
        self._due = max(self._due, time.monotonic()) + seconds / SHARE

    @property
    def ended(self) -> bool:
        """Whether it has come to its end: nothing is open, and for a while nobody has written."""
        over = self.found is not None and not is_open(self.found)
        return over and not self._changed and self.quiet > QUIET

    @property
    def quiet(self) -> float:
        """Seconds since somebody wrote, as far as was read."""
        return time.time() - max(self._seen, *(changed / 1e9 for _, changed, _ in self._files), 0.0)

    @property
    def _elsewhere(self) -> bool:
        """Whether the trials are in a database that tells nobody of its changes, so that it must be read for them."""
        return (self.path / STORAGE).is_file()

    def _take(self) -> None:
        before, self.found, self.progress = (self.found, self.error), None, None
        try:
            self.found, self.error = load_results(self.path), ""
            self.progress = progress_of(self.found)
        except CellsearchError as error:
            self.error = str(error)
        if (self.found, self.error) != before or not self.version:
            self.version += 1
            self._seen = time.time() if self._elsewhere else 0.0


def _files(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, time and size of every file of the databases of a study, and of those of a comparison's tasks."""
    for pattern in (f"{DATABASE}*", f"*/{DATABASE}*", STORAGE):
        for file in sorted(path.glob(pattern)):
            try:
                stat = file.stat()
            except FileNotFoundError:  # a journal, which comes and goes
                continue
            yield file.name, stat.st_mtime_ns, stat.st_size
