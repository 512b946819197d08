"""What a picture of a cell shows: which shapes it has, and what is written in each.

A shape is a node, together with the linear in front of it where nobody else uses that linear. All that is written
comes from the table of operations, so that a new operation is drawn without a line here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import networkx as nx

from cellsearch.cell import INPUT, LINEAR, OPS, Cell, Node

__all__ = ["TIE", "Kind", "Shape", "shapes"]

Kind = Literal["gate", "activation", "learned", "arithmetic"]

AUTOMATIC: Final = re.compile(rf"(.*_)?({'|'.join(OPS)})(_?\d+)?|(n|node|op)?_?\d*")
"""Names that nobody chose: those that end in an operation's name, and bare numbers."""

TIE: Final = "\u00a0"
"""A space at which a line does not break: those of a formula's terms."""


@dataclass(frozen=True)
class Shape:
    """One shape: the node whose value leaves it, what is written in it and what enters it.

    `name` is empty where nobody chose one, `remark` where there is nothing unusual to say. `ordered` says that the
    operands' order matters.
    """

    node: str
    kind: Kind
    name: str
    formula: str
    remark: str
    operands: tuple[str, ...]
    ordered: bool

    @property
    def is_symbol(self) -> bool:
        """Whether there is no more to write than the symbol of an arithmetic operation."""
        return self.kind == "arithmetic" and not self.name and len(self.formula) <= 2


def shapes(cell: Cell) -> tuple[Shape, ...]:
    """The cell's shapes, operands before their users; equal for equal cells, however they were put together."""
    names: list[str] = [*nx.lexicographical_topological_sort(cell.graph)]
    inside = {name: linear for name in names if (linear := _linear_inside(cell, name))}
    return tuple(
        _shape(cell, name, inside.get(name)) for name in names if name in cell.nodes and name not in inside.values()
    )


def _shape(cell: Cell, name: str, linear: str | None) -> Shape:
    node = cell.nodes[name]
    terms = _terms(cell, cell.nodes[linear].operands) if linear else ""
    first = node if linear is None else cell.nodes[linear]
    return Shape(
        node=name,
        kind=_kind(node),
        name=_chosen_name(cell, name) or (_chosen_name(cell, linear) if linear else ""),
        formula=_formula(cell, node, terms),
        remark=f"b starts at {first.initial_bias:g}".replace("-", "−") if first.initial_bias else "",
        operands=first.operands,
        ordered=len(first.operands) > 1 and not first.row.commutes,
    )


def _linear_inside(cell: Cell, name: str) -> str | None:
    """The linear drawn inside an activation: its only use, no value of its own to show, at most one chosen name."""
    if name not in cell.nodes or not _is_function(cell.nodes[name]):
        return None
    (operand,) = cell.nodes[name].operands
    alone = operand in cell.nodes and cell.nodes[operand].op == LINEAR and cell.users(operand) == (name,)
    shown = operand == cell.output or operand in cell.states.values()
    both_named = _chosen_name(cell, operand) and _chosen_name(cell, name)
    return operand if alone and not shown and not both_named else None


def _chosen_name(cell: Cell, name: str) -> str:
    is_next = any(name == following and name == f"{state}_next" for state, following in cell.states.items())
    return "" if is_next or name in cell.sources or AUTOMATIC.fullmatch(name) else name.replace("_", " ").strip()


def _is_function(node: Node) -> bool:
    return node.row.value == f"{node.op}(a)"


def _kind(node: Node) -> Kind:
    if _is_function(node):
        return "gate" if node.op == "sigmoid" else "activation"
    return "learned" if node.parameters() else "arithmetic"


def _formula(cell: Cell, node: Node, terms: str) -> str:
    """`σ(W x + U h + b)`, `tanh`, `⊙`: what the shape computes, as short as it stays clear."""
    if node.op == LINEAR:
        return _terms(cell, node.operands)
    function = "σ" if node.op == "sigmoid" else node.op.replace("_", " ")
    if terms:
        return f"{function}({terms})"
    if _kind(node) != "arithmetic" or node.row.value == "a":
        return function
    value = node.row.value.replace("*", "⊙").replace("-", "−")
    # The order of operands does not matter: `a + b` can be a mere +, `1 − a` a mere 1−.
    plain = re.fullmatch(r"[abc]( [^ a-z] [abc])*|1 − a", value) and (node.row.commutes or len(node.operands) == 1)
    return re.sub("[abc ]", "", value) if plain else value


def _terms(cell: Cell, operands: Sequence[str]) -> str:
    """`W x + U h + b`: W multiplies the input, U a state, V another node, numbered where a letter comes twice."""
    letters = ["W" if o == INPUT else "U" if o in cell.states else "V" for o in operands]
    terms = []
    for place, (letter, operand) in enumerate(zip(letters, operands, strict=True)):
        number = _subscript(1 + letters[:place].count(letter)) if letters.count(letter) > 1 else ""
        terms.append(f"{letter}{number} {_written(cell, operand)}")
    # A line breaks before a plus, but not before the last one: a lone b would look lost.
    return " + ".join(terms).replace(" ", TIE).replace(f"{TIE}+", " +") + f"{TIE}+{TIE}b"


def _written(cell: Cell, operand: str) -> str:
    if operand in cell.sources:
        return operand
    states = [state for state, following in cell.states.items() if following == operand]
    return f"{states[0]}′" if states else f"({_chosen_name(cell, operand) or '…'})"


def _subscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
