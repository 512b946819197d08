"""The report as a file: a template filled with a document, one page that holds all it needs.

What the page may do stands in its content security policy: run the two scripts in it, known by their hashes, and
nothing else. Everything from a study is escaped by the template, or is JSON that no tag can end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cellsearch.errors import CellsearchError
from cellsearch.inspect.report.comparison_report import comparison_document
from cellsearch.inspect.report.document import Document
from cellsearch.inspect.report.study_report import study_document
from cellsearch.inspect.report.template import filled, hashed
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.study import Study

__all__ = ["REPORT", "Live", "page", "save_report"]

REPORT: Final = "report.html"
"""What a search and a comparison leave in their folders."""

HERE: Final = Path(__file__).parent

POLICY: Final = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
    "form-action 'none'"
)
"""The page's content security policy. Plotly sets styles, and makes a picture of a plot for whoever asks for it."""

LIVE_POLICY: Final = "; connect-src 'self'"
"""What a served page may do besides: ask its server."""


@dataclass(frozen=True)
class Live:
    """What a served page has besides: how the study stands in a line, and a script that follows it.

    `version` is that of the reading which the page shows, `home` the address of the list of studies, if there is one.
    """

    line: str
    version: int
    script: str
    home: str = ""


def save_report(found: Study | Comparison | SeveralTasks, path: str | Path) -> None:
    """Write what was found as one page, an .html file that needs no network.

    Raises CellsearchError if nothing was found yet, if the path ends otherwise or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".html":
        raise CellsearchError(f"report {str(path)!r} does not end in .html; name a file that does")
    text = page(study_document(found) if isinstance(found, Study) else comparison_document(found))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CellsearchError(f"report {str(path)!r}: {error.strerror}; name a file that can be written") from None


def page(document: Document, live: Live | None = None, whole: bool = True) -> str:
    """The page of a document; one that is not `whole` lacks Plotly, and is for a page that has it."""
    script, plotly = _asset("script.js"), _plotly() if document.plots and whole else ""
    scripts = (script, plotly, live.script if live else "")
    policy = POLICY.format(scripts=" ".join(hashed(each) for each in scripts if each))
    return filled(
        HERE / "page.html.jinja",
        document=document,
        live=live,
        policy=policy + (LIVE_POLICY if live else ""),
        style=_asset("style.css"),
        script=script,
        plotly=plotly,
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
