"""The report as a file: a template filled with a document, one page that holds all it needs.

What the page may do stands in its content security policy: run the two scripts in it, known by their hashes, and
nothing else. Everything from a study is escaped by the template, or is JSON that no tag can end.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cellsearch.errors import CellsearchError
from cellsearch.inspect.report.comparison_report import comparison_document
from cellsearch.inspect.report.document import Document
from cellsearch.inspect.report.study_report import study_document
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.study import Study

__all__ = ["REPORT", "page", "save_report"]

REPORT: Final = "report.html"
"""What a search and a comparison leave in their folders."""

HERE: Final = Path(__file__).parent

CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What no reader sees: it would steer a terminal or turn the direction of text. The page shows a mark in its place."""

POLICY: Final = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
    "form-action 'none'"
)
"""The page's content security policy. Plotly sets styles, and makes a picture of a plot for whoever asks for it."""


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


def page(document: Document) -> str:
    """The page of a document."""
    script, plotly = _asset("script.js"), _plotly() if document.plots else ""
    scripts = " ".join(f"'sha256-{_hash(each)}'" for each in (script, plotly) if each)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            document=document,
            policy=POLICY.format(scripts=scripts),
            style=_asset("style.css"),
            script=script,
            plotly=plotly,
            written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": True, "allow_nan": False, "separators": (",", ":")}
    environment.filters["visible"] = _visible
    return environment


def _visible(value: Any) -> Any:
    """A text without characters that nobody sees, and all texts within; markup is ours."""
    if isinstance(value, dict):
        return {key: _visible(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_visible(each) for each in value]
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", value) if type(value) is str else value


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()
