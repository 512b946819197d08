"""The page that drawings stand on: from a drawing to SVG, from SVG to PNG, and into a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from cellsearch.errors import CellsearchError
from cellsearch.inspect.picture.text import Text, font_file, printable
from cellsearch.inspect.picture_path import picture_path

__all__ = ["Drawing", "document", "lines_of", "painted", "save_drawing"]

MARGIN: Final = 16
"""Points between a drawing and the edge of the page, or the next drawing."""

FAMILY: Final = "DejaVu Sans, Verdana, sans-serif"


@dataclass(frozen=True)
class Drawing:
    """Elements of SVG, from 0, 0 to the right and down, as wide and high as they are."""

    parts: Sequence[str]
    width: float
    height: float


def document(title: str, *drawings: Drawing) -> str:
    """A page of SVG with drawings below one another."""
    width = max(each.width for each in drawings) + 2 * MARGIN
    height = sum(each.height + MARGIN for each in drawings) + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" font-family="{FAMILY}" role="img">',
        f"<title>{escape(printable(title))}</title>",
        f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" fill="#ffffff"/>',
    ]
    top = 0.0
    for each in drawings:
        lines += [f'<g transform="translate(0 {top:.1f})">', *each.parts, "</g>"]
        top += each.height + MARGIN
    return "\n".join([*lines, "</svg>\n"])


def painted(svg: str, scale: float = 2.0) -> bytes:
    """A page as PNG, `scale` pixels for one of the SVG."""
    import resvg_py

    fonts = [str(font_file(bold, italic)) for bold in (False, True) for italic in (False, True)]
    return resvg_py.svg_to_bytes(svg_string=svg, zoom=scale, skip_system_fonts=True, font_files=fonts)


def save_drawing(draw: Callable[[], str], path: str | Path) -> None:
    """Write the page that is drawn in the format of the path's ending.

    Raises CellsearchError if it is neither .svg nor .png, or if the file cannot be written.
    """
    path = picture_path(path)
    drawn = draw()
    content = drawn.encode() if path.suffix.lower() == ".svg" else painted(drawn)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CellsearchError(f"picture {str(path)!r}: {error.strerror}; name a file that can be written") from None


def lines_of(lines: Sequence[Text], x: float, top: float, anchor: str = "start") -> str:
    """Lines of text below one another, the first one's upper edge at `top`."""
    parts = []
    for line in lines:
        parts.append(line.svg(x, top, anchor))
        top += line.height
    return "".join(parts)
