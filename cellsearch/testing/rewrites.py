"""Equations as random rewrites of a cell that keep its meaning, each an equation read in one direction.

Learned arrays are carried along. None shares code with the rules of `cell.canonical.rules` that undo them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

import networkx as nx

from cellsearch.cell import INPUT, LINEAR, Cell, Node
from cellsearch.cell.canonical.terms import Origin

__all__ = ["ANY_NODE", "REWRITES", "Origin", "Rewriting"]


class Rewriting:
    """A cell under rewriting, and where its learned arrays come from."""

    def __init__(self, cell: Cell) -> None:
        self.nodes = dict(cell.nodes)
        self.states = dict(cell.states)
        self.output = cell.output
        self.weights: dict[str, Origin] = {}
        self.biases: dict[str, Origin] = {}
        self.count = 0
        for name, node in cell.nodes.items():
            if node.parameters():
                places = range(len(node.operands)) if node.op == LINEAR else (0,)
                self.weights[name] = tuple((name, place) for place in places)
                self.biases[name] = ((name, 1.0),) if "bias" in node.row.parameters else ()

    def cell(self) -> Cell:
        """The cell without nodes that a rewrite has left unused."""
        step: nx.DiGraph[str] = nx.DiGraph()
        step.add_edges_from((operand, name) for name, node in self.nodes.items() for operand in node.operands)
        roots = {*self.states.values(), self.output}
        used = roots.union(*(nx.ancestors(step, root) for root in roots))
        self.nodes = {name: node for name, node in self.nodes.items() if name in used}
        return Cell("scrambled", self.nodes, self.states, self.output)

    def shuffled_names(self, random: Random) -> list[str]:
        names = [f"v{i}" for i in range(len(self.nodes))]
        random.shuffle(names)
        return names

    def add(self, op: str, *operands: str, constant: float = 1.0) -> str:
        """A new node without learned arrays."""
        return self.put(Node(op, operands, 0.0, constant))

    def put(self, node: Node) -> str:
        self.count += 1
        name = f"new{self.count}"
        while name in self.nodes or name in self.states:
            name += "_"
        self.nodes[name] = node
        return name

    def learned(self, node: Node, weights: Origin, biases: Origin) -> str:
        name = self.put(node)
        self.weights[name], self.biases[name] = weights, biases
        return name

    def become(self, name: str, op: str, *operands: str, constant: float = 1.0) -> None:
        """The node computes its value another way, now without learned arrays of its own."""
        self.nodes[name] = Node(op, operands, 0.0, constant)
        self.weights.pop(name, None)
        self.biases.pop(name, None)

    def copied(self, name: str) -> str:
        """The node's definition under a new name, its learned arrays included: the old one is to become another."""
        if name in self.weights:
            return self.learned(self.nodes[name], self.weights[name], self.biases[name])
        return self.put(self.nodes[name])


Rewrite = Callable[[Rewriting, str, Random], None]


def _operand(rewriting: Rewriting, name: str, random: Random) -> tuple[int, str] | None:
    """A random operand of a node, if it is not the input of a linear: that one is of another size."""
    node = rewriting.nodes[name]
    place = random.randrange(len(node.operands))
    operand = node.operands[place]
    return None if node.row.is_linear and operand == INPUT else (place, operand)


def _wrap(wrap: Callable[[Rewriting, str], str]) -> Rewrite:
    def rewrite(rewriting: Rewriting, name: str, random: Random) -> None:
        if found := _operand(rewriting, name, random):
            place, operand = found
            node = rewriting.nodes[name]
            operands = (*node.operands[:place], wrap(rewriting, operand), *node.operands[place + 1 :])
            rewriting.nodes[name] = replace(node, operands=operands)

    return rewrite


def _twice(op: str, first: float = 1.0, second: float = 1.0) -> Callable[[Rewriting, str], str]:
    return lambda rewriting, a: rewriting.add(op, rewriting.add(op, a, constant=first), constant=second)


def _negated(rewriting: Rewriting, name: str) -> str:
    return rewriting.add("times_constant", name, constant=-1.0)


def _copy_for_one_user(rewriting: Rewriting, name: str, random: Random) -> None:
    """What learns nothing may be computed anew for one user."""
    found = _operand(rewriting, name, random)
    if found and found[1] in rewriting.nodes and not rewriting.nodes[found[1]].parameters():
        _wrap(lambda rewriting, a: rewriting.copied(a) if a == found[1] else a)(rewriting, name, random)


def _negate_value(rewriting: Rewriting, name: str, random: Random) -> None:
    """a = -(-a), for all users."""
    rewriting.become(name, "times_constant", _negated(rewriting, rewriting.copied(name)), constant=-1.0)


ANY_NODE: Final[tuple[Rewrite, ...]] = (
    _wrap(_twice("one_minus")),
    _wrap(_twice("times_constant", -1.0, -1.0)),
    _wrap(_twice("times_constant", 2.0, 0.5)),
    _wrap(_twice("plus_constant", 0.5, -0.5)),
    _wrap(lambda rewriting, a: rewriting.add("identity", a)),
    _wrap(lambda rewriting, a: rewriting.add("times_constant", a, constant=1.0)),
    _copy_for_one_user,
    _negate_value,
)


def _sum(rewriting: Rewriting, name: str, random: Random) -> None:
    """a + b = a - (-b)."""
    a, b = rewriting.nodes[name].operands
    rewriting.become(name, "difference", a, _negated(rewriting, b))


def _difference(rewriting: Rewriting, name: str, random: Random) -> None:
    """a - b = a + (-b) = -(b - a)."""
    a, b = rewriting.nodes[name].operands
    if random.random() < 0.5:
        rewriting.become(name, "sum", _negated(rewriting, b), a)
    else:
        rewriting.become(name, "times_constant", rewriting.add("difference", b, a), constant=-1.0)


def _reassociate(rewriting: Rewriting, name: str, random: Random) -> None:
    """(a + b) + c = a + (b + c), and so for products."""
    node = rewriting.nodes[name]
    for inner, c in (node.operands, node.operands[::-1]):
        if inner in rewriting.nodes and rewriting.nodes[inner].op == node.op:
            a, b = rewriting.nodes[inner].operands
            rewriting.become(name, node.op, a, rewriting.add(node.op, b, c))
            return


def _multiply_out(rewriting: Rewriting, name: str, random: Random) -> None:
    """(a + b) * c = a * c + b * c, for sums, differences and 1 - a."""
    for inner, c in (rewriting.nodes[name].operands, rewriting.nodes[name].operands[::-1]):
        if inner in rewriting.nodes and (node := rewriting.nodes[inner]).op in ("sum", "difference", "one_minus"):
            left = c if node.op == "one_minus" else rewriting.add("product", node.operands[0], c)
            op = "sum" if node.op == "sum" else "difference"
            rewriting.become(name, op, left, rewriting.add("product", node.operands[-1], c))
            return


def _negate_factors(rewriting: Rewriting, name: str, random: Random) -> None:
    """a * b = -((-a) * b)."""
    a, b = rewriting.nodes[name].operands
    rewriting.become(name, "times_constant", rewriting.add("product", _negated(rewriting, a), b), constant=-1.0)


def _spell_out_blend(rewriting: Rewriting, name: str, random: Random) -> None:
    """blend(a, b, c) = a * b + (1 - a) * c = c + a * (b - c) = blend(1 - a, c, b)."""
    a, b, c = rewriting.nodes[name].operands
    form = random.randrange(3)
    if form == 0:
        left, rest = rewriting.add("product", a, b), rewriting.add("one_minus", a)
        rewriting.become(name, "sum", left, rewriting.add("product", rest, c))
    elif form == 1:
        rewriting.become(name, "sum", c, rewriting.add("product", rewriting.add("difference", b, c), a))
    else:
        rewriting.become(name, "blend", rewriting.add("one_minus", a), c, b)


def _one_minus(rewriting: Rewriting, name: str, random: Random) -> None:
    """1 - a = -a + 1."""
    rewriting.become(name, "plus_constant", _negated(rewriting, rewriting.nodes[name].operands[0]), constant=1.0)


def _split_constant(rewriting: Rewriting, name: str, random: Random) -> None:
    """k a = 2 (k / 2 a), a + k = a + (k - 1) + 1."""
    node = rewriting.nodes[name]
    first, second = (node.constant / 2, 2.0) if node.op == "times_constant" else (node.constant - 1, 1.0)
    rewriting.become(name, node.op, rewriting.add(node.op, node.operands[0], constant=first), constant=second)


def _mirror_sigmoid(rewriting: Rewriting, name: str, random: Random) -> None:
    """sigmoid(a) = 1 - sigmoid(-a)."""
    node = rewriting.nodes[name]
    rewriting.become(name, "one_minus", rewriting.add(node.op, _negated(rewriting, node.operands[0])))


def _mirror_odd(rewriting: Rewriting, name: str, random: Random) -> None:
    """f(a) = -f(-a); what the node learns, the inner one has."""
    inner = rewriting.copied(name)
    rewriting.nodes[inner] = replace(
        rewriting.nodes[inner], operands=(_negated(rewriting, rewriting.nodes[name].operands[0]),)
    )
    rewriting.become(name, "times_constant", inner, constant=-1.0)


def _mirror_ramp(rewriting: Rewriting, name: str, random: Random) -> None:
    """f(a) = a + f(-a)."""
    node = rewriting.nodes[name]
    rewriting.become(name, "sum", node.operands[0], rewriting.add(node.op, _negated(rewriting, node.operands[0])))


def _spell_out_silu(rewriting: Rewriting, name: str, random: Random) -> None:
    """silu(a) = a * sigmoid(a)."""
    (a,) = rewriting.nodes[name].operands
    rewriting.become(name, "product", a, rewriting.add("sigmoid", a))


def _again(rewriting: Rewriting, name: str, random: Random) -> None:
    """relu(a) = relu(relu(a)), maximum(a, b) = maximum(a, maximum(a, b))."""
    node = rewriting.nodes[name]
    others = node.operands[:1] if len(node.operands) == 2 else ()
    rewriting.become(name, node.op, *others, rewriting.copied(name))


def _split_linear(rewriting: Rewriting, name: str, random: Random) -> None:
    """linear(a, b) = linear(a) + linear(b), the bias in two parts."""
    node = rewriting.nodes[name]
    if len(node.operands) > 1:
        weights, biases = rewriting.weights[name], rewriting.biases[name]
        places = random.sample(range(len(node.operands)), len(node.operands))
        cut, part = random.randrange(1, len(places)), random.choice((0.0, 0.25, 1.0))
        halves = []
        for mine, k in ((places[:cut], part), (places[cut:], 1 - part)):
            half = Node(LINEAR, tuple(node.operands[i] for i in mine), k * node.initial_bias)
            halves.append(
                rewriting.learned(half, tuple(weights[i] for i in mine), tuple((n, k * j) for n, j in biases))
            )
        rewriting.become(name, "sum", *halves)


def _split_bias(rewriting: Rewriting, name: str, random: Random) -> None:
    """linear(a, b) = bias(linear(a, b)), the bias in two parts."""
    node, biases = rewriting.nodes[name], rewriting.biases[name]
    part = random.choice((0.0, 0.25, 1.0))
    parts = [(k * node.initial_bias, tuple((n, k * j) for n, j in biases)) for k in (part, 1 - part)]
    inner = rewriting.learned(replace(node, initial_bias=parts[0][0]), rewriting.weights[name], parts[0][1])
    rewriting.nodes[name] = Node("bias", (inner,), parts[1][0])
    rewriting.weights[name], rewriting.biases[name] = ((name, 0),), parts[1][1]


REWRITES: Final[dict[str, tuple[Rewrite, ...]]] = {
    "sum": (_sum, _reassociate, _reassociate),
    "difference": (_difference, _difference),
    "product": (_reassociate, _multiply_out, _multiply_out, _negate_factors),
    "blend": (_spell_out_blend,) * 3,
    "one_minus": (_one_minus,),
    "times_constant": (_split_constant,),
    "plus_constant": (_split_constant,),
    "sigmoid": (_mirror_sigmoid,) * 3,
    "hard_sigmoid": (_mirror_sigmoid,),
    "tanh": (_mirror_odd,) * 3,
    "sine": (_mirror_odd,),
    "normalize": (_mirror_odd,),
    "rms_norm": (_mirror_odd,),
    "scale": (_mirror_odd,),
    "peephole": (_mirror_odd,),
    "static_gate": (_mirror_odd,),
    "softplus": (_mirror_ramp,),
    "gelu": (_mirror_ramp,),
    "relu": (_mirror_ramp, _again),
    "maximum": (_again, _reassociate),
    "minimum": (_again, _reassociate),
    "silu": (_spell_out_silu,),
    "linear": (_split_linear, _split_bias) * 2,
    "layer_norm": (_split_bias,),
    "block_linear": (_split_bias,),
}
"""The rewrites of a node, by its operation."""
