"""What a picture of a cell shows: which shapes it has, and what is written in each.

A shape is a node, together with the linear in front of it where nobody else uses that linear; a blend is drawn as the
two products and the sum that it is, so that its arrows need no letters. What is written is the cell's equations: a
shape is headed by the symbol that they have for its value, and its formula is in their symbols. All but the blend comes
from the table of operations, so that a new operation is drawn without a line here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import networkx as nx

from cellsearch.cell import LINEAR, Cell, Node
from cellsearch.cell.notation.expressions import TEXT, value, write
from cellsearch.cell.notation.gates import Role, roles
from cellsearch.cell.notation.statements import next_of
from cellsearch.cell.notation.symbols import learned, symbols
from cellsearch.inspect.picture.text import TIE

__all__ = ["Shape", "shapes"]

NAMELESS: Final = "(…)"
"""An operand that the equations have no symbol for: the arrow tells which it is."""

STYLE: Final = replace(TEXT, number=lambda number: f"{number:.4g}".replace("-", "−"))

SIGNS: Final[Mapping[str, tuple[str, ...]]] = {"difference": ("+", "−"), "where": ("if > 0", "then", "else")}
"""What stands at the arrows of an operation that takes its operands in order."""

FORMULAS: Final[Mapping[str, str]] = {"difference": "−", "where": "where"}


@dataclass(frozen=True)
class Shape:
    """One shape: the node that it draws, what is written in it and which shapes or sources enter it.

    `kind` is the role of its value, or what it computes. `part` tells several shapes of one node apart; the one that
    the node's value leaves has none. `name` is the value's symbol, empty where the equations have none, `remarks` is
    empty where there is nothing more to say. `signs` has what stands at each operand's arrow, where order matters.
    `linear` is one that is drawn inside.
    """

    node: str
    kind: str
    name: str
    formula: str
    remarks: tuple[str, ...]
    operands: tuple[str, ...]
    signs: tuple[str, ...] = ()
    part: str = ""
    linear: str | None = None

    @property
    def key(self) -> str:
        """What other shapes call it; with a part it is no name that a node can have."""
        return f"{self.node}{self.part}"

    @property
    def is_symbol(self) -> bool:
        """Whether there is no more to write than the symbol of an arithmetic operation."""
        return self.kind == "arithmetic" and not self.name and len(self.formula) <= 2


def shapes(cell: Cell) -> tuple[Shape, ...]:
    """The cell's shapes, operands before their users; equal for equal cells, however they were put together."""
    names: list[str] = [*nx.lexicographical_topological_sort(cell.graph)]
    writer = _Writer(cell)
    inside = {name: linear for name in names if (linear := writer.linear_inside(name))}
    drawn = (name for name in names if name in cell.nodes and name not in inside.values())
    return tuple(shape for name in drawn for shape in writer.shapes(name, inside.get(name)))


class _Writer:
    """Writes the shapes of one cell."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.roles: Mapping[str, Role] = roles(cell)
        own = {name: str(symbol) for name, symbol in symbols(cell).items()}
        self.headings = {name: symbol for name, symbol in own.items() if name in cell.nodes}
        self.symbols = own | {name: f"{own[state]}′" for name, state in next_of(cell).items()}

    def shapes(self, name: str, linear: str | None) -> Iterator[Shape]:
        """The shapes of a node, and of a linear that is drawn inside."""
        node = self.cell.nodes[name]
        if node.op == "blend":
            gate, kept, taken = node.operands
            yield Shape(name, "arithmetic", "", "⊙", (), (gate, kept), part=" kept")
            yield Shape(name, "arithmetic", "", "1−", (), (gate,), part=" rest")
            yield Shape(name, "arithmetic", "", "⊙", (), (f"{name} rest", taken), part=" taken")
            yield replace(self._shape(name, linear, "+"), operands=(f"{name} kept", f"{name} taken"))
        else:
            yield self._shape(name, linear, FORMULAS.get(node.op, ""))

    def _shape(self, name: str, linear: str | None, formula: str) -> Shape:
        node = self.cell.nodes[name]
        first = node if linear is None else self.cell.nodes[linear]
        nameless = [operand for operand in node.operands if operand not in self.symbols]
        ordered = node.op != LINEAR and len(nameless) > 1 and not node.row.commutes and not formula
        signs = SIGNS.get(node.op, tuple("abc"[: len(node.operands)]) if ordered else ())
        role = self.roles.get(name) if name in self.headings else None
        return Shape(
            node=name,
            kind=_kind(node, role),
            name=self.headings.get(name, ""),
            formula=formula or (self._with_linear(node, linear) if linear else self._formula(name, ordered)),
            remarks=tuple(filter(None, (str(role or ""), self._bias(linear or name)))),
            operands=first.operands,
            signs=signs,
            linear=linear,
        )

    def linear_inside(self, name: str) -> str | None:
        """The linear drawn inside an activation: its only use, and no value that the equations have a symbol for."""
        if name not in self.cell.nodes or not _is_function(self.cell.nodes[name]):
            return None
        (operand,) = self.cell.nodes[name].operands
        alone = operand in self.cell.nodes and self.cell.nodes[operand].op == LINEAR
        alone = alone and self.cell.users(operand) == (name,)
        return operand if alone and operand not in self.symbols else None

    def _bias(self, linear: str) -> str:
        """What a bias begins at, where that is not 0."""
        start = self.cell.nodes[linear].initial_bias
        return f"{learned(self.cell)[linear][-1]} starts at {STYLE.number(start)}" if start else ""

    def _with_linear(self, node: Node, linear: str) -> str:
        """`σ(W_f x + U_f h + b_f)`"""
        function = STYLE.call(node.op, ["\n"]).partition("\n")
        return f"{function[0]}{self._formula(linear, False)}{function[2]}"

    def _formula(self, name: str, ordered: bool) -> str:
        """`W_f x + U_f h + b_f`, `tanh`, `⊙`: what a node computes, as short as it stays clear."""
        node = self.cell.nodes[name]
        if _is_function(node):
            return STYLE.call(node.op, [self.symbols.get(node.operands[0], "")]).removesuffix("()")
        if node.row.value == "a":
            return node.op
        letters = [*"abc"] if ordered else [self.symbols.get(operand, NAMELESS) for operand in node.operands]
        # The order of these operands does not matter: `a + b` can be a mere +, `1 − a` a mere 1−.
        plain = re.fullmatch(r"a (\W) b|(1 -) a", node.row.value)
        if plain and (node.row.commutes or len(node.operands) == 1):
            return (plain[1] or "1−").replace("*", "⊙")
        text = write(value(self.cell, name, [ast.Name(letter) for letter in letters]), STYLE)
        return _tied(text) if node.op == LINEAR else text.replace(f"({NAMELESS})", NAMELESS)


def _is_function(node: Node) -> bool:
    return node.row.value == f"{node.op}(a)"


def _kind(node: Node, role: Role | None) -> str:
    if role is not None:
        return role.kind
    if _is_function(node):
        return "gate" if node.op == "sigmoid" else "activation"
    return "learned" if node.parameters() else "arithmetic"


def _tied(terms: str) -> str:
    """Terms at which a line breaks before a plus alone, but not before the last one: a lone b would look lost."""
    tied = terms.replace(" ", TIE).replace(f"{TIE}+", " +")
    before, plus, last = tied.rpartition(" +")
    return f"{before}{TIE}+{last}" if plus else tied
