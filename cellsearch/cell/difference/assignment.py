"""The assignment problem: who gets what, so that the sum of all costs is as small as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["assignment"]

FAR: Final = 1 << 60
"""More than any sum of costs."""


def assignment(costs: Sequence[Sequence[int]]) -> tuple[int, list[int]]:
    """The smallest sum of one cost a row, no two in the same column, and each row's column.

    There are at least as many columns as rows. The rows join one after the other, each by the shortest path that
    moves earlier rows on to other columns; prices keep what is left of each cost at zero or more, so that the shortest
    path is found as Dijkstra's: Kuhn (1955), The Hungarian method for the assignment problem, as Edmonds & Karp (1972).
    """
    columns = len(costs[0]) if costs else 0
    owners = [-1] * columns
    row_prices, column_prices = [0] * len(costs), [0] * columns
    for row in range(len(costs)):
        _join(row, costs, owners, row_prices, column_prices)
    taken = [-1] * len(costs)
    for column, row in enumerate(owners):
        if row >= 0:
            taken[row] = column
    return sum(costs[row][column] for row, column in enumerate(taken)), taken


def _join(
    row: int, costs: Sequence[Sequence[int]], owners: list[int], row_prices: list[int], column_prices: list[int]
) -> None:
    """Give the row a column, moving others on where that is cheaper in all."""
    start = row
    distances, before = [FAR] * len(owners), [-1] * len(owners)
    left, passed = list(range(len(owners))), []
    at, length = -1, 0
    while True:
        cost, base = costs[row], length - row_prices[row]
        nearest, shortest = -1, FAR
        for column in left:
            through = base + cost[column] - column_prices[column]
            if through < distances[column]:
                distances[column], before[column] = through, at
            if distances[column] < shortest:
                nearest, shortest = column, distances[column]
        left.remove(nearest)
        at, length = nearest, shortest
        if owners[at] < 0:
            break
        passed.append(at)
        row = owners[at]
    row_prices[start] += length
    for column in passed:
        row_prices[owners[column]] += length - distances[column]
        column_prices[column] -= length - distances[column]
    while at >= 0:
        owners[at] = owners[before[at]] if before[at] >= 0 else start
        at = before[at]
