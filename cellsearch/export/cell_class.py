"""The cell as a class that reads like its equations: named gates, one line an operation."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from typing import Final

from cellsearch.cell import INPUT, LINEAR, Cell
from cellsearch.cell.lines import lines, matrices, written_in
from cellsearch.export.expressions import WIDTH, assignment, tree
from cellsearch.export.names import PROJECTED, matrix_name, uses_raw_input, variables

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
    for line in lines(cell):
        learned = [each for node in written_in(cell, line, named) for each in _arrays(cell, node)]
        if learned:
            yield f"        # {named[line]}"
            yield from learned
    yield "        for array in self.parameters():"
    yield "            if array.dim() == 2:  # a matrix; vectors begin as written above"
    yield "                nn.init.uniform_(array, -(hidden_size**-0.5), hidden_size**-0.5)"


def _arrays(cell: Cell, name: str) -> Iterator[str]:
    """The lines that make a node's learned arrays."""
    node = cell.nodes[name]
    if node.op == LINEAR:
        *weights, bias = map(matrix_name, matrices(cell)[name])
        for weight, operand in zip(weights, node.operands, strict=True):
            columns, shape = ("input_size", "[H, I]") if operand == INPUT else ("hidden_size", "[H, H]")
            yield f"        self.{weight} = nn.Linear({columns}, hidden_size, bias=False)  # {shape}"
        yield from _vector(bias, node.initial_bias)
        return
    for parameter, initial in node.row.parameters.items():
        yield from _vector(f"{parameter}_{name}", (parameter == "bias" and node.initial_bias) or initial)


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
    for line in lines(cell):
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
