"""Cells whose learned arrays or states are negated, written out by hand; and arrays carried by family.

Negating is told to the cell as equations, `-1 * linear(x, h)` for `linear(x, h)`, and shares no code with `family`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from cellsearch.cell import INPUT, LINEAR, Cell, Node
from cellsearch.cell.canonical.family import SignedForm
from cellsearch.cell.canonical.parity import form_in_parts
from cellsearch.cell.ops import LOW_RANK_LINEAR
from cellsearch.recurrence.reference import REFERENCE
from cellsearch.recurrence.rnn import Layer
from tests.helpers.cell.carried import BATCH, HIDDEN_SIZE, INPUT_SIZE, STEPS, layer, tame

__all__ = ["assert_same_values_by_family", "negated", "negations"]

Nodes = dict[str, Node]
Negation = Callable[[Nodes, dict[str, str]], None]
"""Rewrites the nodes and states of a cell."""


def negations(cell: Cell) -> list[Negation]:
    """Every way to negate arrays of one node, or one state: each is its own inverse, and any may be put together."""
    return list(_negations(cell))


def negated(cell: Cell, chosen: Sequence[Negation]) -> Cell:
    """The cell with all of these negated."""
    nodes, states = dict(cell.nodes), dict(cell.states)
    for negation in chosen:
        negation(nodes, states)
    return Cell("negated", nodes, states, cell.output)


def _negations(cell: Cell) -> Iterator[Negation]:
    for name, node in cell.nodes.items():
        if node.row.is_linear:
            yield partial(_negate_value, name)
            for place, operand in enumerate(node.operands):
                if operand != INPUT:
                    yield partial(_negate_operand, name, place)
        elif node.op == "peephole":
            yield partial(_negate_value, name)
        elif node.op == "bias":
            yield partial(_negate_bias, name)
        elif node.op == "static_gate":
            yield partial(_negate_static_gate, name)
    for state in cell.states:
        yield partial(_negate_state, state)


def _add(nodes: Nodes, op: str, *operands: str, constant: float = 1.0) -> str:
    name = f"made{len(nodes)}"
    while name in nodes:
        name += "_"
    nodes[name] = Node(op, operands, 0.0, constant)
    return name


def _negative(nodes: Nodes, name: str) -> str:
    return _add(nodes, "times_constant", name, constant=-1.0)


def _moved(nodes: Nodes, name: str) -> tuple[str, str]:
    """The node under another name, its bias started at the negative; what it was is to become another."""
    node = nodes[name]
    moved = _negative(nodes, name)
    nodes[moved] = replace(node, initial_bias=-node.initial_bias)
    return moved, node.operands[0]


def _negate_value(name: str, nodes: Nodes, states: dict[str, str]) -> None:
    moved, _ = _moved(nodes, name)
    nodes[name] = Node("times_constant", (moved,), 0.0, -1.0)


def _negate_operand(name: str, place: int, nodes: Nodes, states: dict[str, str]) -> None:
    while not nodes[name].row.is_linear:  # its own value was negated before
        (name,) = nodes[name].operands
    operands = list(nodes[name].operands)
    operands[place] = _negative(nodes, operands[place])
    nodes[name] = replace(nodes[name], operands=tuple(operands))


def _negate_bias(name: str, nodes: Nodes, states: dict[str, str]) -> None:
    """a + b = -(-a + -b)."""
    moved, a = _moved(nodes, name)
    nodes[moved] = replace(nodes[moved], operands=(_negative(nodes, a),))
    nodes[name] = Node("times_constant", (moved,), 0.0, -1.0)


def _negate_static_gate(name: str, nodes: Nodes, states: dict[str, str]) -> None:
    """sigmoid(b) a = a - sigmoid(-b) a."""
    moved, a = _moved(nodes, name)
    nodes[name] = Node("difference", (a, moved))


def _negate_state(state: str, nodes: Nodes, states: dict[str, str]) -> None:
    readers = [name for name, node in nodes.items() if state in node.operands]
    negative = _negative(nodes, state)
    for name in readers:
        operands = tuple(negative if operand == state else operand for operand in nodes[name].operands)
        nodes[name] = replace(nodes[name], operands=operands)
    states[state] = _negative(nodes, states[state])


def assert_same_values_by_family(one: Cell, other: Cell) -> None:
    """Random arrays of one cell, carried to the other with the signs that its family says, give the same outputs."""
    first, second = SignedForm(form_in_parts(one)), SignedForm(form_in_parts(other))
    assert first.text == second.text
    original, target = layer(one), layer(other)
    for arrays in target.learned().values():
        for array in arrays.values():
            array.detach().zero_()
    if "x_projected" in target.learned():
        for name, array in target.learned()["x_projected"].items():
            array.detach().copy_(original.learned()["x_projected"][name])
    _give_weights(first, original, second, target)
    _give_biases(first, original, second, target)
    (begin, got), (states, expected) = _run(second, target), _run(first, original)
    assert begin.shape == states.shape
    nudged = _run(first, original, nudge=1e-14)[1]
    bound = 1e-9 * (1 + expected.abs()) + 1000 * (expected - nudged).abs()
    assert not bool((((got - expected).abs() > bound).any(-1) & tame(expected) & tame(nudged)).any())


def _sign(form: SignedForm, place: int) -> float:
    return -1.0 if place in form.negated else 1.0


def _by_rank(form: SignedForm) -> list[int]:
    return sorted(range(len(form.values)), key=form.ranks.__getitem__)


def _through(form: SignedForm, place: int, read: tuple[int, bool]) -> float:
    """The sign of an array that leads from an operand to a value, with both in their canonical signs."""
    operand, negative = read
    return _sign(form, place) * _sign(form, operand) * (-1.0 if negative else 1.0)


def _weights(form: SignedForm, cell: Cell) -> Iterator[tuple[str, list[str], float]]:
    """(node, arrays, sign) in canonical order: each matrix of a linear, else all that a node has but its bias."""
    for place in _by_rank(form):
        value = form.values[place]
        term, reads = form.form.graph.terms[value], form.reads(value)
        if not term.weights or term.op == "state":
            continue
        if term.op == LINEAR:
            for i in sorted(range(len(reads)), key=lambda i: form.ranks[reads[i][0]]):
                node, number = term.weights[i]
                sign = -1.0 if node.startswith("-") else 1.0
                yield node.removeprefix("-"), [f"weight_{int(number)}"], sign * _through(form, place, reads[i])
        else:
            node = term.weights[0][0].removeprefix("-")
            free = cell.nodes[node].row.is_linear or term.op == "peephole"
            yield node, [], _through(form, place, reads[0]) if free else 1.0


def _give_weights(first: SignedForm, original: Layer, second: SignedForm, target: Layer) -> None:
    given, taken = original.learned(), target.learned()
    pairs = zip(_weights(first, original.cell), _weights(second, target.cell), strict=True)
    for (node, own, sign), (to, others, other_sign) in pairs:
        sources = own or [name for name in given[node] if name != "bias"]
        goals = others or [name for name in taken[to] if name != "bias"]
        for i, (source, goal) in enumerate(zip(sources, goals, strict=True)):
            # A low-rank matrix is a product of two, of which one takes the sign; block by block all do.
            signed = 1.0 if i and original.cell.nodes[node].op == LOW_RANK_LINEAR else sign * other_sign
            taken[to][goal].detach().copy_(signed * given[node][source])


def _totals(form: SignedForm) -> Iterator[tuple[float, Sequence[tuple[str, float]]]]:
    """Of each value that adds a bias its sign, and the nodes' biases that add up to it."""
    for place in _by_rank(form):
        value = form.values[place]
        term = form.form.graph.terms[value]
        if term.biases:
            sign = _sign(form, place)
            if term.op == "odd part of static_gate":
                sign = _through(form, place, form.reads(value)[0])
            yield sign, term.biases


def _give_biases(first: SignedForm, original: Layer, second: SignedForm, target: Layer) -> None:
    """Such biases of the other cell that all their sums are those of the one."""
    wanted, rows = list[Tensor](), list[dict[str, float]]()
    for (sign, ours), (other_sign, theirs) in zip(_totals(first), _totals(second), strict=True):
        total = sum((factor * original.learned()[node]["bias"] for node, factor in ours), torch.zeros(HIDDEN_SIZE))
        wanted.append(sign * other_sign * total.detach().double())
        row: dict[str, float] = defaultdict(float)
        for node, factor in theirs:
            row[node] += factor
        rows.append(row)
    if not rows:
        return
    nodes = sorted({node for row in rows for node in row})
    matrix = torch.tensor([[row.get(node, 0.0) for node in nodes] for row in rows], dtype=torch.float64)
    right = torch.stack(wanted)
    found = torch.linalg.pinv(matrix) @ right
    assert torch.allclose(matrix @ found, right, atol=1e-9)
    for node, bias in zip(nodes, found, strict=True):
        target.learned()[node]["bias"].detach().copy_(bias)


def _run(form: SignedForm, made: Layer, nudge: float = 0.0) -> tuple[Tensor, Tensor]:
    """First states in canonical order and sign, and the outputs. Those of the states have signs of their own."""
    torch.manual_seed(1)
    x = 2 * (1 + nudge) * torch.randn(STEPS, BATCH, INPUT_SIZE, dtype=torch.float64)
    begin = torch.randn(len(made.cell.states), BATCH, HIDDEN_SIZE, dtype=torch.float64)
    ordered = [p for p in _by_rank(form) if form.form.graph.terms[form.values[p]].op == "state"]
    called = {form.form.graph.terms[form.values[p]].weights[0][0]: (i, p) for i, p in enumerate(ordered)}
    first = tuple(begin[called[state][0]] * _sign(form, called[state][1]) for state in made.cell.states)
    with torch.no_grad():
        output, _ = REFERENCE.run(made.cell, made.learned(), x, first)
    return begin, output
