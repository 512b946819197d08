"""Strategies: which cell to train next, given what was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from cellsearch.cell import Cell
from cellsearch.errors import UnknownNameError
from cellsearch.space import SearchSpace
from cellsearch.study.strategies.evolution import RegularizedEvolution
from cellsearch.study.strategies.interface import Strategy, new_proposal
from cellsearch.study.strategies.local_search import LocalSearch
from cellsearch.study.strategies.predictor import PredictorGuided
from cellsearch.study.strategies.random import RandomMutation, RandomSampling

__all__ = ["STRATEGIES", "Strategy", "make_strategy", "new_proposal"]

STRATEGIES: Final[dict[str, Callable[[Sequence[Cell], SearchSpace], Strategy]]] = {
    "evolution": RegularizedEvolution,
    "local": LocalSearch,
    "predictor": PredictorGuided,
    "random": RandomMutation,
    "sample": RandomSampling,
}
"""Strategy by name."""


def make_strategy(name: str, seeds: Sequence[Cell], space: SearchSpace) -> Strategy:
    """The strategy of that name. Raises UnknownNameError."""
    if name not in STRATEGIES:
        raise UnknownNameError(f"unknown strategy {name!r}; use {', '.join(STRATEGIES)}")
    return STRATEGIES[name](seeds, space)
