"""Text of a picture: a formula has its subscripts below the line and its single letters in italics.

Widths are those of DejaVu Sans, which matplotlib carries and the PNG is painted with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

__all__ = ["DARK", "QUIET", "TIE", "Text", "font_file", "printable", "wrapped"]

DARK: Final = "#333333"
QUIET: Final = "#666666"

TIE: Final = "\u00a0"
"""A space at which a line does not break: those of a formula's terms."""

LINE_LENGTH: Final = 30
"""Characters of a line of text, at most."""

SMALLER: Final = 0.72
"""Size of a subscript, of its line's."""

LOWER: Final = 0.22
"""How far a subscript stands below its line, of the line's size."""

INDEXED: Final = re.compile("([^\\W\\d_]\u0303?)_?([0-9].*)|([^\\W\\d_]\u0303?|[^\\W_]+(?=_[0-9]+$))_(.+)")
"""A name that has an index on paper: a letter, or a word with a number, as in `W_f`, `h1` and `state_1`."""


@dataclass(frozen=True)
class Run:
    """Letters of one line that look alike."""

    text: str
    size: float
    italic: bool = False
    lowered: bool = False


@dataclass(frozen=True)
class Text:
    """One line of text; `formula` says that it is written in symbols."""

    text: str
    size: int
    bold: bool = False
    colour: str = DARK
    formula: bool = False

    @property
    def runs(self) -> Iterator[Run]:
        """The line, with subscripts and italics apart where it is a formula."""
        text = printable(self.text)
        for word in re.findall(r"(?:[^\W\d_]\w*\u0303?\w*)|(?:[\W\d_])", text) if self.formula else [text]:
            indexed = INDEXED.fullmatch(word) if self.formula else None
            base, index = [part for part in indexed.groups() if part] if indexed else [word, ""]
            yield Run(base, self.size, self.formula and len(base.rstrip("\u0303")) == 1 and base[0].isalpha())
            if index:
                yield Run(index, SMALLER * self.size, lowered=True)

    @property
    def width(self) -> float:
        """A character that the font lacks counts its full size, whatever font a viewer finds it in."""
        return sum(_width(run, self.bold) for run in self.runs)

    @property
    def height(self) -> float:
        """Of the line, space above and below included."""
        return 1.3 * self.size

    def svg(self, x: float, top: float, anchor: str) -> str:
        """The line with its upper edge at `top`."""
        # In DejaVu Sans, capitals are centred at 0.36 of the size above the base line.
        base = top + self.height / 2 + 0.36 * self.size
        weight = ' font-weight="bold"' if self.bold else ""
        return (
            f'<text x="{x:.1f}" y="{base:.1f}" text-anchor="{anchor}" font-size="{self.size}"{weight} '
            f'fill="{self.colour}">{"".join(self._spans())}</text>'
        )

    def _spans(self) -> Iterator[str]:
        below = 0.0
        for run in self.runs:
            depth = LOWER * self.size * run.lowered
            style = f' font-size="{run.size:.1f}"' if run.lowered else ""
            style += ' font-style="italic"' if run.italic else ""
            style += f' dy="{depth - below:.1f}"' if depth != below else ""
            yield f"<tspan{style}>{escape(run.text)}</tspan>" if style else escape(run.text)
            below = depth


def printable(text: str) -> str:
    """The text with what cannot be printed, such as an escape or a turn of the writing's direction, told as such."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def wrapped(text: str, size: int, bold: bool = False, colour: str = DARK, formula: bool = True) -> tuple[Text, ...]:
    """Lines of text that are not too long; a term longer than a line breaks at its own spaces, not within a symbol."""
    text = " ".join(term if len(term) <= LINE_LENGTH else term.replace(TIE, " ") for term in text.split(" "))
    lines = wrap(text, LINE_LENGTH, break_on_hyphens=False)
    return tuple(Text(line.replace(TIE, " "), size, bold, colour, formula) for line in lines)


def font_file(bold: bool = False, italic: bool = False) -> Path:
    """The font that texts are measured and painted with: DejaVu Sans, as matplotlib carries it."""
    from matplotlib import get_data_path

    style = ("Bold" if bold else "") + ("Oblique" if italic else "")
    return Path(get_data_path(), "fonts", "ttf", f"DejaVuSans{'-' if style else ''}{style}.ttf")


def _width(run: Run, bold: bool) -> float:
    from matplotlib.ft2font import LoadFlags

    font, width = _font(bold, run.italic), 0.0
    font.set_size(run.size, 72)
    for character in run.text:
        glyph = font.get_char_index(ord(character))
        width += font.load_glyph(glyph, LoadFlags.NO_HINTING).linearHoriAdvance / 65536 if glyph else run.size
    return width


@cache
def _font(bold: bool, italic: bool) -> FT2Font:
    from matplotlib.ft2font import FT2Font

    return FT2Font(str(font_file(bold, italic)))
