"""The space of cells that are linear in their states: all steps of a sequence can be computed by a parallel scan.

Every next value is, unit by unit, a sum of states times coefficients that the input alone decides, plus one such value
(`cell.linearity`): Martin & Cundy (2018), Parallelizing linear recurrent neural nets over sequence length, ICLR. What
the output makes of the states may be anything.
"""

from __future__ import annotations

from random import Random
from typing import Final

from cellsearch.cell import INPUT, LINEAR, OPS, Node
from cellsearch.cell.draft import Draft
from cellsearch.cell.linearity import Dependence, dependence_of, is_linear_in_state
from cellsearch.space import SearchSpace
from cellsearch.space.sampling import Rejection

from .zoo_linear import CELLS, DIAGONAL_LRU, GILR, MIN_GRU, MIN_LSTM, QRNN, STRONGLY_TYPED_RNN

__all__ = ["SAMPLE", "SPACE"]

ARITHMETIC: Final = ("sum", "product", "difference", "blend", "one_minus", "scale", "static_gate", "bias")

ACTIVATIONS: Final = ("sigmoid", "tanh", "relu", "silu", "softplus", "exp")


class _Growth:
    """A draft that grows a node at a time, and how each of its values depends on the states."""

    def __init__(self, random: Random, states: int) -> None:
        self.random = random
        self.nodes: dict[str, Node] = {}
        self.depends = {f"h{i}": Dependence.LINEAR for i in range(states)}

    def add(self, op: str, *operands: str) -> str:
        """A new node."""
        name = f"{op}_{len(self.nodes)}"
        self.nodes[name] = Node(op, operands)
        self.depends[name] = dependence_of(op, tuple(self.depends.get(o, Dependence.NONE) for o in operands))
        return name

    def gate(self) -> str:
        """A linear of the input, and mostly an activation of it."""
        linear = self.add(LINEAR, INPUT)
        return self.add(self.random.choice(ACTIVATIONS), linear) if self.random.random() < 0.8 else linear

    def go_on(self, value: str, operations: tuple[str, ...], most: Dependence) -> str:
        """A new node that reads the value, and perhaps others, and depends on the states no more than that."""
        while True:
            op = self.random.choice(operations)
            operands = self.random.sample(list(self.depends), OPS[op].least)
            operands[self.random.randrange(len(operands))] = value
            if dependence_of(op, tuple(self.depends[operand] for operand in operands)) <= most:
                return self.add(op, *operands)


def _draw(random: Random) -> Draft:
    """2 to 5 gates of the input; from each of 1 or 2 states 1 to 4 steps to its next value; 0 to 3 to the output."""
    growth = _Growth(random, states=random.randint(1, 2))
    states = list(growth.depends)
    for _ in range(random.randint(2, 5)):
        growth.gate()
    following = {}
    for state in states:
        value = state
        for _ in range(random.randint(1, 4)):
            value = growth.go_on(value, ARITHMETIC, Dependence.LINEAR)
        following[state] = value
    output = random.choice(list(following.values()))
    for _ in range(random.randint(0, 3)):
        output = growth.go_on(output, (*ARITHMETIC, *ACTIVATIONS, LINEAR), Dependence.OTHER)
    return Draft(growth.nodes, following, output)


SAMPLE: Final = Rejection("linear_recurrent", _draw, is_linear_in_state)
"""Not uniform. Of 2,000 drafts 37 % are rejected, since the input never reaches the output or a state."""

SEEDS: Final = (QRNN, MIN_GRU, MIN_LSTM, DIAGONAL_LRU, STRONGLY_TYPED_RNN, GILR)

SPACE = SearchSpace(
    name="linear_recurrent",
    seeds={cell.name: cell for cell in SEEDS},
    operations=(LINEAR, *ARITHMETIC, "times_constant", *ACTIVATIONS),
    most_nodes=24,
    most_states=2,
    sources={cell.name: CELLS[cell] for cell in SEEDS},
    sample=SAMPLE,
    admits=is_linear_in_state,
)
