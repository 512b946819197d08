"""The picture of a cell: what a person sees of one step at a glance.

Time flows to the right: the input and the states enter at the left edge of the cell, the next states (c′, h′) leave at
its right edge, at the height at which they enter wherever that can be, and go on to the next step; so does the output.
A state, the lines on which it is carried and its next value share a colour. Gates, candidates and other activations are
coloured by their role, which a legend names; learned arithmetic is grey, arithmetic without parameters a white circle.
What is written has the symbols of the equations.

Graphviz finds the places (see `layout`), this file writes the SVG, resvg makes the PNG with the font that matplotlib
carries: a picture looks the same on every machine, fonts or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from math import hypot
from pathlib import Path
from textwrap import wrap
from types import MappingProxyType
from typing import Final

from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.inspect.picture.boxes import FILL, LEGEND, Box
from cellsearch.inspect.picture.layout import Curve, Layout, Point, dot, layout
from cellsearch.inspect.picture.page import Drawing, document, lines_of, painted, save_drawing
from cellsearch.inspect.picture.shapes import shapes
from cellsearch.inspect.picture.text import QUIET, Text

__all__ = ["Mark", "dot", "drawing", "png", "save_picture", "svg"]

GAP: Final = 14
"""Points between the cell and the title above or the legend below it."""

PADDING: Final = 14
"""Points between the cell's frame and what is in it."""

STUB: Final = 26
"""Length of the lines that come from the step before and go on to the next."""

SWATCH: Final = 12
"""Side of a legend's square."""

ROW: Final = 22
"""Points from one row of a legend to the next."""

Mark = tuple[str, str]
"""The colour of a line around a box, and its dashes; "" of none."""


def svg(cell: Cell) -> str:
    """The picture as SVG. Hovering over a shape shows the name of its node."""
    return document(cell.name, drawing(cell))


def png(cell: Cell, scale: float = 2.0) -> bytes:
    """The picture as PNG, `scale` pixels for one of the SVG."""
    return painted(svg(cell), scale)


def save_picture(cell: Cell, path: str | Path) -> None:
    """Write the picture in the format of the path's ending.

    Raises CellsearchError if it is neither .svg nor .png, or if the file cannot be written.
    """
    expect_cell(cell)
    save_drawing(lambda: svg(cell), path)


def drawing(cell: Cell, marks: Mapping[str, Mark] = MappingProxyType({})) -> Drawing:
    """The picture without its page, with a line around the nodes and states that have a mark."""
    placed = layout(cell)
    title, legend = _title(cell), _legend(cell, placed.width)
    top = sum(line.height for line in title) + GAP + PADDING
    bottom = top + placed.height + PADDING + GAP
    boxes = (*placed.entering, *placed.inside, *placed.leaving)
    parts = [
        lines_of(title, 0, 0),
        f'<g transform="translate({STUB} {top:.1f})">',
        _frame(placed),
        *_stubs(placed),
        *(_curve(curve) for curve in placed.curves),
        *(_mark(box, centre, marks[name]) for box, centre in boxes for name in box.nodes if name in marks),
        *(_box(box, centre) for box, centre in boxes),
        *(_sign(curve) for curve in placed.curves if curve.sign),
        "</g>",
        f'<g transform="translate({STUB} {bottom:.1f})">',
        *(f'<g transform="translate(0 {ROW * place})">{row}</g>' for place, row in enumerate(legend)),
        "</g>",
    ]
    width = max(placed.width + 2 * STUB, *(line.width for line in title))
    return Drawing(parts, width, bottom + ROW * len(legend))


def _title(cell: Cell) -> list[Text]:
    states = f"{len(cell.states)} state{'s' if len(cell.states) > 1 else ''} ({', '.join(cell.states)})"
    nodes = f"{len(cell.nodes)} node{'s' if len(cell.nodes) > 1 else ''}"
    return [
        *(Text(line, 17, bold=True) for line in wrap(cell.name, 60) or ["cell"]),
        *(Text(line, 11, colour=QUIET) for line in wrap(f"{states}, {nodes}", 90)),
    ]


def _frame(placed: Layout) -> str:
    """The edge of the cell, on which stands what enters and leaves it."""
    left = min(x for _, (x, _) in placed.entering)
    right = max(x for _, (x, _) in placed.leaving)
    return (
        f'<rect x="{left:.1f}" y="{-PADDING}" width="{right - left:.1f}" height="{placed.height + 2 * PADDING:.1f}" '
        f'rx="12" fill="#fbfbfa" stroke="#c8c8c4" stroke-width="1.2"/>'
    )


def _stubs(placed: Layout) -> Iterator[str]:
    """The lines to what enters from before, and from what leaves."""
    for box, (x, y) in placed.entering:
        yield _curve(_straight(box.border, -STUB, x - box.width / 2, y))
    for box, (x, y) in placed.leaving:
        yield _curve(_straight(box.border, x + box.width / 2, placed.width + STUB, y))


def _straight(colour: str, start: float, end: float, y: float) -> Curve:
    return Curve(colour, ((start, y), (start, y), (end - 7, y), (end - 7, y), (end, y)))


def _legend(cell: Cell, width: float) -> list[str]:
    """Rows of a square and a word for each role that the picture has, and where time goes."""
    kinds = {shape.kind for shape in shapes(cell)}
    rows, x = [""], 0.0
    for kind, word in LEGEND.items():
        if kind in kinds:
            text = Text(word, 10, colour=QUIET)
            if x and x + SWATCH + 6 + text.width > max(width, 300):
                rows, x = [*rows, ""], 0.0
            fill, border = FILL[kind]
            rows[-1] += (
                f'<rect x="{x:.1f}" y="0" width="{SWATCH}" height="{SWATCH}" rx="3" fill="{fill}" stroke="{border}"/>'
                f"{lines_of([text], x + SWATCH + 6, SWATCH / 2 - text.height / 2)}"
            )
            x += SWATCH + 6 + text.width + 18
    return rows


def _box(box: Box, centre: Point) -> str:
    x, y = centre[0] - box.width / 2, centre[1] - box.height / 2
    radius = 7 if box.outline == "box" else 13
    text_height = sum(line.height for line in box.lines)
    return (
        f'<g><title>{escape(box.title)}</title><rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{radius:.1f}" fill="{box.fill}" stroke="{box.border}" stroke-width="1.2"/>'
        f"{lines_of(box.lines, centre[0], centre[1] - text_height / 2, 'middle')}</g>"
    )


def _mark(box: Box, centre: Point, mark: Mark) -> str:
    """A line around a box."""
    (x, y), (colour, dashes) = centre, mark
    width, height = box.width + 10, box.height + 10
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" rx="11" '
        f'fill="none" stroke="{colour}" stroke-width="3.4" stroke-dasharray="{dashes}" class="mark"/>'
    )


def _curve(curve: Curve) -> str:
    start, *rest = (f"{x:.1f},{y:.1f}" for x, y in curve.points[:-1])
    return (
        f'<path d="M{start} C{" ".join(rest)}" fill="none" stroke="{curve.colour}" stroke-width="1.3"/>'
        f'<path d="{_arrow(*curve.points[-2:])}" fill="{curve.colour}"/>'
    )


def _arrow(base: Point, tip: Point) -> str:
    x, y = tip[0] - base[0], tip[1] - base[1]
    corners = ((base[0] - 0.42 * y, base[1] + 0.42 * x), tip, (base[0] + 0.42 * y, base[1] - 0.42 * x))
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in corners) + " Z"


def _sign(curve: Curve) -> str:
    """The sign beside an arrow's head, above an arrow that goes to the right."""
    (x, y), (to_x, to_y) = curve.points[-2:]
    length = hypot(to_x - x, to_y - y) or 1.0
    along, across = (to_x - x) / length, (to_y - y) / length
    text = Text(curve.sign, 11, bold=True, colour=QUIET)
    aside = 7 + text.width / 2 * abs(across)
    centre_x, centre_y = x - 3 * along + aside * across, y - 3 * across - aside * along
    return text.svg(centre_x, centre_y - text.height / 2, "middle")
