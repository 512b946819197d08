"""Which cells a search may make, and how it changes them."""

from cellsearch.space.space import SearchSpace

__all__ = ["SearchSpace"]
