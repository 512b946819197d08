"""What leads where in a cell's equations, and their order: plain walks, since a search takes them for every edit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush

from cellsearch.cell.node import Node

__all__ = ["in_order", "over_time", "reached", "readers", "within_step"]

Links = Mapping[str, Iterable[str]]
"""The names that each name leads to; one that leads nowhere may be left out."""


def within_step(nodes: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    """What each node reads."""
    return {name: node.operands for name, node in nodes.items()}


def over_time(nodes: Mapping[str, Node], states: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What each node reads, and each state from the step before."""
    return within_step(nodes) | {state: (following,) for state, following in states.items()}


def readers(links: Links) -> dict[str, list[str]]:
    """The links the other way round: who reads each name."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, read in links.items():
        for each in read:
            found[each].append(name)
    return found


def reached(start: str, links: Links) -> set[str]:
    """All names that the start leads to; the start itself only where a cycle leads back to it."""
    found: set[str] = set()
    new = [start]
    while new:
        for name in links.get(new.pop(), ()):
            if name not in found:
                found.add(name)
                new.append(name)
    return found


def in_order(nodes: Mapping[str, Node]) -> list[str]:
    """The nodes, operands before their users and otherwise as they come; those that a cycle holds up are left out."""
    names, number = list(nodes), {name: i for i, name in enumerate(nodes)}
    waiting = [0] * len(names)
    users: list[list[int]] = [[] for _ in names]
    for i, node in enumerate(nodes.values()):
        for operand in node.operands:
            if operand in number:
                users[number[operand]].append(i)
                waiting[i] += 1
    ready = [i for i, count in enumerate(waiting) if not count]
    heapify(ready)
    found = []
    while ready:
        i = heappop(ready)
        found.append(names[i])
        for user in users[i]:
            waiting[user] -= 1
            if not waiting[user]:
                heappush(ready, user)
    return found
