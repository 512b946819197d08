"""Two cells in one picture: what differs has a line around it, in the cell that has it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from cellsearch import plugins
from cellsearch.cell import Cell
from cellsearch.cell.difference.diff import changed_parts
from cellsearch.inspect.picture.difference import MARKS, difference_svg, save_difference
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM

PEEPHOLE = plugins.seed("peephole_lstm")


def marks(drawing: str) -> dict[str, int]:
    """How many lines around parts the picture has, by what they say."""
    lines = [each for each in ElementTree.fromstring(drawing).iter() if each.get("class") == "mark"]
    return {part: sum(each.get("stroke") == colour for each in lines) for part, (colour, _) in MARKS.items()}


def test_what_only_the_second_has_is_marked_as_added() -> None:
    mine, theirs = changed_parts(LSTM, PEEPHOLE)
    assert set(mine.values()) == {"changed"}
    assert [name for name, part in theirs.items() if part == "added"]
    found = marks(difference_svg(LSTM, PEEPHOLE))
    assert found["removed"] == 0 and found["added"] >= 3
    assert marks(difference_svg(PEEPHOLE, LSTM))["removed"] == found["added"]


def test_a_state_that_is_gone_is_marked() -> None:
    mine, _ = changed_parts(LSTM, GRU)
    assert {mine[state] for state in LSTM.states if state in mine} == {"removed"}


def test_a_cell_beside_itself_has_no_mark() -> None:
    assert set(marks(difference_svg(GRU, GRU)).values()) == {0}


@settings(max_examples=10)
@given(cells(most_nodes=10), cells(most_nodes=10))
def test_any_two_cells_have_a_picture_with_a_line_for_each_part_that_is_drawn(first: Cell, second: Cell) -> None:
    mine, theirs = changed_parts(first, second)
    assert set(mine) <= {*first.nodes, *first.states} and set(theirs) <= {*second.nodes, *second.states}
    assert sum(marks(difference_svg(first, second)).values()) >= bool(mine or theirs)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "]]><!--", '"/><text>', "&lt;"])
def test_a_hostile_name_stays_text(name: str, tmp_path: Path) -> None:
    drawing = difference_svg(GRU.renamed(name), LSTM)
    root = ElementTree.fromstring(drawing)
    assert name in {"".join(text.itertext()) for text in root.iter()}
    assert not re.search("<(script|foreignObject)", drawing)
    save_difference(GRU.renamed(name), LSTM, tmp_path / "both.png")
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
