"""How far two cells are apart: the graph edit distance between their canonical forms.

An edit path turns one graph into the other. Its changes cost: 1 for a node added, removed or with another operation or
order of operands; 1/2 for another initial bias or constant, for a state added or removed, and for an edge added or
removed, where edges lead from operands to nodes, from next values to states and from one node to the output. So an
operand, a next value or an output that moves costs 1. Without partner, a node pays for its edges too.

This is a metric between cells as `identity` tells them apart: symmetric, zero for the same cell only, and the sum of
two distances is never less than the direct one. Canonical forms multiply out, so that an edit between sums and products
may lead further than the edit itself would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from cellsearch.cell.canonical.form import canonical
from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.cell.difference.alignment import NOBODY, Alignment, align, label_cost
from cellsearch.cell.difference.assignment import assignment
from cellsearch.cell.difference.isomorphism import NumberedCell

__all__ = ["Distance", "distance"]

SECONDS: Final = 1.0

ALONE: Final = {"state": 1, "node": 2}
"""Halves that a state or node without partner costs beside its edges."""

FORBIDDEN: Final = 1 << 20
"""The cost of a state that plays a node."""

Costs = list[list[int]]


@dataclass(frozen=True)
class Distance:
    """The distance, or where it is not `exact` a number that it is at most."""

    value: float
    exact: bool

    def __str__(self) -> str:
        return f"{self.value:g}" if self.exact else f"at most {self.value:g}"


def distance(first: Cell, second: Cell, seconds: float = SECONDS) -> Distance:
    """The edit distance if `seconds` of search can prove it, else the assignment bound (Riesen & Bunke 2009).

    Either number is the same wherever it is found; how soon a proof ends, and so which of them, depends on the machine.
    """
    expect_cell(first)
    expect_cell(second)
    deadline = perf_counter() + seconds
    one, other = sorted((canonical(first), canonical(second)), key=_size)
    if one == other:
        return Distance(0.0, exact=True)
    numbered = NumberedCell(one), NumberedCell(other)
    bound = align(*numbered)
    search = _BranchAndBound(*numbered, bound.cost(), deadline)
    exact = search.finish()
    return Distance((search.best if exact else bound.cost()) / 2, exact)


def _size(cell: Cell) -> tuple[int, str]:
    """Smaller cells first, in an order that depends on nothing but the cells."""
    return len(cell.nodes), str((list(cell.nodes.items()), list(cell.states.items()), cell.output))


class _OutOfTimeError(Exception):
    pass


@dataclass(frozen=True)
class _Partial:
    """Some pairs, their cost, and for those that are left what each pair costs beside them.

    `costs` holds a row for each of `rows` and a column for each of `columns`. `taken` is the cheapest assignment of
    them if edges among them are counted by their numbers, and `bound` what the whole costs with it at least.
    """

    pairs: tuple[tuple[int, int], ...]
    cost: int
    rows: list[int]
    columns: list[int]
    costs: Costs
    bound: int
    taken: list[int]


class _BranchAndBound:
    """Depth-first branch and bound over alignments of two graphs that dummies make equally large.

    Since a pair never costs more than its two parts alone, the best alignment pairs as many as it can: of the larger
    graph's nodes those that are left over get dummies as partners, and so do its states.
    """

    def __init__(self, first: NumberedCell, second: NumberedCell, best: int, deadline: float) -> None:
        self.first, self.second, self.best, self.deadline = first, second, best, deadline
        states = max(len(first.states), len(second.states))
        nodes = max(len(first.nodes), len(second.nodes))
        self.kinds = ["input", *["state"] * states, *["node"] * nodes, "output"]
        self.mine, self.theirs = (_padded(cell, states, nodes) for cell in (first, second))
        self.edges, self.their_edges = _edges(first, self.mine), _edges(second, self.theirs)

    def finish(self) -> bool:
        """Search to the end; `best` is then the distance. Whether the time was enough."""
        try:
            self._visit(self._root())
        except _OutOfTimeError:
            return False
        return True

    def _root(self) -> _Partial:
        """The input and the output have no choice."""
        fixed = (0, len(self.kinds) - 1)
        states = [i for i, kind in enumerate(self.kinds) if kind == "state"]
        rows = _inwards(self.edges, [*fixed, *states])
        columns = list(range(len(self.kinds)))
        costs = [[self._pair_cost(i, j) for j in columns] for i in rows]
        root = self._bounded((), 0, rows, columns, costs)
        for place in fixed:
            root = self._joined(root, root.columns.index(place))
        return root

    def _visit(self, partial: _Partial) -> None:
        whole = (*partial.pairs, *((i, partial.columns[j]) for i, j in zip(partial.rows, partial.taken, strict=True)))
        self.best = min(self.best, self._cost(whole))
        if partial.bound >= self.best or not partial.rows:
            return
        children = [self._joined(partial, column) for column in self._choices(partial)]
        for child in sorted(children, key=lambda child: child.bound):
            if child.bound < self.best:
                self._visit(child)

    def _choices(self, partial: _Partial) -> list[int]:
        """Columns for the first row; of dummies one is as good as another."""
        choices, dummies = [], 0
        for column, j in enumerate(partial.columns):
            if partial.cost + partial.costs[0][column] < self.best:
                dummies += self.theirs[j] == NOBODY
                if self.theirs[j] != NOBODY or dummies == 1:
                    choices.append(column)
        return choices

    def _joined(self, partial: _Partial, column: int) -> _Partial:
        """The partial alignment with one more pair, of its first row."""
        i, j = partial.rows[0], partial.columns[column]
        rows = partial.rows[1:]
        columns = partial.columns[:column] + partial.columns[column + 1 :]
        into, out = self.their_edges[j], [line[j] for line in self.their_edges]
        theirs = [(into[b], out[b]) for b in columns]
        costs = []
        for a, line in zip(rows, partial.costs[1:], strict=True):
            left = line[:column] + line[column + 1 :]
            to, back = self.edges[i][a], self.edges[a][i]
            costs.append([c + abs(to - t) + abs(back - b) for c, (t, b) in zip(left, theirs, strict=True)])
        return self._bounded((*partial.pairs, (i, j)), partial.cost + partial.costs[0][column], rows, columns, costs)

    def _bounded(
        self, pairs: tuple[tuple[int, int], ...], cost: int, rows: list[int], columns: list[int], costs: Costs
    ) -> _Partial:
        """Edges among what is left cost no less than the numbers of them that differ, at either of their ends."""
        if perf_counter() > self.deadline:
            raise _OutOfTimeError
        ins, outs = _degrees(self.edges, rows)
        their_ins, their_outs = _degrees(self.their_edges, columns)
        theirs = list(zip(their_ins, their_outs, strict=True))
        doubled = [
            [2 * c + abs(into - i) + abs(out - o) for c, (i, o) in zip(line, theirs, strict=True)]
            for line, into, out in zip(costs, ins, outs, strict=True)
        ]
        least, taken = assignment(doubled)
        return _Partial(pairs, cost, rows, columns, costs, cost + (least + 1) // 2, taken)

    def _pair_cost(self, i: int, j: int) -> int:
        """The cost of two places' partners without their edges."""
        if self.kinds[i] != self.kinds[j]:
            return FORBIDDEN
        mine, theirs = self.mine[i], self.theirs[j]
        if mine == NOBODY or theirs == NOBODY:
            return ALONE[self.kinds[i]]
        return label_cost(self.first, mine, self.second, theirs) if self.kinds[i] == "node" else 0

    def _cost(self, pairs: Sequence[tuple[int, int]]) -> int:
        partner = [NOBODY] * len(self.first.names)
        for i, j in pairs:
            if self.kinds[i] != "output" and self.mine[i] != NOBODY:
                partner[self.mine[i]] = self.theirs[j]
        return Alignment(self.first, self.second, partner).cost()


def _padded(cell: NumberedCell, states: int, nodes: int) -> list[int]:
    """The input, states, nodes and output in this order, with dummies up to these numbers."""
    dummies = [NOBODY] * (states - len(cell.states)), [NOBODY] * (nodes - len(cell.nodes))
    return [0, *cell.states, *dummies[0], *cell.nodes, *dummies[1], len(cell.names)]


def _edges(cell: NumberedCell, places: Sequence[int]) -> list[list[int]]:
    """How many edges lead from each place to each."""
    place = {i: at for at, i in enumerate(places) if i != NOBODY}
    edges = [[0] * len(places) for _ in places]
    for i in cell.nodes:
        for operand in cell.operands[i]:
            edges[place[operand]][place[i]] += 1
    for state, following in cell.following.items():
        edges[place[following]][place[state]] += 1
    edges[place[cell.output]][-1] = 1
    return edges


def _inwards(edges: Sequence[Sequence[int]], first: Sequence[int]) -> list[int]:
    """These places, then what leads to them, then what leads there, so that edges are decided early."""
    order = list(first)
    for j in order:
        order += [i for i in range(len(edges)) if edges[i][j] and i not in order]
    return order + [i for i in range(len(edges)) if i not in order]


def _degrees(edges: Sequence[Sequence[int]], among: Sequence[int]) -> tuple[list[int], list[int]]:
    """The numbers of edges into and out of each place, counted among these places only."""
    outs = [sum([edges[i][j] for j in among]) for i in among]
    ins = [sum([edges[j][i] for j in among]) for i in among]
    return ins, outs
