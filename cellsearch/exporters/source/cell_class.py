"""The cell as a class that reads like its equations: named gates, one line an operation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from cellsearch.cell import INPUT, Cell, Node
from cellsearch.cell.notation.statements import nodes_within, stated
from cellsearch.cell.notation.symbols import learned
from cellsearch.cell.ops import BLOCK_LINEAR, LOW_RANK_LINEAR
from cellsearch.exporters.docstring import step_in_words
from cellsearch.exporters.layout import WIDTH, assignment, listed, returned
from cellsearch.exporters.names import PROJECTED, uses_raw_input, variables
from cellsearch.exporters.products import of_input, stacked
from cellsearch.exporters.source.expressions import tree

__all__ = ["cell_class"]

FORWARD: Final = """
    def forward(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        return self.step(self.of_input(x), self.stacked(), states)
"""

OF_INPUT: Final = """
    def of_input(self, x: Tensor) -> list[Tensor]:
        \"\"\"What x alone determines, [.., H] each: of one step, or of all steps at once.\"\"\"
"""

STACKED: Final = """
    def stacked(self) -> list[Tensor]:
        \"\"\"The matrices that multiply one value, stacked; a sequence needs them once.\"\"\"
"""

STEP: Final = """
    def step(
        self, of_x: list[Tensor], stacked: list[Tensor], states: States
    ) -> tuple[Tensor, States]:
        \"\"\"A step from what `of_input` and `stacked` give.\"\"\"
"""


def cell_class(cell: Cell, name: str) -> str:
    """The source of `class <name>Cell(nn.Module)`."""
    step = list(_step(cell))
    text = [f"class {name}Cell(nn.Module):", *step_in_words(cell), ""]
    text += ["    def __init__(self, input_size: int, hidden_size: int) -> None:", "        super().__init__()"]
    if any("self.hidden_size" in line for line in step):
        text += ["        self.hidden_size = hidden_size"]
    text += [*_parameters(cell), FORWARD + OF_INPUT.rstrip(), *_of_input(cell)]
    text += [STACKED.rstrip(), *_stacked(cell), STEP.rstrip(), *step]
    return "\n".join(text) + "\n"


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


def _of_input(cell: Cell) -> Iterator[str]:
    """The lines of `of_input`: one product of stacked matrices, then what each other matrix gives."""
    plain = [product for product in of_input(cell) if product.is_plain]
    others = [
        f"self.{p.matrix}(x){f' + self.{p.bias}' if p.has_bias else ''}" for p in of_input(cell) if p not in plain
    ]
    others += ["self.project(x)"] if uses_raw_input(cell) else []
    if len(plain) == 1:
        others.insert(0, f"F.linear(x, self.{plain[0].matrix}.weight, self.{plain[0].bias})")
    if len(plain) < 2:
        yield from returned(ast.List([_parsed(other) for other in others]), 8)
        return
    yield from assignment("W", _one_above_the_other([f"self.{p.matrix}.weight" for p in plain]), 8)
    if plain[0].has_bias:
        yield from assignment("b", _one_above_the_other([f"self.{p.bias}" for p in plain]), 8)
    product = f"list(F.linear(x, W{', b' if plain[0].has_bias else ''}).chunk({len(plain)}, -1))"
    yield f"        {'of_x =' if others else 'return'} {product}"
    if others:
        yield from (f"        of_x.append({other})" for other in others)
        yield "        return of_x"


def _stacked(cell: Cell) -> list[str]:
    """The lines of `stacked`."""
    matrices = [_one_above_the_other([f"self.{p.matrix}.weight" for p in each]) for each in stacked(cell).values()]
    return returned(ast.List(matrices), 8)


def _one_above_the_other(arrays: list[str]) -> ast.expr:
    return ast.Call(_parsed("torch.cat"), [ast.List([_parsed(each) for each in arrays])], [])


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _step(cell: Cell) -> Iterator[str]:
    """The lines of `step`."""
    named, places = variables(cell), {operand: place for place, operand in enumerate(stacked(cell))}
    yield from listed("", [named[state] for state in cell.states], " = states")
    given = [product.variable for product in of_input(cell)] + [PROJECTED] * uses_raw_input(cell)
    yield from listed("", given, " = of_x")

    def products(operand: str) -> list[str]:
        if operand not in places:
            return []
        made = [product.variable for product in stacked(cell)[operand]]
        return listed("", made, f" = F.linear({named[operand]}, stacked[{places[operand]}]).chunk({len(made)}, -1)")

    for state in cell.states:
        yield from products(state)
    for line in stated(cell):
        yield from assignment(named[line], tree(cell, line, named), 8)
        yield from products(line)
    yield from listed(f"return {named[cell.output]}, ", [named[n] for n in cell.states.values()], "")
