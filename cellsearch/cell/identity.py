"""Which cells are the same: one text and one hash for a graph, whatever its nodes and states are called.

Two cells are the same if some renaming of nodes and states turns one into the other, up to the order of operands of
operations that commute. Colour refinement (Weisfeiler & Leman 1968) on the graph with its next-value edges tells
nodes apart by structure; where it leaves several alike, each choice is tried and the smallest text wins, so that the
answer is exact, not probabilistic (individualisation and refinement: McKay 1981).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping

from cellsearch.cell.cell import Cell, Node
from cellsearch.cell.ops import INPUT, OPS

__all__ = ["canonical_text", "identity"]

Colours = dict[str, int]


def identity(cell: Cell) -> str:
    """A stable hash of the cell's graph: 16 hexadecimal digits, equal for the same graph up to names."""
    return hashlib.sha256(canonical_text(cell).encode()).hexdigest()[:16]


def canonical_text(cell: Cell) -> str:
    """The cell written with numbers for names, equal for the same graph up to names."""
    names = [*cell.sources, *cell.nodes]
    neighbours = _neighbours(cell)
    start = _ranks({name: _label(cell, name) for name in names})
    return _smallest(cell, neighbours, _refined(start, neighbours))


def _label(cell: Cell, name: str) -> tuple[object, ...]:
    if name == INPUT:
        return ("input",)
    if name in cell.states:
        return ("state",)
    node = cell.nodes[name]
    return ("node", node.op, _bias(node), name == cell.output)


def _neighbours(cell: Cell) -> Mapping[str, list[tuple[str, str]]]:
    """For each name the (kind of edge, other end) of all its edges, in both directions."""
    neighbours: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, node in cell.nodes.items():
        for position, operand in enumerate(node.operands):
            kind = "any" if OPS[node.op].commutes else str(position)
            neighbours[name].append((f"operand {kind}", operand))
            neighbours[operand].append((f"user {kind}", name))
    for state, following in cell.states.items():
        neighbours[state].append(("next", following))
        neighbours[following].append(("next of", state))
    return neighbours


def _ranks(keys: Mapping[str, tuple[object, ...]]) -> Colours:
    order = {key: rank for rank, key in enumerate(sorted(set(keys.values()), key=repr))}
    return {name: order[key] for name, key in keys.items()}


def _refined(colours: Colours, neighbours: Mapping[str, list[tuple[str, str]]]) -> Colours:
    while True:
        keys = {
            name: (colour, tuple(sorted((kind, colours[other]) for kind, other in neighbours[name])))
            for name, colour in colours.items()
        }
        order = {key: rank for rank, key in enumerate(sorted(set(keys.values())))}
        refined = {name: order[key] for name, key in keys.items()}
        if len(order) == len(set(colours.values())):
            return refined
        colours = refined


def _smallest(cell: Cell, neighbours: Mapping[str, list[tuple[str, str]]], colours: Colours) -> str:
    alike = _alike(colours)
    if not alike:
        return _text(cell, colours)
    # Members whose greedy texts agree are images of one another under a symmetry: one of them stands for all.
    branches: dict[str, Colours] = {}
    for one in alike:
        branch = _refined(_single_out(colours, one), neighbours)
        branches.setdefault(_greedy_text(cell, neighbours, branch), branch)
    return min(_smallest(cell, neighbours, branch) for branch in branches.values())


def _greedy_text(cell: Cell, neighbours: Mapping[str, list[tuple[str, str]]], colours: Colours) -> str:
    while alike := _alike(colours):
        colours = _refined(_single_out(colours, alike[0]), neighbours)
    return _text(cell, colours)


def _alike(colours: Colours) -> list[str]:
    """The names of the first smallest colour that several names share; empty if all are told apart."""
    classes: dict[int, list[str]] = defaultdict(list)
    for name, colour in colours.items():
        classes[colour].append(name)
    shared = [colour for colour, members in classes.items() if len(members) > 1]
    return classes[min(shared, key=lambda colour: (len(classes[colour]), colour))] if shared else []


def _single_out(colours: Colours, name: str) -> Colours:
    return {other: 2 * colour + (other != name) for other, colour in colours.items()}


def _text(cell: Cell, colours: Colours) -> str:
    number = {name: str(rank) for rank, name in enumerate(sorted(colours, key=colours.__getitem__))}
    lines = [f"output {number[cell.output]}"]
    lines += sorted(f"state {number[state]} next {number[n]}" for state, n in cell.states.items())
    for name, node in cell.nodes.items():
        operands = [number[operand] for operand in node.operands]
        operands = sorted(operands) if OPS[node.op].commutes else operands
        lines.append(f"{number[name]} = {node.op} {' '.join(operands)} {_bias(node) or ''}")
    return "\n".join(sorted(lines))


def _bias(node: Node) -> float:
    """The initial bias such that 1 and 1.0, and 0 and -0.0, are written the same."""
    return float(node.initial_bias) or 0.0
