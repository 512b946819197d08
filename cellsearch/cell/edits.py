"""Edits: the small random changes that turn one valid cell into another valid cell of the same space.

An edit works on a draft, which need not be valid in between. What an edit leaves without influence on the output is
dropped, the rest is validated; an edit that leads out of the space or changes nothing is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import networkx as nx

from cellsearch.cell.cell import Cell, Node
from cellsearch.cell.identity import identity
from cellsearch.cell.ops import INPUT, LINEAR, OPS
from cellsearch.cell.space import SearchSpace
from cellsearch.errors import CellError

__all__ = ["EDITS", "edit"]

ATTEMPTS: Final = 1000


def edit(cell: Cell, space: SearchSpace, random: Random, kinds: tuple[str, ...] | None = None) -> tuple[Cell, str]:
    """Another cell of the space, one random edit away, and the edit in words.

    `kinds` restricts the draw to some of EDITS. Raises CellError if ATTEMPTS draws find no such cell.
    """
    before = identity(cell)
    for _ in range(ATTEMPTS):
        kind = random.choice(kinds or tuple(EDITS))
        draft = _Draft(dict(cell.nodes), dict(cell.states), cell.output)
        try:
            words = EDITS[kind](draft, space, random)
            edited = draft.cell(cell.name)
        except CellError:
            continue
        if space.contains(edited) and identity(edited) != before:
            return edited, words
    raise CellError(f"cell {cell.name!r}: no edit of {ATTEMPTS} stays in space {space.name!r}; widen the space")


@dataclass
class _Draft:
    """A cell under construction."""

    nodes: dict[str, Node]
    states: dict[str, str]
    output: str

    def cell(self, name: str) -> Cell:
        """The draft as a cell, without what the output never depends on. Raises CellError if it is none."""
        over_time: nx.DiGraph[str] = nx.DiGraph()
        over_time.add_node(self.output)
        over_time.add_edges_from((operand, name) for name, node in self.nodes.items() for operand in node.operands)
        over_time.add_edges_from((following, state) for state, following in self.states.items())
        useful = nx.ancestors(over_time, self.output) | {self.output}
        return Cell(
            name,
            {name: node for name, node in self.nodes.items() if name in useful},
            {state: following for state, following in self.states.items() if state in useful},
            self.output,
        )

    def edges(self) -> list[tuple[str, int]]:
        """(node, position) of every operand."""
        return [(name, i) for name, node in self.nodes.items() for i in range(len(node.operands))]

    def before(self, name: str) -> list[str]:
        """What `name` may take as an operand without a cycle: the input, states, and nodes not computed from it."""
        step: nx.DiGraph[str] = nx.DiGraph()
        step.add_node(name)
        step.add_edges_from((operand, node) for node, each in self.nodes.items() for operand in each.operands)
        later = nx.descendants(step, name) | {name}
        return [INPUT, *self.states, *(node for node in self.nodes if node not in later)]

    def new_name(self, stem: str) -> str:
        """A free name: the stem and a number."""
        number = 1
        while f"{stem}_{number}" in self.nodes or f"{stem}_{number}" in self.states:
            number += 1
        return f"{stem}_{number}"

    def set_operand(self, name: str, position: int, operand: str) -> None:
        """Let `name` take `operand` at `position`."""
        node = self.nodes[name]
        operands = (*node.operands[:position], operand, *node.operands[position + 1 :])
        self.nodes[name] = Node(node.op, operands, node.initial_bias)


def _insert_node(draft: _Draft, space: SearchSpace, random: Random) -> str:
    user, position = random.choice(draft.edges())
    operand = draft.nodes[user].operands[position]
    op = random.choice(space.operations)
    others = [random.choice(draft.before(user)) for _ in range(_operand_count(op, random) - 1)]
    operands = [operand, *others]
    random.shuffle(operands)
    name = draft.new_name(op)
    draft.nodes[name] = Node(op, tuple(operands))
    draft.set_operand(user, position, name)
    return f"insert {name} = {op}({', '.join(operands)}) before {user}"


def _delete_node(draft: _Draft, space: SearchSpace, random: Random) -> str:
    name = random.choice(list(draft.nodes))
    heir = random.choice(draft.nodes[name].operands)
    if heir not in draft.nodes and (name == draft.output or name in draft.states.values()):
        raise CellError(f"{heir} cannot be a next value")
    for user, position in draft.edges():
        if draft.nodes[user].operands[position] == name:
            draft.set_operand(user, position, heir)
    draft.states = {state: heir if following == name else following for state, following in draft.states.items()}
    draft.output = heir if draft.output == name else draft.output
    op = draft.nodes.pop(name).op
    return f"delete {name} ({op}), {heir} in its place"


def _change_op(draft: _Draft, space: SearchSpace, random: Random) -> str:
    name = random.choice(list(draft.nodes))
    node = draft.nodes[name]
    op = _an_operation(random, [op for op in space.operations if op != node.op])
    operands = list(node.operands)
    if not OPS[op].takes(len(operands)):
        random.shuffle(operands)
        count = _operand_count(op, random)
        operands = (operands + [random.choice(draft.before(name)) for _ in range(count)])[:count]
    draft.nodes[name] = Node(op, tuple(operands))
    return f"change {name} from {node.op} to {op}({', '.join(operands)})"


def _rewire_operand(draft: _Draft, space: SearchSpace, random: Random) -> str:
    user, position = random.choice(draft.edges())
    old = draft.nodes[user].operands[position]
    new = random.choice([name for name in draft.before(user) if name != old])
    draft.set_operand(user, position, new)
    return f"rewire {user} from {old} to {new}"


def _add_state(draft: _Draft, space: SearchSpace, random: Random) -> str:
    """A state remembers a node that exists and is read by a linear, or by a new operation on an edge."""
    state = draft.new_name("state")
    following = random.choice(list(draft.nodes))
    draft.states[state] = following
    user, position = random.choice(draft.edges())
    node = draft.nodes[user]
    if node.op == LINEAR:
        draft.nodes[user] = Node(LINEAR, (*node.operands, state), node.initial_bias)
        return f"add {state}, the last {following}, read by {user}"
    op = _an_operation(random, [op for op in space.operations if OPS[op].takes(2)])
    name = draft.new_name(op)
    draft.nodes[name] = Node(op, (node.operands[position], state))
    draft.set_operand(user, position, name)
    return f"add {state}, the last {following}, read by {name} = {op} before {user}"


def _remove_state(draft: _Draft, space: SearchSpace, random: Random) -> str:
    """Linears lose the operand; other readers take something else."""
    state = random.choice(list(draft.states))
    following = draft.states.pop(state)
    for name, node in list(draft.nodes.items()):
        if node.op == LINEAR and state in node.operands and set(node.operands) != {state}:
            kept = tuple(operand for operand in node.operands if operand != state)
            draft.nodes[name] = Node(LINEAR, kept, node.initial_bias)
    for user, position in draft.edges():
        if draft.nodes[user].operands[position] == state:
            draft.set_operand(user, position, random.choice(draft.before(user)))
    return f"remove {state}, the last {following}"


EDITS: Final[dict[str, Callable[[_Draft, SearchSpace, Random], str]]] = {
    "insert node": _insert_node,
    "delete node": _delete_node,
    "change op": _change_op,
    "rewire operand": _rewire_operand,
    "add state": _add_state,
    "remove state": _remove_state,
}
"""Edit by kind."""


def _an_operation(random: Random, operations: Sequence[str]) -> str:
    if not operations:
        raise CellError("the space has no operation for it")
    return random.choice(operations)


def _operand_count(op: str, random: Random) -> int:
    row = OPS[op]
    return row.least if row.most is not None else random.choice((1, 2, 2, 3))
