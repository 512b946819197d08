"""Canonical labelling of a coloured graph: an order of its nodes that depends on nothing but its structure.

Colour refinement (Weisfeiler & Leman 1968) tells nodes apart by their neighbours'; where it leaves several alike,
each choice is tried and the smallest text wins, so that the answer is exact (individualisation and refinement: McKay
1981). Choices that an automorphism found before maps to one another are tried once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

__all__ = ["MOST_RECOLOURINGS", "labelled"]

MOST_RECOLOURINGS: Final = 3_000_000
"""Nodes recoloured in one search, some seconds. After these the smallest text so far is taken: the same for the same
cell, but for a graph so contrived no longer sure to be the same under other names."""

Text = Callable[[Sequence[int]], str]
Labelled = tuple[str, list[int]]


def labelled(labels: Sequence[Any], edges: Sequence[Sequence[tuple[str, int]]], text: Text) -> Labelled:
    """The smallest text of the graph, and the rank of each node that gives it.

    `labels` are what is known of each node, comparable with one another; `edges` are the (kind, other end) of all
    edges of a node in both directions; `text` writes the graph from distinct ranks.
    """
    return _LabelSearch(edges, text).best(labels)


class _LabelSearch:
    def __init__(self, edges: Sequence[Sequence[tuple[str, int]]], text: Text) -> None:
        kinds = {kind: i for i, kind in enumerate(sorted({kind for each in edges for kind, _ in each}))}
        self.size = len(edges)
        # One number for kind and colour: colours are smaller than the number of nodes.
        self.edges = [[(kinds[kind] * self.size, other) for kind, other in each] for each in edges]
        self.text = text
        self.left = MOST_RECOLOURINGS
        self.automorphisms: list[list[int]] = []

    def best(self, labels: Sequence[Any]) -> Labelled:
        """The smallest text and its ranks, from comparable labels."""
        order = {label: rank for rank, label in enumerate(sorted(set(labels)))}
        return self._smallest(self._refined([order[label] for label in labels]), ())[0]

    def _smallest(self, colours: list[int], chosen: tuple[int, ...]) -> tuple[Labelled, Labelled]:
        """The smallest text, and the one that taking always the first choice leads to."""
        alike = self._alike(colours)
        if not alike:
            leaf = self.text(colours), colours
            return leaf, leaf
        tried = [alike[0]]
        smallest, first = self._smallest(self._chosen(colours, alike[0]), (*chosen, alike[0]))
        for one in alike[1:]:
            if self.left <= 0 or self._seen(one, tried, chosen):
                continue
            text, ranks = self._first(self._chosen(colours, one))
            if text == first[0]:
                place = {rank: node for node, rank in enumerate(ranks)}
                self.automorphisms.append([place[rank] for rank in first[1]])
                continue
            tried.append(one)
            smallest = min(smallest, self._smallest(self._chosen(colours, one), (*chosen, one))[0])
        return smallest, first

    def _first(self, colours: list[int]) -> Labelled:
        while alike := self._alike(colours):
            colours = self._chosen(colours, alike[0])
        return self.text(colours), colours

    def _chosen(self, colours: list[int], one: int) -> list[int]:
        """The colours with one node before all others of its colour, refined."""
        order = {key: rank for rank, key in enumerate(sorted({(c, n != one) for n, c in enumerate(colours)}))}
        return self._refined([order[colour, node != one] for node, colour in enumerate(colours)])

    def _seen(self, one: int, tried: list[int], chosen: tuple[int, ...]) -> bool:
        """Whether automorphisms that leave all chosen nodes in place lead from `one` to a node that was tried."""
        keeping = [a for a in self.automorphisms if all(a[node] == node for node in chosen)]
        orbit, new = {one}, [one]
        while new:
            node = new.pop()
            images = {automorphism[node] for automorphism in keeping} - orbit
            orbit |= images
            new.extend(images)
        return not orbit.isdisjoint(tried)

    def _refined(self, colours: list[int]) -> list[int]:
        count = len(set(colours))
        while count < self.size:
            self.left -= self.size
            keys = [
                (colour, tuple(sorted([kind + colours[other] for kind, other in self.edges[node]])))
                for node, colour in enumerate(colours)
            ]
            order = {key: rank for rank, key in enumerate(sorted(set(keys)))}
            colours = [order[key] for key in keys]
            if len(order) == count:
                break
            count = len(order)
        return colours

    def _alike(self, colours: list[int]) -> list[int]:
        """The nodes of the first smallest colour that several share; none if all are told apart."""
        if len(set(colours)) == self.size:
            return []
        classes: dict[int, list[int]] = defaultdict(list)
        for node, colour in enumerate(colours):
            classes[colour].append(node)
        return min((c for c in classes.items() if len(c[1]) > 1), key=lambda c: (len(c[1]), c[0]))[1]
