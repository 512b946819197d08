"""What a search space is: the cells that a search starts from, how its edits change them, and where they stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from cellsearch.cell.cell import Cell
from cellsearch.cell.ops import is_known, nearest
from cellsearch.errors import CellError
from cellsearch.space.edits import EDITS, Edit

__all__ = ["SearchSpace"]


@dataclass(frozen=True)
class SearchSpace:
    """One search space, registered in the entry-point group `cellsearch.search_spaces`.

    `seeds` are its known cells by name and `sources` the publications they are from; `operations` the rows of the
    table that an edit may put into a cell; `most_nodes` and `most_states` bound a cell. `edits` are the space's ways to
    change a cell by kind, `sample` draws a random cell of the space where there is a way to, `cells` goes through all
    of them, each graph once, where they can be counted, and `admits` is a rule that its cells keep beyond operations
    and bounds. Raises CellError if a seed lies outside of the space.
    """

    name: str
    seeds: Mapping[str, Cell]
    operations: tuple[str, ...]
    most_nodes: int
    most_states: int
    sources: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, Edit] = field(default_factory=lambda: EDITS)
    sample: Callable[[Random], Cell] | None = None
    cells: Callable[[], Iterator[Cell]] | None = None
    admits: Callable[[Cell], bool] = field(default=lambda cell: True)

    def __post_init__(self) -> None:
        where = f"search space {self.name!r}"
        unknown = [op for op in self.operations if not is_known(op)]
        if unknown:
            raise CellError(f"{where}: unknown operation {unknown[0]!r}; use {nearest(unknown[0])}")
        if not self.edits:
            raise CellError(f"{where}: it has no edits; allow some of {', '.join(EDITS)}, or write one")
        for name, seed in self.seeds.items():
            if not self.contains(seed):
                raise CellError(f"{where}: seed {name!r} lies outside of it; widen the space")

    def contains(self, cell: Cell) -> bool:
        """Whether the cell keeps to the space's operations, bounds and rule."""
        small = len(cell.nodes) <= self.most_nodes and len(cell.states) <= self.most_states
        return small and all(node.op in self.operations for node in cell.nodes.values()) and self.admits(cell)
