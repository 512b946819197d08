"""The boxes of a picture: what is written in each, its size, and the colours that tell roles apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cellsearch.cell import INPUT, Cell
from cellsearch.inspect.picture.shapes import Shape, shapes
from cellsearch.inspect.picture.text import DARK, QUIET, Text, wrapped

__all__ = ["FILL", "LEGEND", "OUTPUT", "Box", "Rows", "next_name", "rows"]

WHITE: Final = "#ffffff"

FILL: Final[Mapping[str, tuple[str, str]]] = {
    "forget": ("#fde0a6", "#c98500"),
    "input": ("#d7ecc6", "#6a9a3a"),
    "update": ("#fcd5bf", "#c9703a"),
    "reset": ("#f7f1ad", "#a0931a"),
    "output": ("#e4dbf6", "#7d63b8"),
    "gate": ("#ebe2d3", "#927a52"),
    "candidate": ("#cde7fa", "#2f86bd"),
    "activation": ("#e6edf5", "#7f95b3"),
    "learned": ("#ededed", "#8a8a8a"),
    "arithmetic": (WHITE, "#555555"),
}
"""Fill and border of each kind."""

LEGEND: Final[Mapping[str, str]] = {
    "forget": "forget gate",
    "input": "input gate",
    "update": "update gate",
    "reset": "reset gate",
    "output": "output gate",
    "gate": "other sigmoid",
    "candidate": "candidate",
    "activation": "activation",
    "learned": "learned",
}
"""What the legend says of each kind; arithmetic is told by its signs."""

STATES: Final = ("#0b7a5b", "#c14a00", "#a8447f", "#00598f")
"""Colours of the states, in turn: of their lines, and of where they enter and leave (Okabe & Ito 2008)."""

OUTPUT: Final = "the output"
"""Where the output leaves; like the next values' primes, a name that no node can have."""

CIRCLE: Final = 26.0
"""Across the circle of an arithmetic sign."""


@dataclass(frozen=True)
class Box:
    """One thing to place: its text and its colours; `title` is what it tells when it is pointed at.

    `nodes` are the nodes, or the state, that it draws.
    """

    name: str
    title: str
    lines: tuple[Text, ...]
    fill: str
    border: str
    outline: str = "box"
    nodes: tuple[str, ...] = ()

    @property
    def width(self) -> float:
        return CIRCLE if self.outline == "circle" else max(line.width for line in self.lines) + 20

    @property
    def height(self) -> float:
        return CIRCLE if self.outline == "circle" else sum(line.height for line in self.lines) + 9


@dataclass(frozen=True)
class Rows:
    """What enters the cell, its shapes, and what leaves it."""

    first: tuple[Box, ...]
    middle: tuple[Box, ...]
    last: tuple[Box, ...]

    @property
    def all(self) -> tuple[Box, ...]:
        return (*self.first, *self.middle, *self.last)


def rows(cell: Cell) -> Rows:
    """All boxes of the cell's picture."""
    colours = {state: STATES[i % len(STATES)] for i, state in enumerate(cell.states)}
    return Rows(
        first=(_pill(INPUT, INPUT, DARK), *(_pill(state, state, colour) for state, colour in colours.items())),
        middle=tuple(_box(shape) for shape in shapes(cell)),
        last=(
            *(_pill(next_name(state), next_name(state), colour) for state, colour in colours.items()),
            _pill(OUTPUT, "output", DARK),
        ),
    )


def next_name(state: str) -> str:
    """What a state's next value is called."""
    return f"{state}′"


def _pill(name: str, label: str, colour: str) -> Box:
    return Box(name, name, wrapped(label, 13, bold=True, colour=WHITE), colour, colour, "pill", (name,))


def _box(shape: Shape) -> Box:
    fill, border = FILL[shape.kind]
    nodes = (shape.node, shape.linear) if shape.linear else (shape.node,)
    if shape.is_symbol:
        size = 15 if len(shape.formula) == 1 else 12
        return Box(shape.key, shape.node, (Text(shape.formula, size),), fill, border, "circle", nodes)
    lines = (
        *wrapped(shape.name, 13, bold=True),
        *wrapped(shape.formula, 12),
        *(line for remark in shape.remarks for line in wrapped(remark, 9, colour=QUIET)),
    )
    return Box(shape.key, shape.node, lines, fill, border, nodes=nodes)
