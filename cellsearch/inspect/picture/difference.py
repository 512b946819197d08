"""Two cells in one picture, one below the other: what is removed, added and changed has a line around it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cellsearch.cell import Cell
from cellsearch.cell.difference.diff import Part, changed_parts
from cellsearch.inspect.picture.page import Drawing, document, save_drawing
from cellsearch.inspect.picture.picture import Mark, drawing
from cellsearch.inspect.picture.text import QUIET, Text

__all__ = ["difference_svg", "save_difference"]

MARKS: Final[Mapping[Part, Mark]] = {
    "removed": ("#c1121f", "5 4"),
    "added": ("#178a3e", ""),
    "changed": ("#8a5a00", "1.5 3"),
}
"""The line around a part, whose dashes tell it without colour too."""

SAMPLE: Final = 26
"""Length of a line in the legend."""


def difference_svg(first: Cell, second: Cell) -> str:
    """Both cells as SVG, the first above."""
    marks = [{name: MARKS[part] for name, part in each.items()} for each in changed_parts(first, second)]
    cells = [drawing(cell, each) for cell, each in zip((first, second), marks, strict=True)]
    return document(f"{first.name} and {second.name}", *cells, _legend())


def save_difference(first: Cell, second: Cell, path: str | Path) -> None:
    """Write both in the format of the path's ending. Raises CellsearchError as `save_picture` does."""
    save_drawing(lambda: difference_svg(first, second), path)


def _legend() -> Drawing:
    parts, x = [], 0.0
    for part, (colour, dashes) in MARKS.items():
        text = Text(part, 11, colour=QUIET)
        parts.append(
            f'<path d="M{x:.1f},8 h{SAMPLE}" stroke="{colour}" stroke-width="3.4" stroke-dasharray="{dashes}"/>'
            f"{text.svg(x + SAMPLE + 8, 8 - text.height / 2, 'start')}"
        )
        x += SAMPLE + 8 + text.width + 24
    return Drawing(parts, x, 18)
