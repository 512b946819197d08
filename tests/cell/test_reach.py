"""Walks over a cell's equations, held against NetworkX on random cells."""

from __future__ import annotations

import networkx as nx
from hypothesis import given

from cellsearch.cell import INPUT, Cell, Node
from cellsearch.cell.reach import in_order, over_time, reached, readers, within_step
from cellsearch.testing.cells import cells


@given(cells())
def test_what_a_value_comes_from_and_leads_to_is_what_networkx_says(cell: Cell) -> None:
    links = over_time(cell.nodes, cell.states)
    graph = nx.DiGraph([(operand, name) for name, read in links.items() for operand in read])
    for name in (INPUT, *cell.states, *cell.nodes):
        assert reached(name, links) - {name} == nx.ancestors(graph, name)
        assert reached(name, readers(links)) - {name} == nx.descendants(graph, name)


@given(cells())
def test_operands_come_first_and_otherwise_the_order_stays(cell: Cell) -> None:
    graph = nx.DiGraph([(o, name) for name, read in within_step(cell.nodes).items() for o in read])
    place = {name: i for i, name in enumerate((*cell.sources, *cell.nodes))}
    sorted_names = nx.lexicographical_topological_sort(graph, place.__getitem__)
    assert in_order(cell.nodes) == [name for name in sorted_names if name in cell.nodes]


def test_what_a_cycle_holds_up_has_no_place() -> None:
    nodes = {
        "a": Node("sum", ("x", "b")),
        "b": Node("tanh", ("a",)),
        "c": Node("tanh", ("x",)),
        "d": Node("tanh", ("b",)),
    }
    assert in_order(nodes) == ["c"]
    assert reached("a", within_step(nodes)) == {"x", "a", "b"}
