"""Rewrites traced nodes to what a cell's author would have drawn, weights included, equal in value.

A node counts as used by other nodes and by the results (`roots`); what is used once may be merged into its user.

    W x + b + (U h + d) + k   ->  linear(x, h) with the bias b + d + k
    w * normalize(a) + b      ->  layer_norm(a)
    layer_norm(a) + b         ->  layer_norm with b added to its bias
    -a + 1                    ->  one_minus(a)
    a*b + (1 - a)*c           ->  blend(a, b, c), also where it is written c + a*(b - c) or c - a*(c - b)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations

from torch import Tensor

from cellsearch.cell import LINEAR
from cellsearch.recurrence.trace.building.lines import Line
from cellsearch.recurrence.trace.building.values import TracedNode

__all__ = ["merged"]

Nodes = dict[str, TracedNode]
Summand = tuple[str, int]
"""A node or source with its sign."""


def merged(nodes: Mapping[str, TracedNode], roots: Sequence[str]) -> Nodes:
    """The nodes that the roots need, operands before users, merged; the roots keep their names."""
    for rule in (_merge_norms, _merge_sums, _merge_blends):
        found = _needed(nodes, roots)
        rule(found, Counter([*roots, *(operand for node in found.values() for operand in node.operands)]))
        nodes = found
    return _needed(nodes, roots)


def _needed(nodes: Mapping[str, TracedNode], roots: Sequence[str]) -> Nodes:
    """What the roots depend on, operands before users."""
    found: Nodes = {}

    def visit(name: str) -> None:
        if name in nodes and name not in found:
            for operand in nodes[name].operands:
                visit(operand)
            found[name] = nodes[name]

    for root in roots:
        visit(root)
    return found


@dataclass
class _Sum:
    """The summands of nested sums: linears with their signs, vectors, a number, and everything else with its sign."""

    linears: list[Summand] = field(default_factory=list)
    vectors: list[Tensor] = field(default_factory=list)
    number: float = 0.0
    rest: list[Summand] = field(default_factory=list)

    @property
    def constants(self) -> int:
        """How many learned vectors and numbers are added."""
        return len(self.vectors) + (self.number != 0)


def _merge_norms(nodes: Nodes, uses: Counter[str]) -> None:
    for name, node in nodes.items():
        scaled = nodes.get(node.operands[0])
        if node.op == "bias" and scaled and scaled.op in ("scale", "peephole") and uses[node.operands[0]] == 1:
            normalized = nodes.get(scaled.operands[0])
            if normalized and normalized.op == "normalize" and uses[scaled.operands[0]] == 1:
                nodes[name] = TracedNode(
                    "layer_norm", normalized.operands, node.line, {**scaled.learned, **node.learned}
                )


def _merge_sums(nodes: Nodes, uses: Counter[str]) -> None:
    inner: set[str] = set()
    for name in reversed(list(nodes)):
        # A negation stays where it is, unless what it negates is a summand.
        if _is_additive(nodes[name]) and (name in inner or not _negates(nodes[name])):
            inner.update(o for o in nodes[name].operands if o in nodes and _is_additive(nodes[o]) and uses[o] == 1)
    for name in [name for name in nodes if name not in inner]:
        if _is_additive(nodes[name]) and not _negates(nodes[name]):
            _merge_sum(name, nodes, uses)


def _merge_sum(name: str, nodes: Nodes, uses: Counter[str]) -> None:
    total, line = _Sum(), nodes[name].line
    _collect(nodes[name], 1, total, nodes, uses)
    norms = [t for t, sign in total.rest if sign == 1 and t in nodes and nodes[t].op == "layer_norm" and uses[t] == 1]
    if len(total.linears) + total.constants > 1 and total.linears:
        nodes[f"{name}_linear"] = _with_bias(_one_linear(total.linears, nodes, line), total)
        _chain(name, [(f"{name}_linear", 1), *total.rest], nodes, line)
    elif total.constants and norms:
        nodes[norms[0]] = _with_bias(nodes[norms[0]], total)
        _chain(name, total.rest, nodes, line)
    elif not total.constants or total.linears:
        return
    elif total.number == 1 and not total.vectors and len(total.rest) == 1 and total.rest[0][1] == -1:
        nodes[name] = TracedNode("one_minus", (total.rest[0][0],), line)
    elif total.constants > 1:
        vector = sum(total.vectors[1:], total.vectors[0]) + total.number
        _chain(f"{name}_sum", total.rest, nodes, line)
        nodes[name] = TracedNode("bias", (f"{name}_sum",), line, {"bias": vector})


def _is_additive(node: TracedNode) -> bool:
    return node.op in ("sum", "difference", "bias", "plus_constant") or _negates(node)


def _negates(node: TracedNode) -> bool:
    return node.op == "times_constant" and node.constant == -1


def _collect(node: TracedNode, sign: int, total: _Sum, nodes: Nodes, uses: Counter[str]) -> None:
    """Sort the operands of an additive node into the sum, those of used-once additive operands in their place."""
    if node.op == "bias":
        total.vectors.append(sign * node.learned["bias"])
    if node.op == "plus_constant":
        total.number += sign * node.constant
    for place, operand in enumerate(node.operands):
        negative = _negates(node) or (node.op == "difference" and place == 1)
        of = -sign if negative else sign
        inner = nodes.get(operand)
        if inner is not None and uses[operand] == 1 and _is_additive(inner):
            _collect(inner, of, total, nodes, uses)
        elif inner is not None and uses[operand] == 1 and inner.op == LINEAR:
            total.linears.append((operand, of))
        else:
            total.rest.append((operand, of))


def _one_linear(linears: Sequence[Summand], nodes: Nodes, line: Line) -> TracedNode:
    """Their sum; matrices of the same operand are added, biases too."""
    weights: dict[str, Tensor] = {}
    biases = []
    for name, sign in linears:
        node = nodes[name]
        for i, operand in enumerate(node.operands):
            weight = sign * node.learned[f"weight_{i}"]
            weights[operand] = weights[operand] + weight if operand in weights else weight
        if "bias" in node.learned:
            biases.append(sign * node.learned["bias"])
    learned = {f"weight_{i}": weight for i, weight in enumerate(weights.values())}
    if biases:
        learned["bias"] = sum(biases[1:], biases[0])
    return TracedNode(LINEAR, tuple(weights), line, learned)


def _with_bias(node: TracedNode, total: _Sum) -> TracedNode:
    """The node with vectors and number added to its bias, if there are any."""
    if not total.constants:
        return node
    like = next(iter(node.learned.values()))
    own = node.learned.get("bias", like.new_zeros(like.shape[0]))
    return replace(node, learned={**node.learned, "bias": sum(total.vectors, own) + total.number})


def _chain(name: str, summands: Sequence[Summand], nodes: Nodes, line: Line) -> None:
    """Put the sum of summands under `name`: first what is added, then what is subtracted."""
    ordered = sorted(summands, key=lambda summand: -summand[1])
    (value, sign), *others = ordered
    made = nodes.get(value) if sign == 1 else TracedNode("times_constant", (value,), line, constant=-1.0)
    for number, (operand, of) in enumerate(others):
        if sign == -1 or number:
            value = f"{name}_{number}"
            assert made is not None
            nodes[value] = made
        made = TracedNode("sum" if of == 1 else "difference", (value, operand), line)
        sign = 1
    nodes[name] = made if made is not None else TracedNode("identity", (value,), line)


def _merge_blends(nodes: Nodes, uses: Counter[str]) -> None:
    for name, node in nodes.items():
        for operands in _blends(node, nodes, uses):
            nodes[name] = TracedNode("blend", operands, node.line)


def _blends(node: TracedNode, nodes: Nodes, uses: Counter[str]) -> Iterator[tuple[str, str, str]]:
    """Operands of the blends that the node is equal to."""

    def factors(name: str) -> list[tuple[str, ...]]:
        once = name in nodes and nodes[name].op == "product" and uses[name] == 1
        return list(permutations(nodes[name].operands)) if once else []

    def is_difference(name: str, minuend: str | None, subtrahend: str | None) -> bool:
        if name not in nodes or nodes[name].op != "difference" or uses[name] != 1:
            return False
        a, b = nodes[name].operands
        return minuend in (None, a) and subtrahend in (None, b)

    if node.op == "sum":
        for left, right in permutations(node.operands):
            for a, b in factors(left):
                for m, c in factors(right):
                    if m in nodes and nodes[m].op == "one_minus" and nodes[m].operands == (a,):
                        yield a, b, c
            for a, d in factors(right):
                if is_difference(d, None, left):
                    yield a, nodes[d].operands[0], left
    if node.op == "difference":
        c, right = node.operands
        for a, d in factors(right):
            if is_difference(d, c, None):
                yield a, nodes[d].operands[1], c
