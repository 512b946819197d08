"""The cell: a recurrent step as an immutable graph. Needs networkx alone."""

from cellsearch.cell.canonical.family import family
from cellsearch.cell.canonical.identity import IDENTITY_VERSION, identity
from cellsearch.cell.cell import Cell
from cellsearch.cell.complexity import Complexity, complexity
from cellsearch.cell.file import from_json, load, save, to_json
from cellsearch.cell.node import Node
from cellsearch.cell.notation.equations import equations, from_equations
from cellsearch.cell.ops import INPUT, LINEAR, OPS, Op

__all__ = [
    "IDENTITY_VERSION",
    "INPUT",
    "LINEAR",
    "OPS",
    "Cell",
    "Complexity",
    "Node",
    "Op",
    "complexity",
    "equations",
    "family",
    "from_equations",
    "from_json",
    "identity",
    "load",
    "save",
    "to_json",
]
