"""What a search space is: the cells that a search starts from, and how far its edits may take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellsearch.cell.cell import Cell
from cellsearch.cell.ops import OPS
from cellsearch.errors import CellError

__all__ = ["SearchSpace"]


@dataclass(frozen=True)
class SearchSpace:
    """One search space, registered in the entry-point group `cellsearch.search_spaces`.

    `seeds` are its known cells by name; `operations` the rows of the table that an edit may put into a cell;
    `most_nodes` and `most_states` bound a cell. Raises CellError if a seed lies outside of the space.
    """

    name: str
    seeds: Mapping[str, Cell]
    operations: tuple[str, ...]
    most_nodes: int
    most_states: int

    def __post_init__(self) -> None:
        unknown = [op for op in self.operations if op not in OPS]
        if unknown:
            raise CellError(f"search space {self.name!r}: unknown operation {unknown[0]!r}; use {', '.join(OPS)}")
        for name, seed in self.seeds.items():
            if not self.contains(seed):
                raise CellError(f"search space {self.name!r}: seed {name!r} lies outside of it; widen the space")

    def contains(self, cell: Cell) -> bool:
        """Whether the cell keeps to the space's operations and bounds."""
        small = len(cell.nodes) <= self.most_nodes and len(cell.states) <= self.most_states
        return small and all(node.op in self.operations for node in cell.nodes.values())
