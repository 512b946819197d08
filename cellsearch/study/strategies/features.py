"""Numbers that describe a cell's graph, for models that predict how good it is.

Weisfeiler-Leman counts (Shervashidze et al. 2011, JMLR 12): how often each operation occurs, then each operation with
those of its operands, then with theirs. Ru et al. (2021, ICLR) predict the quality of architectures from such counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from cellsearch.cell import INPUT, Cell

__all__ = ["features"]

ROUNDS: Final = 3
"""How many operations a label sees through."""


@lru_cache(maxsize=10_000)
def features(cell: Cell) -> Mapping[str, int]:
    """How often each label is in the graph; a state's label is that of its next value."""
    labels = {INPUT: INPUT} | dict.fromkeys(cell.states, "state")
    labels |= {name: node.op for name, node in cell.nodes.items()}
    counts = Counter(labels.values())
    for _ in range(ROUNDS):
        labels = {name: _seen_from(cell, name, labels) for name in labels}
        counts.update(label for name, label in labels.items() if name != INPUT)
    return counts


def _seen_from(cell: Cell, name: str, labels: Mapping[str, str]) -> str:
    if name in cell.states:
        return f"state[{labels[cell.states[name]]}]"
    if name == INPUT:
        return INPUT
    node = cell.nodes[name]
    read = [labels[operand] for operand in node.operands]
    return f"{node.op}({','.join(sorted(read) if node.row.commutes else read)})"
