"""The zoo: the recurrent cells of the literature, each a seed, in one space wide enough for what lies between them.

The RNN, LSTM and GRU themselves are the seeds of the space `gated`.
"""

from __future__ import annotations

from typing import Final

from cellsearch.space import SearchSpace

from . import zoo_greff, zoo_gru, zoo_linear, zoo_lstm, zoo_modern, zoo_plain, zoo_searched

__all__ = ["CELLS", "SPACE"]

CELLS: Final = {
    **zoo_lstm.CELLS,
    **zoo_greff.CELLS,
    **zoo_gru.CELLS,
    **zoo_searched.CELLS,
    **zoo_plain.CELLS,
    **zoo_linear.CELLS,
    **zoo_modern.CELLS,
}
"""Every cell of the zoo and the publication that it is from."""

SPACE = SearchSpace(
    name="zoo",
    seeds={cell.name: cell for cell in CELLS},
    sources={cell.name: source for cell, source in CELLS.items()},
    operations=tuple(dict.fromkeys(node.op for cell in CELLS for node in cell.nodes.values())),
    most_nodes=80,
    most_states=5,
)
