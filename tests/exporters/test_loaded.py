"""A file's text becomes a module for as long as it is used."""

import sys
from pathlib import Path

import pytest

from cellsearch.exporters.loaded import loaded


def test_the_module_knows_its_place_and_is_found_by_its_name_while_it_is_used(tmp_path: Path) -> None:
    with loaded("def here(): return __file__", tmp_path / "model.py") as module:
        assert module.here() == str(tmp_path / "model.py")
        assert sys.modules[module.__name__] is module
    assert module.__name__ not in sys.modules


def test_two_modules_of_one_place_are_apart_and_a_failing_one_leaves_nothing(tmp_path: Path) -> None:
    with loaded("a = 1", tmp_path / "model.py") as one, loaded("a = 2", tmp_path / "model.py") as other:
        assert (one.a, other.a) == (1, 2)
    with pytest.raises(ZeroDivisionError), loaded("1 / 0", tmp_path / "model.py"):
        pass
    assert not [name for name in sys.modules if name.startswith("cellsearch_exported_")]
