"""The picture of a lineage: every edit, score and gain, and nothing but text in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cellsearch.inspect.picture.lineage import BETTER, WORSE, lineage_svg, save_lineage
from cellsearch.study.lineage import Step
from cellsearch.testing.strategy import record
from cellsearch_search_spaces.gated import GRU, LSTM

HOSTILE = "<script>alert('x')</script>]]>&\"\u202e\x1b[31m\x00"


def way(name: str = "found", edit: str = "change candidate from tanh to relu") -> list[Step]:
    seed = Step(record(0, LSTM, score=2.5, role="baseline"), None, (), 100)
    worse = replace(record(3, GRU.renamed("between"), score=2.75), parents=(0,), edits=("delete forget_gate",))
    best = replace(record(7, GRU.renamed(name), score=2.25), parents=(3, 5), edits=(edit,))
    return [seed, Step(worse, -0.25, (), 90), Step(best, 0.5, (5,), 80)]


def texts(drawing: str) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(drawing).iter() if each.tag.endswith("text")]


def test_every_edit_score_and_gain_is_written() -> None:
    written = texts(lineage_svg(way(), "nats"))
    for text in (
        "how found came about",
        "delete forget_gate",
        "change candidate from tanh to relu",
        "crossed with trial 5",
        "2.5000",
        "2.7500 (-0.2500)",
        "2.2500 (+0.5000)",
    ):
        assert text in written


def test_gains_and_losses_have_their_colours() -> None:
    circles = [
        each for each in ElementTree.fromstring(lineage_svg(way(), "nats")).iter() if each.tag.endswith("circle")
    ]
    assert [sum(each.get("fill") == colour for each in circles) for colour in (BETTER, WORSE)] == [2, 2]
    assert lineage_svg(way()[:1], "nats").count("<circle") == 2, "a seed is a lineage of its own"


def test_a_step_without_a_score_is_there_without_a_dot_on_the_axis() -> None:
    failed = Step(record(9, GRU.renamed("failed"), "failed"), None, (), 80)
    assert lineage_svg([failed], "nats").count("<circle") == 1


def test_hostile_names_edits_and_metrics_stay_text(tmp_path: Path) -> None:
    drawing = lineage_svg(way(name="<b>x</b>", edit=HOSTILE), HOSTILE)
    tags = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(drawing).iter()}
    assert tags == {"svg", "title", "rect", "g", "text", "path", "circle"}
    assert not any(sign in drawing for sign in ("\u202e", "\x1b", "\x00"))
    assert "how <b>x</b> came about" in texts(drawing)


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_the_ending_chooses_the_format(tmp_path: Path, ending: str) -> None:
    save_lineage(way(), "nats", tmp_path / f"way{ending}")
    assert (tmp_path / f"way{ending}").read_bytes()[:4] == (b"<svg" if ending == ".svg" else b"\x89PNG")
