"""The public face: `cellsearch` offers what type checkers are told, each name loaded when it is first used."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

import cellsearch
from cellsearch.errors import CellsearchError
from cellsearch_search_spaces.gated import SPACE


def told_to_type_checkers() -> dict[str, str]:
    """Each public name and the module that it is imported from, where only type checkers read."""
    tree = ast.parse(Path(cellsearch.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(block.body)
    return {str(alias.asname): str(node.module) for node in imports for alias in node.names}


def test_type_checkers_are_told_what_is_loaded() -> None:
    assert told_to_type_checkers() == cellsearch._HOMES
    assert sorted(cellsearch._HOMES) == cellsearch.__all__


def test_every_name_is_loaded_from_where_it_lives() -> None:
    for name, module in told_to_type_checkers().items():
        assert getattr(cellsearch, name) is getattr(importlib.import_module(module), name)
    assert set(cellsearch.__all__) <= set(dir(cellsearch))


@pytest.mark.parametrize(
    "call",
    [
        lambda given: cellsearch.RNN(given, 3, 4),
        lambda given: cellsearch.complexity(given, 3, 4),
        lambda given: cellsearch.crossover(given, given, SPACE, Random(0)),
        lambda given: cellsearch.diff(given, given),
        lambda given: cellsearch.distance(given, given),
        lambda given: cellsearch.equations(given),
        lambda given: cellsearch.export(given, "never.py"),
        lambda given: cellsearch.family(given),
        lambda given: cellsearch.identity(given),
        lambda given: cellsearch.save(given, "never.json"),
        lambda given: cellsearch.save_picture(given, "never.png"),
    ],
)
def test_every_function_of_a_cell_says_so_where_a_name_is_given(call: Callable[[Any], Any]) -> None:
    with pytest.raises(CellsearchError, match=r"a Cell is expected, got 'lstm'; cellsearch.find_cell\('lstm'\) finds"):
        call("lstm")


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
