"""Simpler cells: each part of a cell taken out or made plain, and what can be taken out without a change of the step.

What is tried of each node, by its kind:

    a linear of several    without one of its operands; with the weights of an earlier linear of the same operands
    a gate                 left out; constant, a learned vector that sees neither input nor state
    any other operation    left out, with one of its operands in its place
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cellsearch.cell import Cell, Node, complexity, family, identity
from cellsearch.cell.canonical.form import canonical, signed_form
from cellsearch.cell.draft import Draft
from cellsearch.errors import CellError

__all__ = ["Simpler", "constants", "plainness", "simpler", "without_dead_weight"]

GATES = ("sigmoid", "hard_sigmoid")

SIZE = 128
"""Input and hidden size at which costs are counted."""


@dataclass(frozen=True)
class Simpler:
    """A cell with a part less, called by what was done to it, and the node that was."""

    node: str
    cell: Cell


def simpler(cell: Cell) -> list[Simpler]:
    """The cells with one part less or plainer, each family of cells once, and none of the cell's own."""
    found, known = [], {family(cell)}
    for made in _valid(cell):
        if family(made.cell) not in known:
            known.add(family(made.cell))
            found.append(made)
    return found


def without_dead_weight(cell: Cell) -> tuple[Cell, list[str]]:
    """The cell without what changes nothing, and what that was, in words; found by its equations alone.

    Two states with the same next value are one, since both begin at 0. A part without which the step has the same
    identity does nothing. Of gates that are constant and equations that reduce, the words tell; the cell keeps them.
    """
    found: list[str] = []
    lighter = _lighter(cell)
    while lighter:
        cell, text = lighter
        found.append(text)
        lighter = _lighter(cell)
    found += [f"{name} is constant: it sees neither input nor state" for name in constants(cell)]
    least = len(canonical(cell).nodes)
    if least < len(cell.nodes):
        found.append(f"the equations reduce from {len(cell.nodes)} operations to {least}")
    return cell, found


def constants(cell: Cell) -> list[str]:
    """The gates and activations that are the same for every input and state."""
    functions = (name for name, node in cell.nodes.items() if node.row.value == f"{node.op}(a)")
    return [name for name in functions if _is_constant(cell, name)]


def plainness(cell: Cell) -> tuple[int, int, int, int]:
    """What makes a cell simple, the smallest first: matrix products and arithmetic of a step, nodes, states."""
    cost = complexity(cell, SIZE, SIZE)
    return cost.multiply_adds, cost.elementwise, len(cell.nodes), len(cell.states)


def _lighter(cell: Cell) -> tuple[Cell, str] | None:
    """The cell without one thing that changes nothing, and what; None where everything counts."""
    first: dict[str, str] = {}
    for state, following in cell.states.items():
        if following in first:
            draft = Draft.of(cell)
            draft.hand_over(state, first[following])
            del draft.states[state]
            text = f"states {first[following]} and {state} have the same next value, so that they are one"
            return draft.cell(cell.name), text
        first[following] = state
    own = identity(cell)
    for made in _valid(cell):
        if plainness(made.cell) < plainness(cell) and identity(made.cell) == own:
            return made.cell.renamed(cell.name), f"{made.cell.name}, the step is the same"
    return None


def _is_constant(cell: Cell, name: str) -> bool:
    """Whether neither input nor state is in the node's canonical form."""
    try:
        probe = Draft(dict(cell.nodes), dict(cell.states), name).cell("probe")
    except CellError:
        return False
    form = signed_form(probe, {})
    needed = {form.output}
    for value in range(form.output, -1, -1):
        needed |= set(form.graph.terms[value].operands) if value in needed else set()
    return not any(form.graph.terms[value].op in ("input", "state") for value in needed)


def _valid(cell: Cell) -> Iterator[Simpler]:
    """What is tried, as far as it is a cell."""
    for node, text, draft in _drafts(cell):
        try:
            yield Simpler(node, draft.cell(text))
        except CellError:  # a source as a next value, or the input without influence
            continue


def _drafts(cell: Cell) -> Iterator[tuple[str, str, Draft]]:
    """(node, what is done, the draft after it)."""
    for name, node in cell.nodes.items():
        if node.row.is_linear:
            yield from _plainer_linears(cell, name, node)
            continue
        for operand in dict.fromkeys(node.operands):
            draft = Draft.of(cell)
            draft.hand_over(name, operand)
            del draft.nodes[name]
            yield name, f"without {name}" if len(node.operands) == 1 else f"{operand} in place of {name}", draft
        if node.op in GATES:
            yield name, f"{name} constant", _with_constant(cell, name)


def _plainer_linears(cell: Cell, name: str, node: Node) -> Iterator[tuple[str, str, Draft]]:
    operands = dict.fromkeys(node.operands) if len(node.operands) > 1 else {}
    for operand in operands:
        draft = Draft.of(cell)
        place = node.operands.index(operand)
        draft.nodes[name] = replace(node, operands=node.operands[:place] + node.operands[place + 1 :])
        yield name, f"{name} without {operand}", draft
    for twin in cell.order[: cell.order.index(name)]:
        if (cell.nodes[twin].op, sorted(cell.nodes[twin].operands)) == (node.op, sorted(node.operands)):
            draft = Draft.of(cell)
            draft.hand_over(name, twin)
            del draft.nodes[name]
            yield name, f"{name} with the weights of {twin}", draft
            return


def _with_constant(cell: Cell, gate: str) -> Draft:
    """The gate of a learned bias alone; a state times 0 gives it its size."""
    draft = Draft.of(cell)
    zero, bias = draft.new_name("zero"), draft.new_name("bias")
    draft.nodes[zero] = Node("times_constant", (next(iter(cell.states)),), constant=0.0)
    draft.nodes[bias] = Node("bias", (zero,))
    draft.nodes[gate] = Node(cell.nodes[gate].op, (bias,))
    return draft
