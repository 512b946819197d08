"""The pages of a server: the report of a study that goes on, and the list of several studies."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import urlencode

from cellsearch.errors import CellsearchError
from cellsearch.inspect.live import in_a_line
from cellsearch.inspect.report.comparison_report import comparison_document
from cellsearch.inspect.report.document import Document
from cellsearch.inspect.report.report import HERE as REPORT_FOLDER
from cellsearch.inspect.report.report import Live, page
from cellsearch.inspect.report.study_report import study_document
from cellsearch.inspect.report.template import filled
from cellsearch.inspect.serving.watched import Watched
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.study import Study
from cellsearch.training import task_text

__all__ = ["Page", "index"]

HERE: Final = Path(__file__).parent


class Page:
    """The page of one study, made once for each reading of it, and only where somebody asks. Threads may share it.

    `told` is what open pages are to know, as JSON, since somebody `looked` last.
    """

    def __init__(self, watched: Watched, home: str = "") -> None:
        self.watched, self.home = watched, home
        self._made: tuple[int, Document] | None = None
        self._texts: dict[bool, tuple[tuple[int, str], str]] = {}
        self._lock = Lock()
        self.told, self.looked = "", 0.0

    def look(self) -> None:
        """Read the study if that is due and nobody does."""
        if self._lock.acquire(blocking=False):
            try:
                self.watched.look()
                self.told = json.dumps({"version": self.watched.version, "line": self.line})
                self.looked = time.monotonic()
            finally:
                self._lock.release()

    @property
    def line(self) -> str:
        """How the study stands, in a line."""
        if self.watched.progress is None:
            return "Nothing to show yet."
        line = in_a_line(self.watched.progress)
        if self.watched.ended:
            what = "search" if isinstance(self.watched.found, Study) else "comparison"
            return f"The {what} has ended. {line}"
        minutes = int(self.watched.quiet / 60)
        return line + (f"; nothing was written for {minutes} min" if minutes else "")

    def text(self, whole: bool = True) -> str:
        """The page, `whole` or for a page that is open."""
        with self._lock:
            if not self.watched.version:
                self.watched.look()
            began = time.thread_time()
            now = self.watched.version, self.line
            if whole not in self._texts or self._texts[whole][0] != now:
                live = Live(self.line, self.watched.version, (HERE / "live.js").read_text(encoding="utf-8"), self.home)
                self._texts[whole] = now, page(self._document(), live, whole)
                self.watched.spend(time.thread_time() - began)
            return self._texts[whole][1]

    def _document(self) -> Document:
        if self._made is None or self._made[0] != self.watched.version:
            self._made = self.watched.version, _document(self.watched)
        return self._made[1]


def _document(watched: Watched) -> Document:
    """The report, or why there is none yet."""
    try:
        if watched.found is None:
            return _waiting(watched, watched.error)
        found = watched.found
        return study_document(found) if isinstance(found, Study) else comparison_document(found)
    except CellsearchError as error:
        return _waiting(watched, str(error))


def _waiting(watched: Watched, why: str) -> Document:
    empty = dict.fromkeys(("claims", "numbers", "entrants", "plots", "lineage", "tables", "paid"), ())
    texts = {"title": str(watched.path), "subtitle": "", "notice": "", "lead": why, "winner": None}
    return Document(**texts, **empty, failures=(), commands=(), facts=())  # type: ignore[arg-type]


@dataclass(frozen=True)
class Entry:
    """A line of the list of studies."""

    name: str
    address: str
    title: str
    line: str


def index(root: Path, pages: Mapping[str, Page]) -> str:
    """The list of the studies under a folder, by the names of their folders."""
    entries = []
    for name, each in pages.items():
        each.look()
        entries.append(Entry(name, f"study?{urlencode({'of': name})}", _title(each.watched), each.line))
    style = (REPORT_FOLDER / "style.css").read_text(encoding="utf-8")
    return filled(HERE / "index.html.jinja", title=f"Studies in {root}", style=style, studies=entries)


def _title(watched: Watched) -> str:
    found = watched.found
    if found is None:
        return watched.error
    if isinstance(found, SeveralTasks):
        return f"Comparison on {', '.join(found.comparisons)}"
    kind = "Search" if isinstance(found, Study) else "Comparison"
    return f"{kind} on {task_text(found.settings['task'], found.settings['options'])}"
