"""The public face: `cellsearch` offers exactly the names that it lists, each loaded when it is first used."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import cellsearch

PUBLIC = [
    "RNN",
    "Budget",
    "Cell",
    "CellsearchError",
    "Comparison",
    "Evaluation",
    "Hyperparameters",
    "Node",
    "Resources",
    "SearchSpace",
    "Study",
    "compare",
    "complexity",
    "crossover",
    "diff",
    "distance",
    "equations",
    "evaluate",
    "export",
    "find_cell",
    "from_darts",
    "from_enas",
    "from_equations",
    "from_nasbench_nlp",
    "identity",
    "import_cell",
    "load",
    "load_comparison",
    "load_study",
    "load_torch",
    "op",
    "profile",
    "save",
    "save_picture",
    "search",
    "seed",
    "to_torch",
    "trace",
]
"""What a user may rely on: a name is added here on purpose, and taken away with a new version only."""


def test_the_public_names_are_these() -> None:
    assert cellsearch.__all__ == PUBLIC


def test_no_module_hides_a_name() -> None:
    """A package called like a function would take its place as soon as somebody imports it."""
    assert {module.name for module in pkgutil.iter_modules(cellsearch.__path__)} & set(cellsearch.__all__) == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'cellsearch' has no attribute 'serach'"):
        cellsearch.serach  # noqa: B018


def test_every_module_lists_what_it_exports_and_has_it() -> None:
    for module in pkgutil.walk_packages(cellsearch.__path__, "cellsearch."):
        loaded = importlib.import_module(module.name)
        for name in getattr(loaded, "__all__", []):
            assert hasattr(loaded, name), f"{module.name} lists {name!r}"
        assert loaded.__doc__, f"{module.name} says what it is"
