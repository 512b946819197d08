"""The cell as a class that reads like its equations: named gates, one line an operation."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from typing import Final

from cellsearch.cell import INPUT, Cell, Node
from cellsearch.cell.notation.statements import nodes_within, stated
from cellsearch.cell.notation.symbols import learned
from cellsearch.cell.ops import BLOCK_LINEAR, LOW_RANK_LINEAR
from cellsearch.exporters.names import PROJECTED, uses_raw_input, variables
from cellsearch.exporters.torch_expressions import WIDTH, assignment, tree

__all__ = ["cell_class"]

FORWARD: Final = "self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]"


def cell_class(cell: Cell, name: str) -> str:
    """The source of `class <name>Cell(nn.Module)`."""
    step = list(_step(cell))
    text = [f"class {name}Cell(nn.Module):", *_opening(cell), ""]
    text += ["    def __init__(self, input_size: int, hidden_size: int) -> None:", "        super().__init__()"]
    if any("self.hidden_size" in line for line in step):
        text += ["        self.hidden_size = hidden_size"]
    text += _parameters(cell)
    text += ["", f"    def forward({FORWARD}:", *step]
    return "\n".join(text) + "\n"


def _opening(cell: Cell) -> list[str]:
    named = ", ".join(variables(cell)[state] for state in cell.states)
    states = f"state {named}" if len(cell.states) == 1 else f"states ({named})"
    text = f"One step: x [B, I] and the {states} [B, H] to the output and the next {states.split()[0]}."
    if len(text) + 10 <= WIDTH:
        return [f'    """{text}"""']
    wrapped = textwrap.wrap(text, WIDTH, initial_indent='    """', subsequent_indent="    ")
    return [*wrapped, '    """']


def _parameters(cell: Cell) -> Iterator[str]:
    """The lines of `__init__`: the learned arrays of each equation, then how they begin."""
    named = variables(cell)
    if uses_raw_input(cell):
        yield f"        # {PROJECTED}: x itself if it has the hidden size"
        yield "        self.project: nn.Module = nn.Identity()"
        yield "        if input_size != hidden_size:"
        yield "            self.project = nn.Linear(input_size, hidden_size)  # [H, I] and [H]"
        yield "            nn.init.zeros_(self.project.bias)"
    for line in stated(cell):
        arrays = [each for node in nodes_within(cell, line, named) for each in _arrays(cell, node)]
        if arrays:
            yield f"        # {named[line]}"
            yield from arrays
    yield "        for matrix in self.children():"
    yield "            if isinstance(matrix, nn.Linear):"
    yield "                nn.init.uniform_(matrix.weight, -(hidden_size**-0.5), hidden_size**-0.5)"


def _arrays(cell: Cell, name: str) -> Iterator[str]:
    """The lines that make a node's learned arrays."""
    node, names = cell.nodes[name], learned(cell).get(name, ())
    for weight, operand in zip(names, node.operands, strict=False) if node.row.is_linear else ():
        yield from _matrix(node, weight, operand)
    vectors = names[len(names) - len(node.row.parameters) :]
    for vector, (parameter, initial) in zip(vectors, node.row.parameters.items(), strict=True):
        yield from _vector(vector, (parameter == "bias" and node.initial_bias) or initial)


def _matrix(node: Node, weight: str, operand: str) -> Iterator[str]:
    count = int(node.constant)
    columns, shape = ("input_size", "I") if operand == INPUT else ("hidden_size", "H")
    if node.op == BLOCK_LINEAR:
        yield f"        self.{weight} = BlockDiagonal({columns}, hidden_size, blocks={count})  # [H, {shape}]"
    elif node.op == LOW_RANK_LINEAR:
        yield f"        rank = min({count}, hidden_size{', input_size' if operand == INPUT else ''})"
        yield f"        self.{weight} = nn.Sequential(  # [H, {shape}]"
        yield f"            nn.Linear({columns}, rank, bias=False),"
        yield "            nn.Linear(rank, hidden_size, bias=False),"
        yield "        )"
    else:
        yield f"        self.{weight} = nn.Linear({columns}, hidden_size, bias=False)  # [H, {shape}]"


def _vector(name: str, initial: float) -> list[str]:
    fill = {0.0: "torch.zeros(hidden_size)", 1.0: "torch.ones(hidden_size)"}
    value = fill.get(initial, f"torch.full((hidden_size,), {initial!r})")
    text = assignment(f"self.{name}", ast.parse(f"nn.Parameter({value})", mode="eval").body, 8)
    return [f"{text[0]}  # [H]"] if len(text) == 1 and len(text[0]) <= WIDTH - 7 else text


def _step(cell: Cell) -> Iterator[str]:
    """The lines of `forward`."""
    named = variables(cell)
    yield from _listed("", [named[state] for state in cell.states], " = states")
    if uses_raw_input(cell):
        yield f"        {PROJECTED} = self.project(x)"
    for line in stated(cell):
        yield from assignment(named[line], tree(cell, line, named), 8)
    yield from _listed(f"return {named[cell.output]}, ", [named[n] for n in cell.states.values()], "")


def _listed(before: str, names: list[str], after: str) -> list[str]:
    """`before (a, b) after`, a name a line if it would be too long."""
    bare = not before and len(names) > 1
    inside = f"{', '.join(names)}{',' if len(names) == 1 else ''}"
    flat = f"        {before}{inside if bare else f'({inside})'}{after}"
    if len(flat) <= WIDTH:
        return [flat]
    return [f"        {before}(", *(f"            {name}," for name in names), f"        ){after}"]
