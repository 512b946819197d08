"""The space of Jozefowicz et al. (2015): graphs that mutations of the LSTM and the GRU lead to.

Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures, ICML. A graph has
activations, which take one value, and elementwise operations, which take two. Among the activations is Linear(a), a
new matrix whose diagonal a is added to, W v + b + a v; it is written out here. The mutations of a node are theirs:

- an activation becomes another, or an elementwise operation another;
- a new activation, or operation with another ancestor, comes between the node and one of its operands;
- a node with one operand and one user is removed;
- a node is replaced by one of its ancestors;
- a node is replaced by the sum, product or difference of an ancestor of its own and one of any other node.

A search of theirs draws p in [0, 1] and mutates each node with probability p, which is how `sample` draws; an edit
mutates one node. What decides there about a mutant, its accuracy in a memorization task and on the tasks beside that
of the GRU, is the search's matter, as is not to train a graph twice. The bound on nodes is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from cellsearch.cell import LINEAR, Cell, Node, from_equations, identity
from cellsearch.cell.draft import Draft
from cellsearch.space import SearchSpace
from cellsearch.space.edits import Edit
from cellsearch.space.sampling import Rejection

__all__ = ["ACTIVATIONS", "ELEMENTWISE", "MUTATIONS", "SAMPLE", "SPACE"]

ELEMENTWISE: Final = ("sum", "product", "difference")

LINEARS: Final = {"linear(0)": 0.0, "linear(0.9)": 0.9, "linear(1)": 1.0, "linear(1.1)": 1.1}
"""The a of each Linear(a)."""

ACTIVATIONS: Final = ("sigmoid", "tanh", "relu", *LINEARS)

MOST_NODES: Final = 48

LSTM = from_equations(
    "jozefowicz_lstm",
    """
    input_gate = tanh(linear(x) + linear(h))
    candidate = sigmoid(linear(x) + linear(h))
    forget_gate = sigmoid(linear(x, bias=1) + linear(h))
    output_gate = tanh(linear(x) + linear(h))
    c_next = c * forget_gate + input_gate * candidate
    h_next = tanh(c_next) * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""Their LSTM, with tanh on the output gate and an initial forget bias of 1."""

GRU = from_equations(
    "jozefowicz_gru",
    """
    reset_gate = sigmoid(linear(x) + linear(h))
    update_gate = sigmoid(linear(x) + linear(h))
    candidate = tanh(linear(x) + linear(reset_gate * h))
    h_next = candidate + update_gate * (h - candidate)
    """,
    states=["h"],
    output="h_next",
)
"""Their GRU: z * h + (1 - z) * candidate, in the operations of the space."""

KNOWN: Final = {identity(cell) for cell in (LSTM, GRU)}


@dataclass(frozen=True)
class Mutation:
    """A change of a draft at a node that it fits; `change` says in words what it did."""

    fits: Callable[[Draft, str], bool]
    change: Callable[[Draft, str, Random], str]


def _is_activation(draft: Draft, node: str) -> bool:
    return len(draft.nodes[node].operands) == 1


def _is_operation(draft: Draft, node: str) -> bool:
    return draft.nodes[node].op in ELEMENTWISE


def _is_link(draft: Draft, node: str) -> bool:
    """Whether the node has one operand and one user."""
    users = sum(draft.nodes[user].operands[position] == node for user, position in draft.edges())
    return _is_activation(draft, node) and users + (node in (*draft.states.values(), draft.output)) == 1


def _is_any(draft: Draft, node: str) -> bool:
    return True


def _swap_activation(draft: Draft, node: str, random: Random) -> str:
    operand, old = draft.nodes[node].operands[0], draft.nodes[node].op
    new = random.choice([activation for activation in ACTIVATIONS if activation not in (old, f"{old}(0)")])
    draft.hand_over(node, _add_activation(draft, new, operand))
    return f"swap {node} from {old} to {new}"


def _swap_operation(draft: Draft, node: str, random: Random) -> str:
    old = draft.nodes[node].op
    new = random.choice([op for op in ELEMENTWISE if op != old])
    draft.nodes[node] = replace(draft.nodes[node], op=new)
    return f"swap {node} from {old} to {new}"


def _insert_activation(draft: Draft, node: str, random: Random) -> str:
    position = random.randrange(len(draft.nodes[node].operands))
    operand, new = draft.nodes[node].operands[position], random.choice(ACTIVATIONS)
    draft.set_operand(node, position, _add_activation(draft, new, operand))
    return f"insert {new} between {operand} and {node}"


def _insert_operation(draft: Draft, node: str, random: Random) -> str:
    position = random.randrange(len(draft.nodes[node].operands))
    operand, other = draft.nodes[node].operands[position], random.choice(draft.ancestors(node))
    new = random.choice(ELEMENTWISE)
    draft.set_operand(node, position, _add(draft, Node(new, (operand, other))))
    return f"insert {new} with {other} between {operand} and {node}"


def _delete(draft: Draft, node: str, random: Random) -> str:
    heir = draft.nodes[node].operands[0]
    draft.hand_over(node, heir)
    return f"delete {node} ({draft.nodes[node].op}), {heir} in its place"


def _replace_by_ancestor(draft: Draft, node: str, random: Random) -> str:
    heir = random.choice(draft.ancestors(node))
    draft.hand_over(node, heir)
    return f"replace {node} by its ancestor {heir}"


def _replace_by_two(draft: Draft, node: str, random: Random) -> str:
    other, before = random.choice(list(draft.nodes)), draft.before(node)
    one, two = (random.choice([each for each in draft.ancestors(of) if each in before]) for of in (node, other))
    new = random.choice(ELEMENTWISE)
    draft.hand_over(node, _add(draft, Node(new, (one, two))))
    return f"replace {node} by the {new} of {one} and {two}"


def _add_activation(draft: Draft, activation: str, operand: str) -> str:
    """The name of a new activation of the operand; Linear(a) is up to three nodes."""
    if activation not in LINEARS:
        return _add(draft, Node(activation, (operand,)))
    linear, diagonal = _add(draft, Node(LINEAR, (operand,))), LINEARS[activation]
    if not diagonal:
        return linear
    bypass = operand if diagonal == 1 else _add(draft, Node("times_constant", (operand,), constant=diagonal))
    return _add(draft, Node("sum", (linear, bypass)))


def _add(draft: Draft, node: Node) -> str:
    name = draft.new_name(node.op)
    draft.nodes[name] = node
    return name


MUTATIONS: Final[Mapping[str, Mutation]] = {
    "swap activation": Mutation(_is_activation, _swap_activation),
    "swap operation": Mutation(_is_operation, _swap_operation),
    "insert activation": Mutation(_is_any, _insert_activation),
    "insert operation": Mutation(_is_any, _insert_operation),
    "delete node": Mutation(_is_link, _delete),
    "replace by ancestor": Mutation(_is_any, _replace_by_ancestor),
    "replace by two": Mutation(_is_any, _replace_by_two),
}
"""Mutation by kind."""


def _edit(mutation: Mutation) -> Edit:
    """The mutation at one node drawn among those that it fits."""

    def edit(draft: Draft, operations: Sequence[str], random: Random) -> str:
        fitting = [node for node in draft.nodes if mutation.fits(draft, node)]
        return mutation.change(draft, random.choice(fitting), random) if fitting else "change nothing"

    return edit


def _mutant(random: Random) -> Draft:
    """A seed of which each node is mutated with a probability that is itself drawn uniformly."""
    draft, probability = Draft.of(random.choice((LSTM, GRU))), random.random()
    for node in list(draft.nodes):
        if random.random() < probability:
            fitting = [mutation for mutation in MUTATIONS.values() if mutation.fits(draft, node)]
            random.choice(fitting).change(draft, node, random)
    return draft


def _is_new(cell: Cell) -> bool:
    return len(cell.nodes) <= MOST_NODES and identity(cell) not in KNOWN


SAMPLE: Final = Rejection("jozefowicz2015", _mutant, _is_new)
"""A mutant of a seed. Of 2,000 drafts 17 % are rejected: no state or input is left, or it is the seed itself."""

SPACE = SearchSpace(
    name="jozefowicz2015",
    seeds={cell.name: cell for cell in (LSTM, GRU)},
    operations=(LINEAR, *ELEMENTWISE, "sigmoid", "tanh", "relu", "times_constant"),
    most_nodes=MOST_NODES,
    most_states=2,
    sources=dict.fromkeys((LSTM.name, GRU.name), "Jozefowicz et al. 2015"),
    edits={kind: _edit(mutation) for kind, mutation in MUTATIONS.items()},
    sample=SAMPLE,
)
