"""Edits: the small random changes of which a mutation is one. A space may allow some only, and have edits of its own.

An operation with a constant, such as times_constant or a linear's blocks or rank, gets one of CONSTANTS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Final

from cellsearch.cell.draft import Draft
from cellsearch.cell.node import Node
from cellsearch.cell.ops import LINEAR, OPS
from cellsearch.errors import CellError

__all__ = ["CONSTANTS", "EDITS", "Edit"]

CONSTANTS: Final[Mapping[type[float], tuple[float, ...]]] = MappingProxyType(
    {float: (-1.0, 0.1, 0.5, 2.0), int: (1.0, 2.0, 4.0, 8.0)}
)
"""What an edit may set a node's constant to, by the kind that its operation has."""

Edit = Callable[[Draft, Sequence[str], Random], str]
"""Changes a draft by random draws, adding none but the given operations, and says how in words.

Raises CellError where it does not fit.
"""


def _insert_node(draft: Draft, operations: Sequence[str], random: Random) -> str:
    user, position = random.choice(draft.edges())
    operand = draft.nodes[user].operands[position]
    op = random.choice(operations)
    others = [random.choice(draft.before(user)) for _ in range(_operand_count(op, random) - 1)]
    operands = [operand, *others]
    random.shuffle(operands)
    name = draft.new_name(op)
    draft.nodes[name] = _new_node(op, operands, random)
    draft.set_operand(user, position, name)
    return f"insert {name} = {_in_words(draft.nodes[name])} before {user}"


def _delete_node(draft: Draft, operations: Sequence[str], random: Random) -> str:
    name = random.choice(list(draft.nodes))
    heir = random.choice(draft.nodes[name].operands)
    if heir not in draft.nodes and (name == draft.output or name in draft.states.values()):
        raise CellError(f"{heir} cannot be a next value")
    draft.hand_over(name, heir)
    op = draft.nodes.pop(name).op
    return f"delete {name} ({op}), {heir} in its place"


def _change_op(draft: Draft, operations: Sequence[str], random: Random) -> str:
    """Another operation, or the same with another constant; operands stay where it takes as many."""
    name = random.choice(list(draft.nodes))
    node = draft.nodes[name]
    op = _an_operation(random, [op for op in operations if op != node.op or OPS[op].constant])
    operands = list(node.operands)
    if not OPS[op].takes(len(operands)):
        random.shuffle(operands)
        count = _operand_count(op, random)
        operands = (operands + [random.choice(draft.before(name)) for _ in range(count)])[:count]
    draft.nodes[name] = _new_node(op, operands, random)
    return f"change {name} from {node.op} to {_in_words(draft.nodes[name])}"


def _rewire_operand(draft: Draft, operations: Sequence[str], random: Random) -> str:
    user, position = random.choice(draft.edges())
    old = draft.nodes[user].operands[position]
    new = random.choice([name for name in draft.before(user) if name != old])
    draft.set_operand(user, position, new)
    return f"rewire {user} from {old} to {new}"


def _add_state(draft: Draft, operations: Sequence[str], random: Random) -> str:
    """A state remembers a node that exists and is read by a linear, or by a new operation on an edge."""
    state = draft.new_name("state")
    following = random.choice(list(draft.nodes))
    draft.states[state] = following
    user, position = random.choice(draft.edges())
    node = draft.nodes[user]
    if node.op == LINEAR:
        draft.nodes[user] = Node(LINEAR, (*node.operands, state), node.initial_bias)
        return f"add {state}, the last {following}, read by {user}"
    op = _an_operation(random, [op for op in operations if OPS[op].takes(2)])
    name = draft.new_name(op)
    draft.nodes[name] = _new_node(op, (node.operands[position], state), random)
    draft.set_operand(user, position, name)
    return f"add {state}, the last {following}, read by {name} = {op} before {user}"


def _remove_state(draft: Draft, operations: Sequence[str], random: Random) -> str:
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


EDITS: Final[Mapping[str, Edit]] = MappingProxyType(
    {
        "insert node": _insert_node,
        "delete node": _delete_node,
        "change op": _change_op,
        "rewire operand": _rewire_operand,
        "add state": _add_state,
        "remove state": _remove_state,
    }
)
"""Edit by kind."""


def _an_operation(random: Random, operations: Sequence[str]) -> str:
    if not operations:
        raise CellError("the space has no operation for it")
    return random.choice(operations)


def _new_node(op: str, operands: Sequence[str], random: Random) -> Node:
    kind = OPS[op].constant
    return Node(op, tuple(operands), constant=random.choice(CONSTANTS[kind]) if kind else 1.0)


def _in_words(node: Node) -> str:
    number = [f"constant={node.constant:g}"] if node.row.constant else []
    return f"{node.op}({', '.join([*node.operands, *number])})"


def _operand_count(op: str, random: Random) -> int:
    row = OPS[op]
    return row.least if row.most is not None else random.choice((1, 2, 2, 3))
