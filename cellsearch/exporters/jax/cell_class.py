"""The cell as a module of Equinox that reads like its equations: its arrays by name, one line an operation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from cellsearch.cell import INPUT, Cell
from cellsearch.cell.notation.statements import nodes_within, stated
from cellsearch.cell.notation.symbols import learned
from cellsearch.cell.ops import BLOCK_LINEAR, LOW_RANK_LINEAR
from cellsearch.exporters.docstring import step_in_words
from cellsearch.exporters.expressions import own
from cellsearch.exporters.jax.expressions import product, tree
from cellsearch.exporters.layout import assignment, listed, returned
from cellsearch.exporters.names import PROJECTED, uses_raw_input, variables
from cellsearch.exporters.products import Product, of_input, stacked

__all__ = ["cell_class", "reading"]

CALL: Final = """
    def __call__(self, x: Array, states: States) -> tuple[Array, States]:
        return self.step(self.of_input(x), self.stacked(), states)
"""

OF_INPUT: Final = """
    def of_input(self, x: Array) -> list[Array]:
        \"\"\"What x alone determines, [.., H] each: of one step, or of all steps at once.\"\"\"
"""

STACKED: Final = """
    def stacked(self) -> list[Array]:
        \"\"\"The matrices that multiply one value, stacked; a sequence needs them once.\"\"\"
"""

STEP: Final = """
    def step(self, of_x: list[Array], stacked: list[Array], states: States) -> tuple[Array, States]:
        \"\"\"A step from what `of_input` and `stacked` give.\"\"\"
"""


def cell_class(cell: Cell, name: str) -> str:
    """The source of `class <name>Cell(eqx.Module)`. Raises CellError if JAX has no form of an operation."""
    text = [f"class {name}Cell(eqx.Module):", *step_in_words(cell), "", *_fields(cell)]
    text += [CALL + OF_INPUT.rstrip(), *_of_input(cell), STACKED.rstrip(), *_stacked(cell), STEP.rstrip(), *_step(cell)]
    return "\n".join(text) + "\n"


def reading(cell: Cell, name: str) -> str:
    """The source of `cell_of`, which makes a cell of the arrays of a file."""
    text = [f"def cell_of(arrays: dict[str, Array], index: int) -> {name}Cell:"]
    text += ['    """The cell of a layer and direction; a file names the arrays as the PyTorch module does."""']
    text += ['    place = f"cells.{index}."']
    text += ["    own = {name[len(place) :]: array for name, array in arrays.items() if name.startswith(place)}"]
    return "\n".join([*text, f"    return {name}Cell(", *_read(cell), "    )"]) + "\n"


def _fields(cell: Cell) -> Iterator[str]:
    """The learned arrays of each equation."""
    named = variables(cell)
    if uses_raw_input(cell):
        yield f"    # {PROJECTED}: x itself if it has the hidden size"
        yield "    project: tuple[Array, Array] | None  # [H, I] and [H]"
    for line in stated(cell):
        arrays = [each for node in nodes_within(cell, line, named) for each in _arrays(cell, node)]
        if arrays:
            yield f"    # {named[line]}"
            yield from (f"    {array}: {kind}" for array, kind, _ in arrays)


def _read(cell: Cell) -> Iterator[str]:
    """Where each array of a cell is found in a file."""
    if uses_raw_input(cell):
        pair = '(own["project.weight"], own["project.bias"])'
        yield f'        project={pair} if "project.weight" in own else None,'
    for line in stated(cell):
        for node in nodes_within(cell, line, variables(cell)):
            yield from (f"        {array}={place}," for array, _, place in _arrays(cell, node))


def _arrays(cell: Cell, name: str) -> Iterator[tuple[str, str, str]]:
    """A node's learned arrays: attribute, type with its shape, and the expression that reads it from a file."""
    node, names = cell.nodes[name], learned(cell).get(name, ())
    for weight, operand in zip(names, node.operands, strict=False) if node.row.is_linear else ():
        size = "I" if operand == INPUT else "H"
        if node.op == BLOCK_LINEAR:
            kind = f"list[Array]  # the blocks on the diagonal of [H, {size}]"
            yield weight, kind, f'blocks_of(own, "{weight}")'
        elif node.op == LOW_RANK_LINEAR:
            pair = f'(own["{weight}.0.weight"], own["{weight}.1.weight"])'
            yield weight, f"tuple[Array, Array]  # [rank, {size}] and [H, rank]", pair
        else:
            yield weight, f"Array  # [H, {size}]", f'own["{weight}.weight"]'
    for vector in names[len(names) - len(node.row.parameters) :]:
        yield vector, "Array  # [H]", f'own["{vector}"]'


def _of_input(cell: Cell) -> Iterator[str]:
    """The lines of `of_input`: one product of stacked matrices, then what each other matrix gives."""
    plain = [each for each in of_input(cell) if each.is_plain]
    others = [_with_bias(cell, each) for each in of_input(cell) if each not in plain]
    others += [_parsed("x if self.project is None else x @ self.project[0].T + self.project[1]")] * uses_raw_input(cell)
    if len(plain) < 2:
        yield from returned(ast.List([*(_with_bias(cell, each) for each in plain), *others]), 8)
        return
    yield from assignment("W", _one_above_the_other([each.matrix for each in plain]), 8)
    bias = ""
    if plain[0].has_bias:
        yield from assignment("b", _one_above_the_other([each.bias for each in plain]), 8)
        bias = " + b"
    split = f"jnp.split(x @ W.T{bias}, {len(plain)}, -1)"
    if others:
        yield f"        of_x = {split}"
        for other in others:
            yield f"        of_x.append({ast.unparse(other)})"
    yield "        return of_x" if others else f"        return {split}"


def _with_bias(cell: Cell, each: Product) -> ast.expr:
    value = product(cell.nodes[each.node], own(each.matrix), ast.Name("x"))
    return ast.BinOp(value, ast.Add(), own(each.bias)) if each.has_bias else value


def _stacked(cell: Cell) -> list[str]:
    """The lines of `stacked`."""
    return returned(ast.List([_one_above_the_other([p.matrix for p in each]) for each in stacked(cell).values()]), 8)


def _one_above_the_other(arrays: list[str]) -> ast.expr:
    return ast.Call(_parsed("jnp.concatenate"), [ast.List([own(each) for each in arrays])], [])


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _step(cell: Cell) -> Iterator[str]:
    """The lines of `step`."""
    named, places = variables(cell), {operand: place for place, operand in enumerate(stacked(cell))}
    yield from listed("", [named[state] for state in cell.states], " = states")
    given = [each.variable for each in of_input(cell)] + [PROJECTED] * uses_raw_input(cell)
    yield from listed("", given, " = of_x")
    lines = [line for name in stated(cell) for line in assignment(named[name], tree(cell, name, named), 8)]
    if any(re.search(r"\bshape\b", line) for line in lines):
        yield f"        shape = {named[next(iter(cell.states))]}.shape"

    def products(operand: str) -> list[str]:
        if operand not in places:
            return []
        made = [each.variable for each in stacked(cell)[operand]]
        matrices = f"stacked[{places[operand]}].T"
        return listed("", made, f" = jnp.split({named[operand]} @ {matrices}, {len(made)}, -1)")

    for state in cell.states:
        yield from products(state)
    for name in stated(cell):
        yield from assignment(named[name], tree(cell, name, named), 8)
        yield from products(name)
    yield from listed(f"return {named[cell.output]}, ", [named[name] for name in cell.states.values()], "")
