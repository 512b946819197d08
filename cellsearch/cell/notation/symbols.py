"""What a cell's values and learned arrays are called on paper: h, f, c̃ and v1; W_f, U_f and b_f.

A gate has the letter of its role and a candidate its state's with a tilde, whatever the cell's nodes are called; a
node that nobody named (`tanh_4`) is v1, v2, ...; other names stay. W multiplies the input or what comes from it alone,
U what comes from a state; b is a linear's bias, and w and b are the vectors of other operations. The subscript is the
value whose line they stand on, or its line's number if that is long; arrays of one line that would share a name are
numbered.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import networkx as nx

from cellsearch.cell.cell import Cell
from cellsearch.cell.notation.gates import Role, roles
from cellsearch.cell.notation.statements import next_of, nodes_within, stated
from cellsearch.cell.ops import BLOCK_LINEAR, INPUT, LOW_RANK_LINEAR, OPS

__all__ = ["OUTPUT", "Symbol", "learned", "legend", "symbols"]

OUTPUT: Final = "output"
"""What equations call the cell's output."""

LONGEST: Final = 20
"""Letters of a subscript, at most."""

LETTERS: Final = {"forget": "f", "input": "i", "output": "o", "update": "z", "reset": "r"}
"""Letter of a gate by its kind."""

STRUCTURES: Final = {BLOCK_LINEAR: "{} blocks on the diagonal", LOW_RANK_LINEAR: "of rank {}"}
"""What a structured matrix is, with a place for its constant."""


@dataclass(frozen=True)
class Symbol:
    """A name on paper: a letter or word, an index such as `1` or `_c`, and a tilde for a candidate."""

    letter: str
    index: str = ""
    tilde: bool = False

    @property
    def plain(self) -> str:
        """The name in ASCII and without the tilde, as in the subscript of a matrix."""
        return f"{self.letter}{self.index}"

    def __str__(self) -> str:
        return f"{self.plain[0]}\N{COMBINING TILDE}{self.plain[1:]}" if self.tilde else self.plain


def symbols(cell: Cell) -> dict[str, Symbol]:
    """The symbol of the input, the states, and each node with a line of its own but next values. All differ."""
    found = {INPUT: Symbol(INPUT)} | {state: _of_name(state) for state in cell.states}
    taken = {str(symbol) for symbol in found.values()} | {OUTPUT}
    own = [name for name in stated(cell) if name not in next_of(cell)]
    known = _of_roles(cell, {name: role for name, role in roles(cell).items() if name in own})
    unnamed = 0
    # Gates choose first, since their letters are the shortest.
    for name in sorted(own, key=lambda name: name not in known):
        symbol = known.get(name)
        if symbol is None and _is_unnamed(name):
            unnamed += 1
            symbol = Symbol("v", str(unnamed))
        elif symbol is None:
            symbol = Symbol(OUTPUT) if name == cell.output == OUTPUT else _of_name(name)
        found[name] = _free(symbol, taken - ({OUTPUT} if name == cell.output else set()))
        taken.add(str(found[name]))
    return {name: found[name] for name in (*cell.sources, *own)}


@lru_cache(maxsize=64)
def learned(cell: Cell) -> Mapping[str, tuple[str, ...]]:
    """The names of each node's learned arrays, in the order of `Node.parameters`; all are identifiers and differ."""
    symbol, following = symbols(cell), next_of(cell)
    recurrent = set[str]().union(*(nx.descendants(cell.graph, state) | {state} for state in cell.states))
    taken = {str(each) for each in symbol.values()}
    names: dict[str, list[str]] = {}
    own = dict.fromkeys(stated(cell))
    for place, line in enumerate(own, start=1):
        plain = symbol[following.get(line, line)].plain
        subscript = plain if len(plain) <= LONGEST else str(place)
        wanted = [
            (node, f"{_letter(cell, node, parameter, recurrent)}_{subscript}")
            for node in nodes_within(cell, line, own)
            for parameter in cell.nodes[node].parameters()
        ]
        count, number = Counter(name for _, name in wanted), Counter[str]()
        for node, name in wanted:
            shown = name
            while shown in taken or (count[name] > 1 and shown == name):
                number[name] += 1
                shown = f"{name}{'_' if len(subscript) > 1 else ''}{number[name]}"
            taken.add(shown)
            names.setdefault(node, []).append(shown)
    return MappingProxyType({node: tuple(each) for node, each in names.items()})


def legend(cell: Cell) -> tuple[str, ...]:
    """What the letters mean, `f: forget gate of c (sigmoid_3)`, and which matrices are made of smaller ones.

    One entry lists all values that nobody named: `v1: tanh_4, v2: sum_2`.
    """
    known, arrays = roles(cell), learned(cell)
    meanings, unnamed = [], []
    for name, symbol in symbols(cell).items():
        if name in known:
            meanings.append(f"{symbol}: {known[name]}" + (f" ({name})" if name != str(symbol) else ""))
        elif name != str(symbol):
            unnamed.append(f"{symbol}: {name}")
    meanings += [", ".join(unnamed)] if unnamed else []
    for name, node in cell.nodes.items():
        if node.op in STRUCTURES:
            meanings.append(f"{arrays[name][0]}: {STRUCTURES[node.op].format(int(node.constant))}")
    return tuple(meanings)


def _of_roles(cell: Cell, known: Mapping[str, Role]) -> dict[str, Symbol]:
    """Gates by letter, with the state's name where several have the same; candidates by their state."""
    count = Counter(role.kind for role in known.values())
    found = {}
    for name, role in known.items():
        if role.kind in LETTERS:
            index = f"_{role.state}" if role.state and count[role.kind] > 1 else ""
            found[name] = Symbol(LETTERS[role.kind], index)
        else:
            state = _of_name(str(role.state))
            found[name] = Symbol(state.letter, state.index, tilde=True)
    return found


def _of_name(name: str) -> Symbol:
    """A letter or word with a number, `h1` or `state_1`, has an index; any other name is itself."""
    numbered = re.fullmatch("([A-Za-z]|[A-Za-z]+(?=_))(_?[0-9]+)", name)
    return Symbol(numbered[1], numbered[2]) if numbered else Symbol(name)


def _is_unnamed(name: str) -> bool:
    """Whether an edit or the reader of equations made up the name: `tanh`, `tanh_4`, `c_tanh_2`.

    Of any operation, for edits that change a node's keep its name.
    """
    return re.fullmatch(rf"(\w+_)?({'|'.join(OPS)})(_[0-9]+)?", name) is not None


def _letter(cell: Cell, node: str, parameter: str, recurrent: set[str]) -> str:
    if parameter in cell.nodes[node].row.parameters:
        return {"weight": "w", "bias": "b"}.get(parameter, parameter)
    operand = cell.nodes[node].operands[int(parameter.removeprefix("weight_"))]
    return "U" if operand in recurrent else "W"


def _free(symbol: Symbol, taken: set[str]) -> Symbol:
    number = 2
    free = symbol
    while str(free) in taken:
        free = replace(symbol, index=f"{symbol.index}_{number}")
        number += 1
    return free
