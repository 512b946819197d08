"""From NAS-Bench-NLP: a recipe of the benchmark becomes a cell that computes the same.

Klyuchnikov et al. (2020), NAS-Bench-NLP: neural architecture search benchmark for natural language processing. A recipe
maps each node to its operation and inputs, in any order:

{"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {"op": "activation_tanh", "input": ["f"]}}

`x` is the input, `h_prev_i` the value of state i, `h_new_i` its next value, which other nodes may read too;
`h_new_0` is the output.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import networkx as nx

from cellsearch.cell.cell import Cell
from cellsearch.cell.draft import Draft
from cellsearch.cell.node import Node
from cellsearch.cell.ops import INPUT, LINEAR, OPS
from cellsearch.cell.untrusted import expect, expect_keys, short
from cellsearch.cell.validate import MOST_NODES, MOST_OPERANDS, NAME_LENGTH
from cellsearch.errors import CellError

__all__ = ["from_nasbench_nlp"]

OPERATIONS: Final = {
    "linear": LINEAR,
    "elementwise_sum": "sum",
    "elementwise_prod": "product",
    "blend": "blend",
    "activation_tanh": "tanh",
    "activation_sigm": "sigmoid",
    "activation_leaky_relu": "leaky_relu",
}
"""Our operation by the recipe's."""

CHAINED: Final = ("elementwise_sum", "elementwise_prod")
"""Operations of a recipe that take any number of inputs, and of ours that take two."""

PREVIOUS: Final = ("h_prev_0", "h_prev_1", "h_prev_2")
NEW: Final = ("h_new_0", "h_new_1", "h_new_2")
"""A recipe's states and their next values."""


def from_nasbench_nlp(recipe: Mapping[str, Mapping[str, Any]], name: str = "nasbench_nlp") -> Cell:
    """The cell of a recipe, with states `h0`, `h1`, `h2`; other nodes keep their names where these are identifiers.

    What the output never depends on is dropped, states among it. A sum or product of several values becomes a chain;
    of one value it is that value. A few cells of the benchmark have a state that the input never influences, or an
    output that no state does: a cell of ours has neither, so that these are led there by `0 * x` and `0 * h0`.

    Raises CellError, which names the node, if it is no recipe. A state that is read must have a next value, also where
    only dead nodes read it.
    """
    where = f"recipe {short(name)}"
    _check(recipe, where)
    names = _names(recipe)
    following = {names[old]: names[new] for old, new in zip(PREVIOUS, NEW, strict=True) if new in recipe}
    draft = Draft({}, following, names["h_new_0"])
    for theirs, node in recipe.items():
        _add(draft, names[theirs], node["op"], [names[operand] for operand in node["input"]], set(names.values()))
    _lead(draft)
    return draft.cell(name)


def _check(recipe: Any, where: str) -> None:
    expect(isinstance(recipe, Mapping), where, "it", "an object", recipe)
    if len(recipe) > MOST_NODES:
        raise CellError(f"{where} has {len(recipe)} nodes; {MOST_NODES} is the limit")
    for name, node in recipe.items():
        expect(isinstance(name, str), where, "a node's name", "a text", name)
        if name == INPUT or name in PREVIOUS:
            raise CellError(f"{where}: {name!r} is the name of a source; rename the node")
        _check_node(where, name, node)
    for name, node in recipe.items():
        for operand in node["input"]:
            _check_operand(where, name, operand, recipe)
    if "h_new_0" not in recipe:
        raise CellError(f"{where} has no node 'h_new_0', which is the output; add it")
    _check_acyclic(where, recipe)


def _check_node(where: str, name: str, node: Any) -> None:
    what = f"node {short(name)}"
    expect(isinstance(node, Mapping), where, what, "an object", node)
    expect_keys(node, ("op", "input"), (), where, what)
    op, operands = node["op"], node["input"]
    expect(isinstance(op, str) and op in OPERATIONS, where, f"'op' of {what}", f"one of {', '.join(OPERATIONS)}", op)
    named = isinstance(operands, list | tuple) and all(isinstance(operand, str) for operand in operands)
    expect(named, where, f"'input' of {what}", "a list of names", operands)
    row = OPS[OPERATIONS[op]]
    fits = len(operands) > 0 if op in CHAINED else row.takes(len(operands))
    arity = "1 or more operands" if op in CHAINED else row.arity()
    expect(fits, where, f"'input' of {what}", f"{arity} of {op}", operands)
    expect(len(operands) <= MOST_OPERANDS, where, f"'input' of {what}", f"at most {MOST_OPERANDS} names", len(operands))


def _check_operand(where: str, name: str, operand: str, recipe: Mapping[str, Any]) -> None:
    if operand in PREVIOUS:
        new = NEW[PREVIOUS.index(operand)]
        if new not in recipe:
            raise CellError(f"{where}: node {short(name)} reads {operand!r}, which has no next value; add node {new!r}")
    elif operand != INPUT and operand not in recipe:
        raise CellError(
            f"{where}: node {short(name)} reads {short(operand)}, which does not exist; use {INPUT!r}, "
            f"{', '.join(map(repr, PREVIOUS))} or a node"
        )


def _check_acyclic(where: str, recipe: Mapping[str, Any]) -> None:
    step = nx.DiGraph([(operand, name) for name, node in recipe.items() for operand in node["input"]])
    try:
        cycle = [start for start, _ in nx.find_cycle(step)]
    except nx.NetworkXNoCycle:
        return
    path = [*cycle, cycle[0]] if len(cycle) <= 8 else [*cycle[:8], "..."]
    raise CellError(
        f"{where}: nodes {' -> '.join(map(short, path))} form a cycle; let one of them read a state instead"
    )


def _names(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Our name of each source and node: what is an identifier stays, the others become similar ones."""
    names = {INPUT: INPUT}
    for place, (old, new) in enumerate(zip(PREVIOUS, NEW, strict=True)):
        names |= {old: f"h{place}", new: f"h{place}_next"}
    for name in sorted(recipe, key=lambda name: _identifier(name) != name):
        if name not in names:
            names[name] = _free(_identifier(name), set(names.values()))
    return names


def _identifier(name: str) -> str:
    """The name itself if a node of ours may have it, else one that resembles it."""
    similar = re.sub(r"\W", "_", name, flags=re.ASCII).lstrip("_")[:NAME_LENGTH]
    if similar.isidentifier() and not keyword.iskeyword(similar):
        return similar
    return f"node_{similar}"[:NAME_LENGTH]


def _free(name: str, taken: Iterable[str]) -> str:
    free, number = name, 2
    while free in taken:
        ending = f"_{number}"
        free, number = name[: NAME_LENGTH - len(ending)] + ending, number + 1
    return free


def _add(draft: Draft, name: str, op: str, operands: list[str], taken: set[str]) -> None:
    if op not in CHAINED:
        draft.nodes[name] = Node(OPERATIONS[op], tuple(operands))
        return
    total = operands[0]
    for operand in operands[1:-1]:
        part = _free(_identifier(f"{name}_part"), taken | draft.nodes.keys())
        draft.nodes[part] = Node(OPERATIONS[op], (total, operand))
        total = part
    draft.nodes[name] = Node(OPERATIONS[op], (total, operands[-1])) if len(operands) > 1 else Node("identity", (total,))


def _lead(draft: Draft) -> None:
    """Add 0 * h0 to an output that no state influences, and 0 * x to the next value of states that x does not."""
    if draft.states.keys().isdisjoint(nx.ancestors(_over_time(draft), draft.output)):
        state = next(iter(draft.states))
        draft.output = draft.states[state] = _with_nothing(draft, draft.output, state)
    influenced = nx.descendants(_over_time(draft), INPUT)
    for state, following in draft.states.items():
        if state not in influenced:
            draft.states[state] = _with_nothing(draft, following, INPUT)


def _with_nothing(draft: Draft, value: str, source: str) -> str:
    """The name of a new node for value + 0 * source."""
    nothing, led = (draft.new_name(f"{stem}_{source}") for stem in ("nothing_of", "led_to"))
    draft.nodes[nothing] = Node("times_constant", (source,), constant=0.0)
    draft.nodes[led] = Node("sum", (value, nothing))
    return led


def _over_time(draft: Draft) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from([INPUT, draft.output])
    graph.add_edges_from((operand, name) for name, node in draft.nodes.items() for operand in node.operands)
    graph.add_edges_from((following, state) for state, following in draft.states.items())
    return graph
