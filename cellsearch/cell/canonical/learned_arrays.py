"""Rules that join learned arrays: linears that are only ever added are one linear, biases likewise one bias.

A rule looks at a whole form, for it must know every use of what it joins. It returns what some values are instead,
empty where it finds nothing; the form is then rebuilt, and each rule is tried again until none finds anything. Each
leaves fewer nodes with learned arrays, or a bias closer to the values that leave the step, so that this ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

from cellsearch.cell.canonical.terms import (
    COMBINATION,
    ZERO,
    Form,
    Origin,
    Term,
    combination,
    opposites,
    rounded,
    split,
)
from cellsearch.cell.ops import LINEAR, OPS
from cellsearch.cell.validate import MOST_OPERANDS

__all__ = ["JOINING", "WITHIN_SUMS", "Joining", "joinable", "turned_alike"]

BIAS: Final = "bias"


def joinable(form: Form, joining: Sequence[Joining]) -> dict[int, int]:
    """What some values are instead by the first of the rules that finds any."""
    if not _may_join(form):
        return {}
    # Where arrays may be negated, a sum that is read with either sign is still one sum.
    uses = _Uses(form, opposites(form) if turned_alike in joining else {})
    return next(filter(None, (join(form, uses) for join in joining)), {})


def linears_that_are_added(form: Form, uses: _Uses) -> dict[int, int]:
    """linear(a, ..) + linear(b, ..) = linear(a, .., b, ..), if the two only ever occur in such sums; biases add up.

    linear(a, ..) + bias(b) = linear(a, ..) + b likewise, wherever the sum is a factor.

    linear(a) + linear(a) is linear(a, a), not linear(a): two matrices start from a wider draw than one.
    """
    graph = form.graph
    alike: dict[frozenset[_Use], list[int]] = defaultdict(list)
    for value in uses.values:
        if graph.terms[value].op in (LINEAR, BIAS) and value not in uses.otherwise:
            alike[frozenset(uses.sums[value])].append(value)
    instead: dict[int, int] = {}
    for group in alike.values():
        terms = [graph.terms[value] for value in group]
        linears = [value for value in group if graph.terms[value].op == LINEAR]
        operands = sum((graph.terms[value].operands for value in linears), ())
        if linears and len(group) > 1 and len(operands) <= MOST_OPERANDS:
            joined = Term(
                LINEAR,
                operands,
                (rounded(sum(term.numbers[0] for term in terms)), 1.0),
                sum((graph.terms[value].weights for value in linears), ()),
                sum((term.biases for term in terms), ()),
            )
            instead |= {value: graph.terms[value].operands[0] for value in group}
            instead |= dict.fromkeys(linears, graph.settled(ZERO)) | {linears[0]: graph.settled(joined)}
    return instead


def turned_alike(form: Form, uses: _Uses) -> dict[int, int]:
    """linear(a, ..) - linear(b, ..) = linear(a, ..) + linear(b, ..), the second's arrays negated, if the two only ever
    occur so; likewise bias(b) = -bias(-b). For families alone: no rule of identity negates a learned array.
    """
    graph = form.graph
    found: set[frozenset[_Use]] = set()
    instead: dict[int, int] = {}
    for value in uses.values:
        if graph.terms[value].op in (LINEAR, BIAS) and value not in uses.otherwise:
            turned = frozenset((user, others, -k) for user, others, k in uses.sums[value])
            if turned in found:
                instead[value] = combination(graph, 0.0, [(-1.0, graph.settled(_negated(form, graph.terms[value])))])
            else:
                found.add(frozenset(uses.sums[value]))
    return instead


def bias_drawn_out(form: Form, uses: _Uses) -> dict[int, int]:
    """k bias(a) + b = bias(k a + b), if bias(a) occurs nowhere else, its initial value times k."""
    graph = form.graph
    instead: dict[int, int] = {}
    for value in uses.values:
        term = graph.terms[value]
        if term.op == BIAS and value not in uses.otherwise and len(uses.sums[value]) == 1:
            ((user, others, k),) = uses.sums[value]
            if not others and user not in instead:
                constant, pairs = split(graph, user)
                inner = combination(graph, constant, [(j, term.operands[0] if v == value else v) for j, v in pairs])
                instead[user] = graph.settled(_biased(term, k, Term(BIAS, (inner,), weights=term.weights)))
                for negative in (v for v, positive in uses.opposites.items() if positive == user):
                    instead[negative] = combination(graph, 0.0, [(-1.0, instead[user])])
    return instead


def biases_pooled(form: Form, uses: _Uses) -> dict[int, int]:
    """linear(a, bias 1) - linear(b, bias 2) = linear(a, bias -1) - linear(b, bias 0): one of what is added has it all.

    A linear if there is any, with the largest factor up to its sign; several with that factor share alike.
    """
    graph = form.graph
    for value in uses.values:
        hosts = _hosts(form, uses, value) if len(graph.terms[value].operands) > 1 else []
        if len(hosts) < 2:
            continue
        chosen = _chosen(form, hosts)
        total = Term(
            BIAS,
            numbers=(sum(k * graph.terms[v].numbers[0] for v, k in hosts), 1.0),
            biases=_added([(n, k * factor) for v, k in hosts for n, factor in graph.terms[v].biases]),
        )
        instead = {}
        for host, k in hosts:
            term = graph.terms[host]
            bare = term._replace(numbers=(0.0, term.numbers[1]), biases=())
            pooled = _biased(total, 1 / (k * len(chosen)), bare) if (host, k) in chosen else bare
            if pooled != term:
                instead[host] = graph.settled(pooled)
        if instead:
            return instead
    return {}


def bias_absorbed(form: Form, uses: _Uses) -> dict[int, int]:
    """bias(k linear(a) + b) = k linear(a) + b, whose bias starts at the sum; likewise what else adds a bias of its own.

    Only where the linear occurs nowhere else. A bias that has just been absorbed takes none before the next pass.
    """
    graph = form.graph
    instead: dict[int, int] = {}
    for value in uses.values:
        term = graph.terms[value]
        if term.op != BIAS or uses.users[term.operands[0]] > 1 or term.operands[0] in instead:
            continue
        inner = term.operands[0]
        alone = graph.terms[inner].op != COMBINATION and _adds_bias(graph.terms[inner].op)
        hosts = [(inner, 1.0)] if alone else _hosts(form, uses, inner)
        if not hosts:
            continue
        host, k = _chosen(form, hosts)[0]
        if host not in instead:
            absorbed = graph.settled(_biased(term, 1 / k, graph.terms[host]))
            instead |= {host: absorbed, value: absorbed if alone else inner}
    return instead


Joining = Callable[[Form, "_Uses"], dict[int, int]]

WITHIN_SUMS: Final[tuple[Joining, ...]] = (linears_that_are_added, bias_absorbed)
"""Those that change no sum but by adding linears, so that they may come before products are multiplied out."""

JOINING: Final[tuple[Joining, ...]] = (
    linears_that_are_added,
    bias_drawn_out,
    bias_absorbed,
    biases_pooled,
)


def _negated(form: Form, term: Term) -> Term:
    """The negative of a linear or bias by negated arrays; the nodes that weights come from get a minus, or lose it."""
    operands = term.operands
    if term.op == BIAS:
        operands = (combination(form.graph, 0.0, [(-1.0, operands[0])]),)
    return Term(
        term.op,
        operands,
        (0.0 - term.numbers[0], term.numbers[1]),
        tuple((node[1:] if node.startswith("-") else f"-{node}", place) for node, place in term.weights),
        tuple((node, -factor) for node, factor in term.biases),
    )


def _biased(term: Term, k: float, host: Term) -> Term:
    """The host with k times the learned bias of `term` on top of its own."""
    own, constant = host.numbers or (0.0, 1.0)
    return host._replace(
        numbers=(rounded(own + k * term.numbers[0]), constant),
        biases=_added([*host.biases, *((node, k * factor) for node, factor in term.biases)]),
    )


def _added(biases: list[tuple[str, float]]) -> Origin:
    total: dict[str, float] = {}
    for node, factor in biases:
        total[node] = total.get(node, 0.0) + factor
    return tuple(sorted(total.items()))


def _hosts(form: Form, uses: _Uses, value: int) -> list[tuple[int, float]]:
    """What has a bias of its own and occurs in this sum alone, with its factor."""
    graph = form.graph
    if graph.terms[value].op != COMBINATION:
        return []
    alone = [(v, k) for k, v in split(graph, value)[1] if uses.sums[v] == {(value, (), k)} and v not in uses.otherwise]
    return [(v, k) for v, k in alone if _adds_bias(graph.terms[v].op)]


def _chosen(form: Form, hosts: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Those of the hosts that take the biases of all."""
    linears = [host for host in hosts if form.graph.terms[host[0]].op == LINEAR] or hosts
    # By size, not by sign: the sum's sign may be chosen anew after this rule, and the choice must not turn with it.
    return [(v, k) for v, k in linears if abs(k) == max(abs(k) for _, k in linears)]


def _may_join(form: Form) -> bool:
    """Whether there is a bias or a sum of two values with one, what most cells do not have."""
    terms = form.graph.terms
    for value in form.reachable:
        term = terms[value]
        if term.op == BIAS:
            return True
        if term.op == COMBINATION and len(term.operands) > 1:
            parts = [terms[o].operands if terms[o].op == "product" else (o,) for o in term.operands]
            if sum(any(_adds_bias(terms[each].op) for each in part) for part in parts) > 1:
                return True
    return False


@cache
def _adds_bias(op: str) -> bool:
    return op in OPS and BIAS in OPS[op].parameters and (OPS[op].is_linear or OPS[op].value.endswith("+ bias"))


_Use = tuple[int, tuple[int, ...], float]


class _Uses:
    """Where each value is added: (combination, other factors, k) of each summand k * value * other factors.

    A value that is used in any other way, or squared, is in `otherwise`. `users` counts all users. Of two sums that are
    `opposites` the second counts as the first, with the other sign.
    """

    def __init__(self, form: Form, opposites: Mapping[int, int]) -> None:
        self.opposites = opposites
        self.terms = form.graph.terms
        self.values = form.reachable
        self.sums: dict[int, set[_Use]] = defaultdict(set)
        self.otherwise: set[int] = set()
        self.users: dict[int, int] = defaultdict(int)
        for value in form.roots():
            self.users[opposites.get(value, value)] += 1
            self._otherwise(value)
        for user in self.values:
            term = self.terms[user]
            if user in opposites:
                continue
            for operand in set(term.operands):
                self.users[opposites.get(operand, operand)] += 1
            for k, operand in zip(term.numbers[1:], term.operands, strict=False):
                if term.op == COMBINATION:
                    self._added(user, k, operand)
            if term.op not in (COMBINATION, "product"):
                for operand in term.operands:
                    self._otherwise(operand)

    def _added(self, user: int, k: float, value: int) -> None:
        self.sums[value].add((user, (), k))
        factors = self._factors(value)
        for factor in factors:
            if factors.count(factor) > 1:
                self.otherwise.add(factor)
            self.sums[factor].add((user, tuple(other for other in factors if other != factor), k))

    def _otherwise(self, value: int) -> None:
        self.otherwise.update((value, *self._factors(value)))

    def _factors(self, value: int) -> tuple[int, ...]:
        return self.terms[value].operands if self.terms[value].op == "product" else ()
