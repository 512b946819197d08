"""The picture of a cell: what a person sees of one step at a glance.

Time flows upwards: the input and the previous states enter at the bottom, the next states (c′, h′) and the output
leave at the top. Gates are orange, other activations blue, learned arithmetic grey, arithmetic without parameters
white, mostly a small circle; a state, the lines that leave it and its next value share a colour. What is written has
the symbols of the equations; letters where lines enter a box stand only where operands without one must be told apart.

Graphviz finds the places (see `layout`), this file writes the SVG, resvg makes the PNG with the font that matplotlib
carries: a picture looks the same on every machine, fonts or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Final

from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.errors import CellsearchError
from cellsearch.inspect.picture.layout import LETTER_STRIP, QUIET, Box, Curve, Point, Text, dot, font_file, layout
from cellsearch.inspect.picture_path import picture_path

__all__ = ["dot", "png", "save_picture", "svg"]

MARGIN: Final = 16
"""Points between the picture and its edge."""

TITLE_GAP: Final = 14
"""Points between the title and the picture."""

FAMILY: Final = "DejaVu Sans, Verdana, sans-serif"


def svg(cell: Cell) -> str:
    """The picture as SVG. Hovering over a shape shows the name of its node."""
    placed = layout(cell)
    title = _title(cell)
    top = sum(line.height for line in title) + TITLE_GAP
    width = max(placed.width, *(line.width for line in title)) + 2 * MARGIN
    height = placed.height + top + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" font-family="{FAMILY}" role="img">',
            f"<title>{escape(title[0].text)}</title>",
            f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" fill="#ffffff"/>',
            _lines(title, 0, 0, "start"),
            f'<g transform="translate(0 {top:.1f})">',
            *(_curve(curve) for curve in placed.curves),
            *(_box(box, centre) for box, centre in placed.boxes),
            *(_letter(curve) for curve in placed.curves if curve.letter),
            "</g>",
            "</svg>\n",
        ]
    )


def png(cell: Cell, scale: float = 2.0) -> bytes:
    """The picture as PNG, `scale` pixels for one of the SVG."""
    import resvg_py

    fonts = [str(font_file(bold)) for bold in (False, True)]
    return resvg_py.svg_to_bytes(svg_string=svg(cell), zoom=scale, skip_system_fonts=True, font_files=fonts)


def save_picture(cell: Cell, path: str | Path) -> None:
    """Write the picture in the format of the path's ending.

    Raises CellsearchError if it is neither .svg nor .png, or if the file cannot be written.
    """
    path = picture_path(path)
    expect_cell(cell)
    content = svg(cell).encode() if path.suffix.lower() == ".svg" else png(cell)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CellsearchError(f"picture {str(path)!r}: {error.strerror}; name a file that can be written") from None


def _title(cell: Cell) -> list[Text]:
    states = f"{len(cell.states)} state{'s' if len(cell.states) > 1 else ''} ({', '.join(cell.states)})"
    nodes = f"{len(cell.nodes)} node{'s' if len(cell.nodes) > 1 else ''}"
    return [
        *(Text(line, 17, bold=True) for line in wrap(cell.name, 60) or ["cell"]),
        *(Text(line, 11, colour=QUIET) for line in wrap(f"{states}, {nodes}", 90)),
    ]


def _box(box: Box, centre: Point) -> str:
    x, y = centre[0] - box.width / 2, centre[1] - box.height / 2
    radius = 7 if box.outline == "box" else 13
    # The letters take a strip below the text.
    text_height = sum(line.height for line in box.lines) + (LETTER_STRIP if box.lettered else 0)
    return (
        f'<g><title>{escape(box.name)}</title><rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{radius:.1f}" fill="{box.fill}" stroke="{box.border}" stroke-width="1.2"/>'
        f"{_lines(box.lines, centre[0], centre[1] - text_height / 2, 'middle')}</g>"
    )


def _curve(curve: Curve) -> str:
    start, *rest = (f"{x:.1f},{y:.1f}" for x, y in curve.points[:-1])
    return (
        f'<path d="M{start} C{" ".join(rest)}" fill="none" stroke="{curve.colour}" stroke-width="1.2"/>'
        f'<path d="{_arrow(*curve.points[-2:])}" fill="{curve.colour}"/>'
    )


def _arrow(base: Point, tip: Point) -> str:
    x, y = tip[0] - base[0], tip[1] - base[1]
    corners = ((base[0] - 0.42 * y, base[1] + 0.42 * x), tip, (base[0] + 0.42 * y, base[1] - 0.42 * x))
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in corners) + " Z"


def _letter(curve: Curve) -> str:
    return _lines([Text(curve.letter, 10, colour=QUIET)], curve.tip[0], curve.tip[1] - 15, "middle")


def _lines(lines: Sequence[Text], x: float, top: float, anchor: str) -> str:
    """Lines of text below one another, the first one's upper edge at `top`."""
    parts = []
    for line in lines:
        # In DejaVu Sans, capitals are centred at 0.36 of the size above the base line.
        base = top + line.height / 2 + 0.36 * line.size
        weight = ' font-weight="bold"' if line.bold else ""
        parts.append(
            f'<text x="{x:.1f}" y="{base:.1f}" text-anchor="{anchor}" font-size="{line.size}"{weight} '
            f'fill="{line.colour}">{escape(line.text)}</text>'
        )
        top += line.height
    return "".join(parts)
