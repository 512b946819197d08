"""The conditions of a study: where they differ from what it was begun with, the part that differs is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsearch.cell import from_equations
from cellsearch.errors import CellError
from cellsearch.recurrence.custom import declare
from cellsearch.study.comparing.compare import compare
from cellsearch.study.conditions import changed
from tests.helpers.small_search import BUDGET, TASK


@pytest.mark.usefixtures("table_of_operations")
def test_a_cell_whose_operation_is_only_declared_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    declare("unheard", 1)
    cell = from_equations("own", "h_next = unheard(linear(x, h))", ["h"], "h_next")
    with pytest.raises(CellError, match="operation 'unheard' is not defined here; import the module that defines it"):
        compare([cell, "lstm"], TASK, study=tmp_path / "study", budget=BUDGET)
    assert not (tmp_path / "study").exists()


CELL = '{"schema": "cellsearch.cell/1", "name": "mine", "states": {"h": "h_next"}, "output": "h_next", "nodes": {%s}}'


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (3, 4, ("seed", "3", "4")),
        ("adding", None, ("seed", "'adding'", "not given")),
        ({"length": "8"}, {"length": "10"}, ("seed length", "'8'", "'10'")),
        ({}, {"length": "10"}, ("seed length", "not given", "'10'")),
        ({"a": {"b": [0.1, 0.5]}}, {"a": {"b": [0.1, 0.4]}}, ("seed a b", "[0.1, 0.5]", "[0.1, 0.4]")),
        (["one", "two"], ["one", "three"], ("seed 2", "'two'", "'three'")),
        (["one"], ["one", "two"], ("seed", "['one']", "['one', 'two']")),
        ("x" * 100 + "a", "x" * 100 + "b", ("seed", f"...{'x' * 58}a'", f"...{'x' * 58}b'")),
    ],
)
def test_the_part_that_differs_is_shown(before: object, now: object, expected: tuple[str, str, str]) -> None:
    assert changed("seed", before, now) == expected


def test_of_long_cells_the_place_of_the_difference_is_shown() -> None:
    mine = [CELL % ('"a": "tanh", ' * 10 + one + '"b": "sigmoid", ' * 10) for one in ("relu", "gelu")]
    name, before, now = changed("seeds", ["lstm", mine[0]], ["lstm", mine[1]])
    assert name == "seeds 2" and "relu" in before and "gelu" in now
    assert before != now and max(len(before), len(now)) <= 66
