"""The cell: a recurrent step as an immutable graph. Needs networkx alone."""

from cellsearch.cell.cell import Cell, Node
from cellsearch.cell.complexity import Complexity, complexity
from cellsearch.cell.equations import equations, from_equations
from cellsearch.cell.file import from_json, load, save, to_json
from cellsearch.cell.identity import identity
from cellsearch.cell.ops import INPUT, LINEAR, OPS, Op
from cellsearch.cell.space import SearchSpace

__all__ = [
    "INPUT",
    "LINEAR",
    "OPS",
    "Cell",
    "Complexity",
    "Node",
    "Op",
    "SearchSpace",
    "complexity",
    "equations",
    "from_equations",
    "from_json",
    "identity",
    "load",
    "save",
    "to_json",
]
