"""A report is whole and says what the terminal says; whatever names a study has, in it they are text and no more."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cellsearch.errors import CellsearchError
from cellsearch.inspect.report.report import page, save_report
from cellsearch.inspect.report.study_report import study_document
from cellsearch.inspect.study_tables import statement
from cellsearch.study.study import Study
from tests.helpers.large_study import large_study

STUDY = large_study(7)

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)' x=\"",
    "<!--<script>",
    "$\\input{/etc/passwd}$",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&amp;",
    "]]></svg><a href=javascript:alert(1)>",
    "[bold]\\[/bold]",
    "%{x}<extra></extra>",
]


class Parsed(HTMLParser):
    """The tags of a page with the names of their attributes, its texts, and what its scripts hold by their types."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.scripts: list[tuple[str, str]] = []
        self.text = ""
        self._script = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        if tag == "script":
            self._script = dict(attrs).get("type") or "text/javascript"

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}",))
        if tag == "script":
            self._script = ""

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts.append((self._script, data))
        else:
            self.text += data


def named(name: str) -> Study:
    """The small study with a name wherever a study has text of its own."""
    cells = {r.cell: r.cell.renamed(name) for r in STUDY.records if r.role == "candidate"}
    records = [
        replace(r, cell=cells.get(r.cell, r.cell), edits=tuple(name for _ in r.edits), reason=r.reason and name)
        for r in STUDY.records
    ]
    finals = {
        cells.get(cell, cell): [replace(r, cell=cells.get(cell, cell)) for r in each]
        for cell, each in STUDY.finals.items()
    }
    own = {"task": name, "task_name": name, "metric": name, "options": {name: name}, "space": name, "strategy": name}
    return Study(Path("runs") / name.replace("/", "|"), {**STUDY.settings, **own}, records, finals)


PLAIN = Parsed(page(study_document(named("plain"))))


def printable(length: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn", "Z"]), min_size=1, max_size=length)


@given(printable(24) | st.sampled_from(HOSTILE))
@example(HOSTILE[0])
@example(HOSTILE[3])
@settings(max_examples=12)
def test_no_name_becomes_a_tag_an_attribute_or_a_script(name: str) -> None:
    found = Parsed(page(study_document(named(name))))
    assert found.tags == PLAIN.tags
    assert [kind for kind, _ in found.scripts] == [kind for kind, _ in PLAIN.scripts]
    assert found.scripts[-2:] == PLAIN.scripts[-2:], "Plotly and our script"
    assert name in found.text
    tables = [json.loads(text) for kind, text in found.scripts if kind == "application/json"]
    assert name in tables[-1]["rows"][-1]


def test_plots_show_tags_and_links_in_names_as_text() -> None:
    found = Parsed(page(study_document(named("<a href='https://example.org'>x</a>"))))
    figures = [text for kind, text in found.scripts if kind == "application/json"][:-1]
    assert figures and not any(
        "<" in text or "\\u003ca href" in text.replace("\\u003cbr\\u003e", "") for text in figures
    )


def test_characters_that_nobody_sees_are_marked() -> None:
    reasons = [replace(r, reason="it \x1b[31mraised \u202e") if r.state == "failed" else r for r in STUDY.records]
    text = page(study_document(replace(STUDY, records=reasons))).partition('id="plotly"')[0]
    assert "\x1b" not in text and "\u202e" not in text and "\\u202e" not in text and "\\u001b" not in text
    assert "it \N{REPLACEMENT CHARACTER}[31mraised" in text


def test_the_policy_knows_the_scripts_by_their_hashes_and_allows_no_address() -> None:
    text = page(study_document(STUDY))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    policy = policy.replace("&#39;", "'")
    hashes = {
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for _, script in Parsed(text).scripts[-2:]
    }
    assert {*re.findall("'sha256-[^']*'", policy)} == hashes
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "http" not in policy and "*" not in policy


def test_it_says_what_the_terminal_says() -> None:
    text = Parsed(page(study_document(STUDY))).text
    for line in statement(STUDY).splitlines():
        assert line in text


def test_every_part_of_a_study_is_there_and_none_of_what_it_lacks() -> None:
    whole = page(study_document(STUDY))
    for part in ("verdict", "cell-0", "numbers", "plots", "lineage", "trials", "paid", "failures", "again"):
        assert f'<section id="{part}"' in whole and f'href="#{part}"' in whole
    baselines = [r for r in STUDY.records if r.state == "complete" and not r.edits]
    candidate = next(r for r in STUDY.records if r.role == "candidate" and r.state == "complete")
    bare = replace(STUDY, records=[*baselines, replace(candidate, parents=(), edits=())], finals={})
    text = page(study_document(bare))
    for part in ("numbers", "paid", "failures"):
        assert f'id="{part}"' not in text and f'href="#{part}"' not in text


def test_a_study_that_is_under_way_says_so() -> None:
    running = replace(STUDY.records[-1], state="running")
    text = Parsed(page(study_document(replace(STUDY, records=[*STUDY.records[:-1], running])))).text
    assert "Not finished when this page was written: 1 trainings were under way, paused or waiting." in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("report.txt", "report .*report.txt' does not end in .html; name a file that does"),
        ("folder.html", "report .*folder.html': Is a directory; name a file that can be written"),
        ("no/folder/report.html", "report .*report.html': No such file or directory; name a file that can be written"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_in_one_line(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(CellsearchError, match=message):
        save_report(STUDY, tmp_path / name)
