"""Which values of a cell are gates: read from where they multiply, never from what they are called.

A state that a next value still contains is a memory. Of the sigmoids,

    forget   multiplies a memory into its own next value           c' = f * c + ...
    input    multiplies the candidate into a memory                c' = ... + i * candidate
    update   blends a memory and its candidate                     h' = z * h + (1 - z) * candidate
    output   multiplies what leaves as the output                  h' = o * tanh(c')
    reset    multiplies a state, or a product of a state, on its   candidate = tanh(linear(x, r * h))
             way into the candidate

The update gate of a memory that is not the output and that no matrix product reads is called a forget gate, or an
input gate if it is the candidate's: the LSTM with coupled gates. A sigmoid with two of these places has no name, but
for one that updates and resets the same state, which Zhou et al. (2016, the minimal gated unit) call its forget gate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import networkx as nx

from cellsearch.cell.cell import Cell
from cellsearch.cell.ops import INPUT

__all__ = ["Role", "roles"]

MOST_PARTS: Final = 16
"""Summands of a sum, or factors of a product, beyond which nobody would call one of them a gate."""

CANDIDATE: Final = "candidate"

SIGMOID: Final = "sigmoid"

Factor = tuple[str, bool]
"""A value, or one less it."""

Monomial = tuple[Factor, ...]
"""Factors whose product is a summand."""


@dataclass(frozen=True)
class Role:
    """What a value is to a state: `kind` is forget, input, update, reset, output or candidate.

    `state` is None for the output's gate; `resets` says that it is the state's reset gate too.
    """

    kind: str
    state: str | None
    resets: bool = False

    def __str__(self) -> str:
        gate = "candidate" if self.kind == CANDIDATE else f"{self.kind}{' and reset' if self.resets else ''} gate"
        return f"{gate} of {self.state}" if self.state else gate


def roles(cell: Cell) -> dict[str, Role]:
    """The role of each gate and candidate that the cell's structure tells, in the order of the nodes."""
    sums = _sums(cell)
    claims: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for memory, following in cell.states.items():
        for name, kind in _claims_on_memory(cell, sums, memory, following):
            claims[name].add((kind, memory))
    candidates = [(name, state) for name, claimed in claims.items() for kind, state in claimed if kind == CANDIDATE]
    for gate in _output_gate(cell, sums):
        claims[gate].add(("output", None))
    for candidate, state in candidates:
        for gate in _reset_gates(cell, sums, candidate):
            claims[gate].add(("reset", state))
    found = {name: _settled(claims[name]) for name in cell.order if name in claims}
    return {name: role for name, role in found.items() if role}


def _settled(claimed: set[tuple[str, str | None]]) -> Role | None:
    """The one role of a value, if it has one."""
    kinds = {kind for kind, _ in claimed}
    if len(claimed) == 2 and "reset" in kinds and kinds & {"update", "forget"} and len({s for _, s in claimed}) == 1:
        return Role("forget", claimed.pop()[1], resets=True)
    return Role(*claimed.pop()) if len(claimed) == 1 else None


def _claims_on_memory(
    cell: Cell, sums: Mapping[str, tuple[Monomial, ...]], state: str, following: str
) -> Iterator[tuple[str, str]]:
    """(node, kind) of what the next value of a memory tells: its gates and its candidate."""
    memory = (state, False)
    kept = [monomial for monomial in sums[following] if memory in monomial]
    added = [monomial for monomial in sums[following] if memory not in monomial]
    if len(kept) != 1 or len(added) != 1:
        return
    keeping, others = _split(cell, kept[0])
    adding, values = _split(cell, added[0])
    if len(keeping) > 1 or others != [memory] or len(adding) > 1 or not values:
        return
    if len(values) == 1 and not values[0][1]:
        yield values[0][0], CANDIDATE
    if keeping and adding and keeping[0][0] == adding[0][0]:
        if keeping[0][1] != adding[0][1]:
            yield keeping[0][0], _coupled(cell, state, keeps=not keeping[0][1])
        return
    yield from ((gate, "forget") for gate, complement in keeping if not complement)
    yield from ((gate, "input") for gate, complement in adding if not complement)


def _coupled(cell: Cell, state: str, keeps: bool) -> str:
    if cell.states[state] == cell.output or any(_is_matrix_product(cell, user) for user in cell.users(state)):
        return "update"
    return "forget" if keeps else "input"


def _output_gate(cell: Cell, sums: Mapping[str, tuple[Monomial, ...]]) -> list[str]:
    leaving = sums[cell.output]
    own = {(state, False) for state, following in cell.states.items() if following == cell.output}
    if len(leaving) != 1 or own & set(leaving[0]):
        return []
    gates, values = _split(cell, leaving[0])
    return [gate for gate, complement in gates if len(gates) == 1 and values and not complement]


def _reset_gates(cell: Cell, sums: Mapping[str, tuple[Monomial, ...]], candidate: str) -> Iterator[str]:
    """The gates of the products that lead from states alone into the candidate."""
    for name in cell.order:
        if _is(cell, name, "product") and (name == candidate or nx.has_path(cell.graph, name, candidate)):
            gates, values = _split(cell, sums[name][0])
            if len(gates) == 1 and values and all(_is_of_states(cell, value) for value, _ in values):
                yield gates[0][0]


def _is_of_states(cell: Cell, name: str) -> bool:
    return name in cell.states or (name in cell.nodes and INPUT not in nx.ancestors(cell.graph, name))


def _is_matrix_product(cell: Cell, name: str) -> bool:
    return name in cell.nodes and cell.nodes[name].row.is_linear


def _split(cell: Cell, monomial: Monomial) -> tuple[list[Factor], list[Factor]]:
    """The sigmoids of a monomial, and its other factors."""
    gates = [factor for factor in monomial if _is(cell, factor[0], SIGMOID)]
    return gates, [factor for factor in monomial if factor not in gates]


def _sums(cell: Cell) -> dict[str, tuple[Monomial, ...]]:
    """Each value as a sum of products of factors that are no sums and no products themselves."""
    sums: dict[str, tuple[Monomial, ...]] = {source: (((source, False),),) for source in cell.sources}
    for name in cell.order:
        found = _form(*_as_blend(cell, name), sums)
        whole = 0 < len(found) <= MOST_PARTS and max(map(len, found)) <= MOST_PARTS
        sums[name] = found if whole else (((name, False),),)
    return sums


def _as_blend(cell: Cell, name: str) -> tuple[str, tuple[str, ...]]:
    """Operation and operands of a node; b + a * (c - b) and b - a * (b - c) are the blend of a, c and b."""
    op, operands = cell.nodes[name].op, cell.nodes[name].operands
    orders = {"sum": [operands, operands[::-1]], "difference": [operands]}
    for added, product in orders.get(op, []):
        for gate, apart in permutations(cell.nodes[product].operands) if _is(cell, product, "product") else ():
            if _is(cell, apart, "difference"):
                kept, subtracted = cell.nodes[apart].operands[:: 1 if op == "sum" else -1]
                if subtracted == added:
                    return "blend", (gate, kept, added)
    return op, operands


def _is(cell: Cell, name: str, op: str) -> bool:
    return name in cell.nodes and cell.nodes[name].op == op


def _form(op: str, operands: tuple[str, ...], sums: Mapping[str, tuple[Monomial, ...]]) -> tuple[Monomial, ...]:
    """The summands of an operation; empty where it is neither a sum nor a product."""

    def factors(operand: str) -> Monomial:
        return sums[operand][0] if len(sums[operand]) == 1 else ((operand, False),)

    def less(operand: str) -> Monomial:
        match factors(operand):
            case ((name, complement),):
                return ((name, not complement),)
        return ((operand, True),)

    match op:
        case "sum" | "difference":
            return sums[operands[0]] + sums[operands[1]]
        case "product":
            return (factors(operands[0]) + factors(operands[1]),)
        case "blend":
            gate, kept, added = operands
            return (factors(gate) + factors(kept), less(gate) + factors(added))
        case "one_minus":
            return (less(operands[0]),)
        case "identity":
            return sums[operands[0]]
    return ()
