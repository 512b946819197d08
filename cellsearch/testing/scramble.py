"""Scrambling: the same cell by random rewrites, under new names and in another order. A test of `identity`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from cellsearch.cell import INPUT, LINEAR, OPS, Cell
from cellsearch.testing.rewrites import ANY_NODE, REWRITES, Origin, Rewriting

__all__ = ["Scrambled", "renamed", "scrambled"]


@dataclass(frozen=True)
class Scrambled:
    """A cell and where its learned arrays come from, as in `cell.canonical.Canonical`."""

    cell: Cell
    weights: dict[str, Origin]
    biases: dict[str, Origin]


def scrambled(cell: Cell, random: Random, steps: int = 8) -> Scrambled:
    """The cell after so many random rewrites, then renamed and reordered."""
    rewriting = Rewriting(cell)
    for _ in range(steps):
        name = random.choice(list(rewriting.nodes))
        fitting = REWRITES.get(rewriting.nodes[name].op, ()) + ANY_NODE
        random.choice(fitting)(rewriting, name, random)
    written = rewriting.cell()
    names = dict(zip(rewriting.nodes, rewriting.shuffled_names(random), strict=True))
    weights = {names[name]: origin for name, origin in rewriting.weights.items() if name in rewriting.nodes}
    biases = {names[name]: origin for name, origin in rewriting.biases.items() if name in rewriting.nodes}
    return Scrambled(*_reordered(written, names, weights, random), biases)


def renamed(cell: Cell, random: Random) -> Cell:
    """The same graph with other names, nodes and states in another order, and operands that commute shuffled."""
    return scrambled(cell, random, steps=0).cell


def _reordered(
    cell: Cell, names: dict[str, str], weights: dict[str, Origin], random: Random
) -> tuple[Cell, dict[str, Origin]]:
    states = list(cell.states)
    random.shuffle(states)
    called = {INPUT: INPUT, **names, **{state: f"s{i}" for i, state in enumerate(states)}}
    nodes = {}
    for name in random.sample(list(cell.nodes), len(cell.nodes)):
        node, places = cell.nodes[name], list(range(len(cell.nodes[name].operands)))
        if OPS[node.op].commutes:
            random.shuffle(places)
        if node.op == LINEAR:
            weights[called[name]] = tuple(weights[called[name]][i] for i in places)
        nodes[called[name]] = replace(node, operands=tuple(called[node.operands[i]] for i in places))
    nexts = {called[state]: called[cell.states[state]] for state in states}
    return Cell("scrambled", nodes, nexts, called[cell.output]), weights
