"""The assignment problem, against all permutations."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from cellsearch.cell.difference.assignment import assignment


@st.composite
def problems(draw: st.DrawFn) -> list[list[int]]:
    """1 to 4 rows and up to 5 columns of costs, some negative."""
    rows = draw(st.integers(1, 4))
    columns = draw(st.integers(rows, 5))
    return [[draw(st.integers(-5, 9)) for _ in range(columns)] for _ in range(rows)]


@given(problems())
def test_no_permutation_is_cheaper(costs: list[list[int]]) -> None:
    total, taken = assignment(costs)
    assert len(set(taken)) == len(costs)
    assert total == sum(costs[row][column] for row, column in enumerate(taken))
    ways = permutations(range(len(costs[0])), len(costs))
    assert total == min(sum(costs[row][column] for row, column in enumerate(way)) for way in ways)


def test_no_rows_cost_nothing() -> None:
    assert assignment([]) == (0, [])
