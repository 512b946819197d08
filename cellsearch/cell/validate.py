"""The rules of the graph, each with the message that names what broke it and the remedy."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Mapping
from typing import Final

import networkx as nx

from cellsearch.cell.node import Node
from cellsearch.cell.ops import INPUT, OPS, Op, is_known, nearest
from cellsearch.cell.reach import in_order, over_time, reached, readers, within_step
from cellsearch.cell.untrusted import short
from cellsearch.errors import CellError

__all__ = ["LARGEST_COUNT", "MOST_NODES", "NAME_LENGTH", "validate"]

MOST_NODES: Final = 512
"""Nodes of a cell, at most: a bound on what a foreign file can ask for."""

MOST_OPERANDS: Final = 64
"""Operands of a node, at most, where its operation takes any number."""

NAME_LENGTH: Final = 64
"""Characters of the name of a node or state, at most."""

LARGEST_COUNT: Final = 1024
"""The constant of an operation that counts (blocks, rank), at most."""

TITLE_LENGTH: Final = 200
"""Characters of a cell's own name, at most."""


def validate(name: str, nodes: Mapping[str, Node], states: Mapping[str, str], output: str) -> None:
    """Check every rule of the graph; raises CellError at the first that is broken.

    The cell's name is one line of text, the others are Python identifiers; operations are rows of the table with
    operands that exist, in a number that the row takes; there is no cycle within a step; each state has a next value;
    the input influences every node and the output, and every node and state influences the output, within the step or
    through later ones.
    """
    where = f"cell {short(name)}"
    _check_title(where, name)
    _check_size(where, nodes, states)
    for each in (*states, *nodes):
        _check_name(where, each)
    _check_sources(where, nodes, states)
    for each, node in nodes.items():
        _check_node(where, each, node, nodes, states)
    for state, following in states.items():
        if following not in nodes:
            raise CellError(
                f"{where}: state {state!r} has no next value: {short(following)} is no operation of the cell; "
                f"name one of {_some(nodes)}"
            )
    if output not in nodes:
        raise CellError(f"{where}: output {short(output)} is no operation of the cell; name one of {_some(nodes)}")
    _check_acyclic(where, nodes)
    _check_reach(where, nodes, states, output)


def _check_title(where: str, name: object) -> None:
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= TITLE_LENGTH:
        raise CellError(f"{where}: no name for a cell; use 1 to {TITLE_LENGTH} printable characters")


def _check_size(where: str, nodes: Mapping[str, Node], states: Mapping[str, str]) -> None:
    if not nodes:
        raise CellError(f"{where} has no nodes; a cell needs at least one operation")
    if not states:
        raise CellError(f"{where} has no state, so that it is not recurrent; add one with its next value")
    if len(nodes) + len(states) > MOST_NODES:
        raise CellError(f"{where} has {len(nodes)} nodes and {len(states)} states; {MOST_NODES} together is the limit")


def _check_name(where: str, name: object) -> None:
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise CellError(
            f"{where}: {short(name)} is no name for a node; use letters, digits and _, not a Python keyword"
        )
    if name.startswith("_") or len(name) > NAME_LENGTH:
        raise CellError(
            f"{where}: {short(name)} is no name for a node; begin with a letter and use at most "
            f"{NAME_LENGTH} characters"
        )


def _check_sources(where: str, nodes: Mapping[str, Node], states: Mapping[str, str]) -> None:
    if INPUT in nodes or INPUT in states:
        raise CellError(f"{where}: {INPUT!r} is the input's name; rename the node or state")
    for state in states:
        if state in nodes:
            raise CellError(f"{where}: {state!r} is both a state and a node; rename one")


def _check_node(where: str, name: str, node: Node, nodes: Mapping[str, Node], states: Mapping[str, str]) -> None:
    if not is_known(node.op):
        raise CellError(
            f"{where}: node {name!r} has unknown operation {short(node.op)}; use {nearest(str(node.op))}, or "
            "import the module that defines it first, in a command by --space my_ops.py"
        )
    row = OPS[node.op]
    if not row.takes(len(node.operands)):
        raise CellError(
            f"{where}: node {name!r} ({node.op}) takes {row.arity()}, got {len(node.operands)}; "
            f"{'remove the rest' if node.operands else 'name what it computes from'}"
        )
    if len(node.operands) > MOST_OPERANDS:
        raise CellError(
            f"{where}: node {name!r} ({node.op}) has {len(node.operands)} operands; {MOST_OPERANDS} is the limit, "
            "sum several nodes instead"
        )
    for operand in node.operands:
        if operand != INPUT and operand not in nodes and operand not in states:
            raise CellError(
                f"{where}: node {name!r} ({node.op}) takes {short(operand)}, which does not exist; "
                f"use {INPUT!r}, a state or a node"
            )
    _check_numbers(f"{where}: node {name!r} ({node.op})", node, row)


def _check_numbers(where: str, node: Node, row: Op) -> None:
    if node.initial_bias and "bias" not in row.parameters:
        raise CellError(f"{where} has no learned bias; remove its initial bias")
    if not math.isfinite(node.initial_bias):
        raise CellError(f"{where} starts with bias {node.initial_bias}; use a finite one")
    if row.constant is None and node.constant != 1:
        raise CellError(f"{where} has no constant; remove its {short(node.constant)}")
    if not math.isfinite(node.constant):
        raise CellError(f"{where} has constant {node.constant}; use a finite one")
    if row.constant is int and not (node.constant == int(node.constant) and 1 <= node.constant <= LARGEST_COUNT):
        raise CellError(f"{where} has constant {node.constant}; use a whole number from 1 to {LARGEST_COUNT}")


def _check_acyclic(where: str, nodes: Mapping[str, Node]) -> None:
    if len(in_order(nodes)) == len(nodes):
        return
    step = nx.DiGraph([(name, reader) for name, found in readers(within_step(nodes)).items() for reader in found])
    cycle = [edge[0] for edge in nx.find_cycle(step)]
    path = [*cycle, cycle[0]] if len(cycle) <= 8 else [*cycle[:8], "..."]
    raise CellError(
        f"{where}: nodes {' -> '.join(path)} form a cycle within one step; let one of them read a state instead"
    )


def _check_reach(where: str, nodes: Mapping[str, Node], states: Mapping[str, str], output: str) -> None:
    links = over_time(nodes, states)
    influenced = reached(INPUT, readers(links))
    if output not in influenced:
        raise CellError(f"{where}: output {output!r} depends on no input; let it or its operands read {INPUT!r}")
    useful = reached(output, links) | {output}
    for kind, names in (("node", nodes), ("state", states)):
        for name in names:
            if name in useful and name in influenced:
                continue
            label = f"{kind} {name!r}" + (f" ({nodes[name].op})" if kind == "node" else "")
            if name not in useful:
                raise CellError(f"{where}: {label} is dead, the output never depends on it; remove or use it")
            raise CellError(
                f"{where}: {label} is unreachable, the input never influences it; remove it or let it read {INPUT!r}"
            )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:8]) + (", ..." if len(listed) > 8 else "")
