"""The usual forms of LSTM and GRU: a claim against either has to hold against the better one.

The LSTM starts its forget gate with a bias of 1 (Jozefowicz et al. 2015) or, as torch does, of 0; the GRU applies its
reset gate after the recurrent product, as torch does, or before it (Cho et al. 2014).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cellsearch import plugins
from cellsearch.cell import Cell, identity

__all__ = ["BASELINES", "baseline_of", "forms"]

BASELINES: Final = ("lstm", "gru")
"""Cells that every search trains, and against which every final table holds its candidates."""

FORMS: Final[Mapping[str, Mapping[str, str]]] = {
    "lstm": {"lstm": "lstm", "lstm_forget_bias_0": "greff_np"},
    "gru": {"gru": "gru", "gru_reset_before": "gru_reset_before"},
}
"""By baseline the names of its forms, and the seed cell that each is."""


def forms(cell: Cell) -> list[Cell]:
    """The usual forms of a cell, itself first; it alone for all but the seeds `lstm` and `gru` under any name."""
    baseline = baseline_of(cell)
    known = FORMS[baseline] if baseline and identity(plugins.seed(baseline)) == identity(cell) else {}
    others = [plugins.seed(seed).renamed(name) for name, seed in known.items()]
    return [cell, *(other for other in others if identity(other) != identity(cell))]


def baseline_of(cell: Cell) -> str | None:
    """The baseline that a cell is one of the usual forms of, None for all others; its own name plays no part."""
    own = identity(cell)
    known = {identity(plugins.seed(seed)): name for name, seeds in FORMS.items() for seed in seeds.values()}
    return known.get(own)
