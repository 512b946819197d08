"""Alignment: which node of one cell plays the part of which node of another, and what the rest costs.

A cell is compared as a graph whose edges lead from operands to nodes, from next values to states, and from one node to
the output. The cost of an alignment is counted in halves, so that it stays whole: 1 for a node without partner or with
another operation or order of operands; 1/2 for another initial bias or constant, for a state without partner, and for
each edge of either cell that has none. No pair costs more than its two parts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final

from cellsearch.cell.difference.assignment import assignment
from cellsearch.cell.difference.isomorphism import NumberedCell, isomorphism, surroundings

__all__ = ["NOBODY", "Alignment", "align", "label_cost", "relate"]

NOBODY: Final = -1

HALF: Final = 1
WHOLE: Final = 2
"""Costs, in halves."""


def _alone(cell: NumberedCell, i: int) -> int:
    """The cost of a node without partner and its edges, or of a state and the one that leads to it."""
    return WHOLE + HALF * len(cell.operands[i]) if i in cell.nodes else HALF + HALF


def _pair_cost(first: NumberedCell, i: int, second: NumberedCell, j: int, mapped: Sequence[int]) -> int:
    """The cost of a node aligned with another, given the partners of its operands."""
    theirs = second.operands[j]
    cost = label_cost(first, i, second, j)
    if tuple(mapped) == theirs:
        return cost
    rest = list(theirs)
    for operand in mapped:
        if operand in rest:
            rest.remove(operand)
    common = len(theirs) - len(rest)
    cost += HALF * (len(mapped) + len(theirs) - 2 * common)
    if first.ordered[i] and first.labels[i][0] == second.labels[j][0]:
        cost += WHOLE * (common > sum(a == b for a, b in zip(mapped, theirs, strict=False)))
    return cost


def label_cost(first: NumberedCell, i: int, second: NumberedCell, j: int) -> int:
    """The cost of the operation and numbers that differ."""
    (op, bias, constant), (other_op, other_bias, other_constant) = first.labels[i], second.labels[j]
    return WHOLE * (op != other_op) + HALF * (bias != other_bias) + HALF * (constant != other_constant)


class Alignment:
    """Partners between two cells; `partner` of the first's and `owner` of the second's, NOBODY where there is none."""

    def __init__(self, first: NumberedCell, second: NumberedCell, partner: list[int]) -> None:
        self.first, self.second = first, second
        self.partner = partner
        self.owner = [NOBODY] * len(second.names)
        for i, j in enumerate(partner):
            if j != NOBODY:
                self.owner[j] = i

    def cost(self) -> int:
        """What is not the same, in halves."""
        first, second = self.first, self.second
        cost = sum(self._cost_of(i) for i in range(1, len(first.names))) + self._output_cost()
        return cost + sum(_alone(second, j) for j in range(1, len(second.names)) if self.owner[j] == NOBODY)

    def improved(self) -> Alignment:
        """The alignment itself, after exchanges of partners until none makes it cheaper."""
        better = 1
        while better:
            better = sum(self._exchange(i, j) for i, j in self._proposals())
            better = better or sum(self._exchange(i, j) for i, j in self._all_pairs())
        return self

    def part_strangers(self) -> None:
        """Part nodes of different operation and name that read and are read by nothing in common."""
        for i in self.first.nodes:
            if (j := self.partner[i]) != NOBODY and self._are_strangers(i, j):
                self.partner[i], self.owner[j] = NOBODY, NOBODY

    def _are_strangers(self, i: int, j: int) -> bool:
        first, second, partner = self.first, self.second, self.partner
        if first.labels[i][0] == second.labels[j][0] or first.names[i] == second.names[j]:
            return False
        shared = [o for o in first.operands[i] if partner[o] in second.operands[j]]
        shared += [u for u in first.users[i] if partner[u] in second.users[j]]
        shared += [s for s, n in first.following.items() if n == i and second.following.get(partner[s]) == j]
        return not shared and (i, j) != (first.output, second.output)

    def _proposals(self) -> Iterator[tuple[int, int]]:
        """Pairs that would let what is aligned read, be read, follow or come out alike."""
        first, second, partner = self.first, self.second, self.partner
        yield first.output, second.output
        for i in range(1, len(first.names)):
            j = partner[i]
            if j == NOBODY:
                continue
            if i in first.following:
                yield first.following[i], second.following[j]
            mine, theirs = first.operands[i], second.operands[j]
            images = [partner[o] for o in mine]
            yield from ((o, p) for o in mine if partner[o] not in theirs for p in theirs if p not in images)
            images = [partner[u] for u in first.users[i]]
            for user in first.users[i]:
                if partner[user] not in second.users[j]:
                    yield from ((user, v) for v in second.users[j] if v not in images)

    def _all_pairs(self) -> Iterator[tuple[int, int]]:
        for mine, theirs in ((self.first.states, self.second.states), (self.first.nodes, self.second.nodes)):
            yield from ((i, j) for i in mine if self._cost_of(i) for j in theirs)

    def _exchange(self, i: int, j: int) -> bool:
        """Make them partners if that makes the alignment cheaper; who loses its partner gets the other's."""
        old, other = self.partner[i], self.owner[j]
        if old == j or (i in self.first.nodes) != (j in self.second.nodes) or 0 in (i, j):
            return False
        touched = self._touched(i) | (self._touched(other) if other != NOBODY else set())
        before = self._cost_of_part(touched, (j, old))
        self._pair(i, j, other, old)
        if self._cost_of_part(touched, (j, old)) < before:
            return True
        self._pair(i, old, other, j)
        return False

    def _pair(self, i: int, j: int, other: int, old: int) -> None:
        self.partner[i] = j
        if j != NOBODY:
            self.owner[j] = i
        if other != NOBODY:
            self.partner[other] = old
        if old != NOBODY:
            self.owner[old] = other

    def _touched(self, i: int) -> set[int]:
        return {i, *self.first.users[i], *(s for s, n in self.first.following.items() if n == i)}

    def _cost_of_part(self, touched: set[int], theirs: tuple[int, int]) -> int:
        cost = sum(self._cost_of(i) for i in touched) + self._output_cost()
        return cost + sum(_alone(self.second, j) for j in theirs if j != NOBODY and self.owner[j] == NOBODY)

    def _cost_of(self, i: int) -> int:
        j = self.partner[i]
        if j == NOBODY:
            return _alone(self.first, i)
        if i in self.first.following:
            return WHOLE * (self.partner[self.first.following[i]] != self.second.following[j])
        return _pair_cost(self.first, i, self.second, j, [self.partner[o] for o in self.first.operands[i]])

    def _output_cost(self) -> int:
        return WHOLE * (self.partner[self.first.output] != self.second.output)


def align(first: NumberedCell, second: NumberedCell) -> Alignment:
    """A cheap alignment: the assignment of alike surroundings (Riesen & Bunke 2009), improved by exchanges."""
    return Alignment(first, second, _assigned(first, second, by_name=False)).improved()


def relate(first: NumberedCell, second: NumberedCell) -> Alignment:
    """A cheap alignment that begins with equal names, unless one that begins without them is cheaper.

    Cells that are the same graph align without cost, and nodes that share nothing are parted.
    """
    starts = (_assigned(first, second, by_name) for by_name in (True, False))
    best = min((Alignment(first, second, start).improved() for start in starts), key=Alignment.cost)
    if best.cost() and (same := isomorphism(first, second)):
        return Alignment(first, second, same)
    best.part_strangers()
    return best


def _assigned(first: NumberedCell, second: NumberedCell, by_name: bool) -> list[int]:
    """Partners by the surroundings of both, or by name and then these."""
    numbers: dict[Hashable, int] = {}
    mine, theirs = surroundings(first, numbers), surroundings(second, numbers)
    stranger = 2 + 2 * len(mine[0]) if by_name else 0

    def cost(i: int, j: int) -> int:
        unlike = sum(a != b for a, b in zip(mine[i], theirs[j], strict=True))
        return unlike + label_cost(first, i, second, j) + stranger * (first.names[i] != second.names[j])

    partner = [NOBODY] * len(first.names)
    partner[0] = 0
    for rows, columns in ((first.states, second.states), (first.nodes, second.nodes)):
        for i, j in _least(list(rows), list(columns), cost):
            partner[i] = j
    return partner


def _least(rows: list[int], columns: list[int], cost: Callable[[int, int], int]) -> Iterator[tuple[int, int]]:
    if len(rows) > len(columns):
        yield from ((i, j) for j, i in _least(columns, rows, lambda j, i: cost(i, j)))
        return
    _, taken = assignment([[cost(i, j) for j in columns] for i in rows])
    yield from ((i, columns[place]) for i, place in zip(rows, taken, strict=True))
