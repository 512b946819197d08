"""Random cells: the one place that tests draw them from. Needs hypothesis, as no other file of this folder does."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
from hypothesis import strategies as st

from cellsearch.cell import INPUT, LINEAR, OPS, Cell, Node

__all__ = ["cells"]

MOST_OPERANDS = 4
STEMS = ("n", "a", "y", "g", "v", "f", "weight", "bias", "steps", "torch", "add", "out")
"""Beginnings of node names, those among them that generated code might mistake for its own."""

DECIDING = ("is_positive", "where")
"""Operations whose value jumps, and so differs between two ways to compute it wherever rounding decides. They have
examples of their own instead of random cells."""

OPERATIONS = tuple(op for op in OPS if op not in DECIDING)
"""The table as it is before a test adds operations of its own."""

CONSTANTS: dict[type[float] | None, tuple[float, ...]] = {None: (1.0,), float: (0.5, -1.0, 2.0), int: (1.0, 2.0, 3.0)}
"""Constants of a node, by the kind that its operation has."""


@st.composite
def cells(draw: st.DrawFn, most_nodes: int = 12, most_states: int = 3) -> Cell:
    """Valid cells over the table of operations, with 1 to `most_states` states and about 1 to `most_nodes` nodes.

    A random graph is drawn; what the input never influences is then led to the input, what the output never depends
    on is dropped, and a graph left without a state gets one.
    """
    states = [f"h{i}" for i in range(draw(st.integers(1, most_states)))]
    stem = draw(st.sampled_from(STEMS))
    nodes: dict[str, Node] = {}
    unused = [*states, INPUT]
    for name in draw(_names(stem, most_nodes)):
        nodes[name] = _defined(name, draw(_nodes([INPUT, *states, *nodes], unused)), nodes)
        unused = [value for value in unused if value not in nodes[name].operands] + [name]
    # The output is the last node and states remember what nobody uses yet, so that little is dropped.
    loose = [name for name in unused if name in nodes]
    following = {state: draw(st.one_of(st.sampled_from(loose), st.sampled_from([*nodes]))) for state in states}
    return Cell("random", *_repaired(nodes, following, output=list(nodes)[-1]))


def _names(stem: str, most: int) -> st.SearchStrategy[list[str]]:
    names = [f"{stem}{i}" for i in range(most)]
    return st.sampled_from(range(1, most + 1)).map(lambda count: names[:count])


@st.composite
def _nodes(draw: st.DrawFn, values: list[str], unused: list[str]) -> Node:
    # Linears are what plans differ in, so that half of the nodes are some.
    op = draw(st.one_of(st.just(LINEAR), st.sampled_from(OPERATIONS)))
    row = OPS[op]
    count = draw(st.integers(row.least, MOST_OPERANDS if row.most is None else row.most))
    operand = st.one_of(st.sampled_from(values), st.sampled_from(unused))
    bias = draw(st.sampled_from((0.0, 1.0, -0.5))) if "bias" in row.parameters else 0.0
    constant = draw(st.sampled_from(CONSTANTS[row.constant]))
    return Node(op, tuple(draw(operand) for _ in range(count)), bias, constant)


def _defined(name: str, node: Node, nodes: dict[str, Node]) -> Node:
    """The node; of 1 plus a sigmoid, where its operation is not defined everywhere."""
    if not node.row.domain:
        return node
    nodes[f"{name}_gate"] = Node("sigmoid", node.operands)
    nodes[f"{name}_suits"] = Node("plus_constant", (f"{name}_gate",), constant=1.0)
    return replace(node, operands=(f"{name}_suits", *node.operands[1:]))


def _repaired(
    nodes: dict[str, Node], states: dict[str, str], output: str
) -> tuple[dict[str, Node], dict[str, str], str]:
    while True:
        graph = _over_time(nodes, states)
        useful = nx.ancestors(graph, output) | {output}
        nodes = {name: node for name, node in nodes.items() if name in useful}
        states = {state: following for state, following in states.items() if state in useful}
        influenced = nx.descendants(graph, INPUT)
        aloof = [name for name in nodes if name not in influenced]
        if not aloof:
            break
        node = nodes[aloof[0]]
        nodes[aloof[0]] = replace(node, operands=(INPUT, *node.operands[1:]))
    if states:
        return nodes, states, output
    return nodes | {"remembering": Node(LINEAR, (output, "h"))}, {"h": "remembering"}, "remembering"


def _over_time(nodes: dict[str, Node], states: dict[str, str]) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from([INPUT, *states, *nodes])
    graph.add_edges_from((operand, name) for name, node in nodes.items() for operand in node.operands)
    graph.add_edges_from((following, state) for state, following in states.items())
    return graph
