"""What the exported file calls things: classes after the cell, variables after its nodes, never what it needs itself.

A cell's name may be any text and a node's any identifier; whatever comes out of here is safe in Python source.
"""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Final

from cellsearch.cell import INPUT, Cell
from cellsearch.cell.notation.statements import next_of, stated

__all__ = ["PROJECTED", "TAKEN", "class_name", "free", "printable", "uses_raw_input", "variables"]

MODULES: Final = frozenset(
    {"annotations", "json", "math", "sys", "Path", "torch", "Tensor", "nn", "F", "PackedSequence"}
)
"""What an exported file imports."""

IN_JAX: Final = frozenset({"jax", "jnp", "np", "eqx", "Array", "block_diag", "blocks_of", "cell_of"})
"""What an exported file of JAX imports and defines beside."""

FUNCTIONS: Final = frozenset(
    {"scan", "load", "read_safetensors", "check", "wave", "summary", "EXPECTED", "difference", "verdict", "problem"}
    | {"BlockDiagonal", "States"}
)
"""What it defines at the top, but its classes."""

LOCALS: Final = frozenset({"self", "states", "of_x", "stacked", "shape"})
"""Names that a cell's `step` keeps for itself."""

TAKEN: Final = MODULES | IN_JAX | FUNCTIONS | LOCALS | {*dir(builtins), *keyword.kwlist, *keyword.softkwlist}
"""No class and no variable has one of these names."""

PROJECTED: Final = "x_projected"
"""The input where it stands outside of a matrix product."""

LONGEST: Final = 24
"""Letters of a class's name, about."""

ACRONYM: Final = 4
"""A name of one word of at most so many letters is written in capitals: LSTM, GRU."""


def printable(name: str, longest: int = 32) -> str:
    """A cell's name for a docstring or a message: printable, without quotes and backslashes, on one line."""
    shown = "".join(letter if letter.isprintable() and letter not in "\"'\\{}" else "?" for letter in name)
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def class_name(cell: Cell) -> str:
    """The name of the exported class: `lstm` gives LSTM, `my cell-3` gives MyCell3."""
    words = re.findall("[A-Za-z0-9]+", cell.name)
    if len(words) == 1 and len(words[0]) <= ACRONYM and words[0].islower():
        words = [words[0].upper()]
    name = "".join(word[0].upper() + word[1:] for word in words)[:LONGEST] or "Searched"
    if not name[0].isalpha():
        name = f"Cell{name}"
    return free(name, TAKEN)


def variables(cell: Cell) -> dict[str, str]:
    """The variable of the input, each state and each line: its own name, `c_next` for the next c, with _ if taken."""
    taken = set(TAKEN) | {INPUT} | {node.op for node in cell.nodes.values()}
    if uses_raw_input(cell):
        taken.add(PROJECTED)
    wanted = {state: state for state in cell.states}
    wanted |= {name: f"{state}_next" for name, state in next_of(cell).items()}
    named = {INPUT: INPUT}
    for name in (*wanted, *stated(cell)):
        if name not in named:
            named[name] = free(wanted.get(name, name), taken)
            taken.add(named[name])
    return named


def uses_raw_input(cell: Cell) -> bool:
    """Whether the input stands outside of a matrix product, so that it must have the hidden size."""
    return any(not node.row.is_linear and INPUT in node.operands for node in cell.nodes.values())


def free(name: str, taken: set[str] | frozenset[str]) -> str:
    """The name, with as many _ behind it as it takes to be a new one."""
    while name in taken:
        name += "_"
    return name
