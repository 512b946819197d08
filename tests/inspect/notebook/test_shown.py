"""What a notebook shows of cells, studies, comparisons and profiles, and that names are text in it and no more."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import cellsearch
from cellsearch.shown import Shown
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.comparisons import FIRST, SECOND, comparison
from tests.helpers.large_study import large_study
from tests.helpers.profiles import PROFILE

STUDY = large_study(7)
HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>$$\\input{x}$$"


class Parsed(HTMLParser):
    """Tags, text and pictures of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.pictures: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "img":
            kind, _, data = str(dict(attrs)["src"]).partition("base64,")
            assert kind == "data:image/svg+xml;"
            self.pictures.append(b64decode(data).decode())

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_cell_shows_its_picture_and_its_equations() -> None:
    shown = Parsed(GRU._repr_html_())
    assert [*cellsearch.equations(GRU)] == [line for line in shown.text.splitlines() if " = " in line]
    assert shown.pictures == [GRU._repr_svg_()] and "<title>" in GRU._repr_svg_()
    assert GRU._repr_latex_().count("&=") == len(cellsearch.equations(GRU))


def test_latex_is_a_display_that_mathtext_reads_line_by_line() -> None:
    from matplotlib.mathtext import MathTextParser

    begin, *lines, end = LSTM._repr_latex_().splitlines()
    assert (begin, end) == ("$$\\begin{aligned}", "\\end{aligned}$$")
    for line in lines:
        MathTextParser("agg").parse("$" + line.removesuffix(" \\\\").replace("&", "") + "$")


def test_a_study_shows_its_verdict_its_course_and_its_best_cell() -> None:
    shown = Parsed(STUDY._repr_html_())
    assert "Search on" in shown.text and "With equal tuning" in shown.text and "cell - lstm" in shown.text
    assert cellsearch.equations(STUDY.best.cell)[0] in shown.text
    assert len(shown.pictures) == 2


def test_a_study_without_a_complete_candidate_says_so() -> None:
    bare = replace(STUDY, records=[r for r in STUDY.records if r.role == "baseline"], finals={})
    assert "has no complete candidate" in Parsed(bare._repr_html_()).text


@pytest.mark.parametrize(
    ("shown", "text", "pictures"),
    [
        (comparison(FIRST, SECOND), "gru", 1),
        (SeveralTasks(Path("runs/x"), {"a": comparison(FIRST, SECOND), "b": comparison(SECOND, FIRST)}), "rank", 0),
        (PROFILE, "remember", 1),
    ],
    ids=["comparison", "several tasks", "profile"],
)
def test_comparisons_and_profiles_show_tables_and_plots(shown: Shown, text: str, pictures: int) -> None:
    found = Parsed(shown._repr_html_())
    assert text in found.text and "table" in found.tags and len(found.pictures) == pictures


def test_no_name_becomes_a_tag() -> None:
    cell = GRU.renamed(HOSTILE)
    shown = Parsed(cell._repr_html_())
    assert shown.tags == Parsed(GRU._repr_html_()).tags and HOSTILE in shown.text
    assert {each.tag for each in ElementTree.fromstring(cell._repr_svg_()).iter()} == {
        each.tag for each in ElementTree.fromstring(GRU._repr_svg_()).iter()
    }
    assert "input" not in cell._repr_latex_()
    records = [replace(r, cell=r.cell.renamed(HOSTILE)) if r.role == "candidate" else r for r in STUDY.records]
    study = replace(STUDY, records=records, finals={}, path=Path(HOSTILE))
    assert "script" not in Parsed(study._repr_html_()).tags


def test_a_frame_has_a_row_a_trial() -> None:
    frame = STUDY.frame()
    assert list(frame.index) == [r.number for r in STUDY.records]
    best = frame[frame.role == "candidate"].score.idxmin()
    assert (
        frame.cell[best]
        == min(
            (r for r in STUDY.records if r.role == "candidate" and r.score is not None), key=lambda r: r.score or 0.0
        ).cell.name
    )
    assert {"learning_rate", "weight_decay", "parameters", "edits", "reason"} <= {*frame.columns}
