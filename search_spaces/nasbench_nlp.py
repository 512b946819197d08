"""The space of NAS-Bench-NLP: random graphs of linears, each with an activation, and of elementwise operations.

Klyuchnikov et al. (2020), NAS-Bench-NLP: neural architecture search benchmark for natural language processing. `draw`
follows the generator published with it:

- 1, 2 or 3 states and 7, 14 or 21 nodes more than states (one more where the last is a linear);
- a node is a linear three times as often as a sum, a product or a blend;
- a linear takes 2 distinct values, or 3 one time in five, among the input, states and activations, and is followed by
  an activation of its own: tanh, sigmoid or leaky_relu;
- an elementwise operation takes distinct values among all but the input;
- next values are distinct nodes drawn uniformly, the output is the first; what none of them needs is dropped;
- valid is what reads the input and every state, and takes no state directly into a next value.

A next value may be a linear, or an elementwise operation may read one: its activation is then dropped unless another
node needs it. The published RNN, LSTM and GRU are in the benchmark too, though the generator does not make the latter
two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from itertools import product
from random import Random
from typing import Final, TypeVar

from cellsearch.cell import INPUT, LINEAR, Cell, Node, from_equations, identity
from cellsearch.cell.draft import Draft
from cellsearch.space import SearchSpace
from cellsearch.space.sampling import Rejection

from .gated import RNN

__all__ = ["GRU", "INTERMEDIATE", "LSTM", "SAMPLERS", "SPACE", "STATES", "draw"]

STATES: Final = (1, 2, 3)
INTERMEDIATE: Final = (7, 14, 21)

MAIN: Final = {LINEAR: 3, "sum": 1, "product": 1, "blend": 1}
"""Operations that are drawn, with their weights."""

ACTIVATIONS: Final = ("tanh", "sigmoid", "leaky_relu")

OPERANDS: Final = {2: 4, 3: 1}
"""Numbers of a linear's operands, with their weights."""

LSTM = from_equations(
    "nasbench_nlp_lstm",
    """
    input_gate = tanh(linear(x, h))
    candidate = sigmoid(linear(x, h))
    forget_gate = sigmoid(linear(x, h))
    output_gate = tanh(linear(x, h))
    c_next = forget_gate * c + input_gate * candidate
    h_next = tanh(c_next) * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""The benchmark's LSTM, recipe 1000001: tanh on the output gate, no initial forget bias."""

GRU = from_equations(
    "nasbench_nlp_gru",
    """
    reset_gate = sigmoid(linear(x, h))
    update_gate = sigmoid(linear(x, h))
    candidate = tanh(linear(x, reset_gate * h))
    h_next = blend(update_gate, h, candidate)
    """,
    states=["h"],
    output="h_next",
)
"""The benchmark's GRU, recipe 1000002: reset before the product."""

Value = TypeVar("Value")

PUBLISHED: Final = {identity(cell) for cell in (RNN, LSTM, GRU)}


def draw(random: Random, states: int, intermediate: int) -> Draft | None:
    """One recipe of the published generator; None if it is not valid by its rules."""
    sources = [INPUT, *(f"h{i}" for i in range(states))]
    nodes = _redundant_graph(random, sources, states + intermediate)
    following = dict(zip(sources[1:], random.sample(list(nodes), states), strict=True))
    needed = _needed(nodes, list(following.values()))
    direct = {operand for name in following.values() for operand in nodes[name].operands}
    if not needed.issuperset(sources) or not direct.isdisjoint(sources[1:]):
        return None
    return Draft(nodes, following, following["h0"])


def _needed(nodes: Mapping[str, Node], names: list[str]) -> set[str]:
    """The names and all that they are computed from."""
    needed = set(names)
    while names:
        name = names.pop()
        new = [operand for operand in nodes[name].operands if operand not in needed] if name in nodes else []
        needed.update(new)
        names += new
    return needed


def _redundant_graph(random: Random, sources: list[str], size: int) -> dict[str, Node]:
    """Nodes, of which some may turn out not to be needed."""
    nodes: dict[str, Node] = {}
    activations: list[str] = []
    while len(nodes) < size:
        op = _weighted(random, MAIN)
        if op == LINEAR:
            values = [*sources, *activations]
            operands = random.sample(values, min(_weighted(random, OPERANDS), len(values)))
            linear, activation = f"linear_{len(nodes)}", f"activation_{len(nodes)}"
            nodes[linear] = Node(LINEAR, tuple(operands))
            nodes[activation] = Node(random.choice(ACTIVATIONS), (linear,))
            activations.append(activation)
        else:
            values = [*sources[1:], *nodes]
            count = 3 if op == "blend" else 2
            if count <= len(values):
                nodes[f"{op}_{len(nodes)}"] = Node(op, tuple(random.sample(values, count)))
    return nodes


def _weighted(random: Random, weights: Mapping[Value, int]) -> Value:
    return random.choices(list(weights), list(weights.values()))[0]


def _admits(cell: Cell) -> bool:
    """Whether the generator can have made the cell, or it is one of the three published beside it."""
    return _generated(cell) or identity(cell) in PUBLISHED


def _generated(cell: Cell) -> bool:
    following = set(cell.states.values())
    direct = {operand for name in following for operand in cell.nodes[name].operands}
    activated = Counter(node.operands for node in cell.nodes.values() if node.op in ACTIVATIONS)
    own = len(following) == len(cell.states) and not direct & set(cell.states)
    return own and max(activated.values(), default=1) == 1 and all(_follows(cell, n) for n in cell.nodes.values())


def _follows(cell: Cell, node: Node) -> bool:
    """Whether a node takes what the generator would give it."""
    kinds = [cell.nodes[operand].op if operand in cell.nodes else operand for operand in node.operands]
    if node.op in ACTIVATIONS:
        return kinds == [LINEAR]
    if len(set(node.operands)) < len(kinds):
        return False
    if node.op == LINEAR:
        return len(kinds) in OPERANDS and all(kind in (*cell.sources, *ACTIVATIONS) for kind in kinds)
    return INPUT not in kinds


SAMPLERS: Final = {
    (states, intermediate): Rejection("nasbench_nlp", partial(draw, states=states, intermediate=intermediate), _admits)
    for states, intermediate in product(STATES, INTERMEDIATE)
}
"""The sampler of each size, (states, intermediate nodes)."""


def _sample(random: Random) -> Cell:
    """A cell of a size drawn uniformly, with the generator's odds.

    For 7, 14 and 21 intermediate nodes 41, 31 and 25 % of 2,000 drafts are rejected with one state, 83, 75 and 67 %
    with two, 97, 92 and 87 % with three; nearly all by the published rules, the rest since the input never reaches the
    output.
    """
    return random.choice(list(SAMPLERS.values()))(random)


SPACE = SearchSpace(
    name="nasbench_nlp",
    seeds={cell.name: cell for cell in (RNN, LSTM, GRU)},
    operations=(*MAIN, *ACTIVATIONS),
    most_nodes=max(STATES) + max(INTERMEDIATE) + 1,
    most_states=max(STATES),
    sources={
        RNN.name: "Elman 1990",
        LSTM.name: "Klyuchnikov et al. 2020, recipe 1000001",
        GRU.name: "Klyuchnikov et al. 2020, recipe 1000002",
    },
    sample=_sample,
    admits=_admits,
)
