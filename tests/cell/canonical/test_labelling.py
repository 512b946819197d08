"""Labelling: one text for a coloured graph however its nodes are numbered, another one for any other graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, permutations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsearch.cell.canonical.labelling import labelled

Edge = tuple[int, int]
Graph = tuple[list[int], list[Edge]]
"""Colours of the nodes, and edges from node to node."""


@st.composite
def graphs(draw: st.DrawFn, most: int) -> Graph:
    """Graphs of few colours and any density, so that many of their nodes look alike."""
    size = draw(st.integers(1, most))
    colours = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    pairs = list(product(range(size), repeat=2))
    return colours, sorted(draw(st.sets(st.sampled_from(pairs))))


def text_of(graph: Graph) -> str:
    return labelled_with_count(graph)[0]


def labelled_with_count(graph: Graph) -> tuple[str, list[int], int]:
    """The graph's text, the ranks that give it, and how many texts were written for it."""
    colours, edges = graph
    around: list[list[tuple[str, int]]] = [[] for _ in colours]
    for one, other in edges:
        around[one].append(("out", other))
        around[other].append(("in", one))
    written = 0

    def text(ranks: Sequence[int]) -> str:
        nonlocal written
        written += 1
        return text_with(graph, ranks)

    found, ranks = labelled(colours, around, text)
    return found, ranks, written


def text_with(graph: Graph, ranks: Sequence[int]) -> str:
    colours, edges = graph
    return f"{sorted(zip(ranks, colours, strict=True))} {sorted((ranks[a], ranks[b]) for a, b in edges)}"


def renumbered(graph: Graph, order: Sequence[int]) -> Graph:
    """Node i becomes node order[i]."""
    colours, edges = graph
    return [colours[order.index(i)] for i in range(len(colours))], sorted((order[a], order[b]) for a, b in edges)


@given(graphs(most=9), st.randoms(use_true_random=False))
def test_the_text_does_not_depend_on_the_numbers_of_the_nodes(graph: Graph, draw: Random) -> None:
    order = draw.sample(range(len(graph[0])), len(graph[0]))
    assert text_of(renumbered(graph, order)) == text_of(graph)


@given(graphs(most=9))
def test_the_ranks_are_an_order_that_gives_the_text(graph: Graph) -> None:
    text, ranks, _ = labelled_with_count(graph)
    assert sorted(ranks) == list(range(len(ranks)))
    assert text_with(graph, ranks) == text


@given(graphs(most=9))
def test_smaller_labels_come_first(graph: Graph) -> None:
    colours, ranks = graph[0], labelled_with_count(graph)[1]
    assert [colour for _, colour in sorted(zip(ranks, colours, strict=True))] == sorted(colours)


@pytest.mark.parametrize("size", [2, 3])
def test_texts_are_equal_exactly_where_some_numbering_makes_the_graphs_equal(size: int) -> None:
    """Every graph of so many nodes, beside the smallest of its renumberings."""
    pairs = list(product(range(size), repeat=2))
    texts, smallest = [], []
    for bits in product([False, True], repeat=len(pairs)):
        graph: Graph = [0] * size, [pair for pair, bit in zip(pairs, bits, strict=True) if bit]
        texts.append(text_of(graph))
        smallest.append(min(text_with(graph, ranks) for ranks in permutations(range(size))))
    assert len(set(texts)) == len(set(smallest)) == len(set(zip(texts, smallest, strict=True)))


@given(graphs(most=5), st.data())
def test_a_graph_with_an_edge_moved_is_another_one_unless_some_numbering_makes_them_equal(
    graph: Graph, data: st.DataObject
) -> None:
    colours, edges = graph
    pairs = list(product(range(len(colours)), repeat=2))
    moved = sorted({*edges[1:], data.draw(st.sampled_from(pairs))})
    ways = permutations(range(len(colours)))
    same = any(renumbered(graph, way) == (colours, moved) for way in ways)
    assert (text_of((colours, moved)) == text_of(graph)) == same


def both_ways(edges: Iterable[Edge]) -> list[Edge]:
    return sorted({each for a, b in edges for each in ((a, b), (b, a))})


def circulant(size: int, steps: Iterable[int]) -> Graph:
    return [0] * size, both_ways((i, (i + step) % size) for i in range(size) for step in steps)


def of_squares(alike: Callable[[int, int], bool]) -> Graph:
    """The squares of a 4 x 4 board, an edge where the differences of their places are `alike`."""
    board = list(product(range(4), repeat=2))
    edges = [
        (i, j) for (i, (a, b)), (j, (c, d)) in combinations(enumerate(board), 2) if alike((a - c) % 4, (b - d) % 4)
    ]
    return [0] * 16, both_ways(edges)


ROOK = of_squares(lambda a, b: a == 0 or b == 0)
SHRIKHANDE = of_squares(lambda a, b: (a, b) in {(0, 1), (0, 3), (1, 0), (3, 0), (1, 1), (3, 3)})

PETERSEN: Graph = (
    [0] * 10,
    both_ways(edge for i in range(5) for edge in ((i, (i + 1) % 5), (i, i + 5), (i + 5, (i + 2) % 5 + 5))),
)

SYMMETRIC: dict[str, Graph] = {
    "no edges": ([0] * 40, []),
    "all edges": circulant(16, range(1, 16)),
    "ring": circulant(40, [1]),
    "ladder of rings": circulant(20, [1, 9]),
    "pairs": ([0] * 40, both_ways((2 * i, 2 * i + 1) for i in range(20))),
    "rings of three": ([0] * 30, both_ways((3 * i + j, 3 * i + (j + 1) % 3) for i in range(10) for j in range(3))),
    "hypercube": ([0] * 16, both_ways((i, i ^ 1 << bit) for i in range(16) for bit in range(4))),
    "two sides": ([0] * 20, both_ways(product(range(10), range(10, 20)))),
    "two rings of five, crossed": PETERSEN,
    "rook": ROOK,
    "Shrikhande": SHRIKHANDE,
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_a_symmetric_graph_has_one_text_and_few_are_written_for_it(name: str) -> None:
    """All orders of nodes that look alike would be 40! for a graph without edges."""
    graph = SYMMETRIC[name]
    text, _, written = labelled_with_count(graph)
    for seed in range(3):
        order = Random(seed).sample(range(len(graph[0])), len(graph[0]))
        assert text_of(renumbered(graph, order)) == text
    assert written <= len(graph[0]) ** 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (circulant(6, [1]), ([0] * 6, both_ways([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]))),
        (ROOK, SHRIKHANDE),
    ],
    ids=["a ring of six and two of three", "strongly regular graphs of the same numbers"],
)
def test_graphs_whose_nodes_all_look_alike_in_both_are_told_apart(one: Graph, other: Graph) -> None:
    assert text_of(one) != text_of(other)
