"""Terms: a cell as the values that it computes, each once, however the equations spelled them out.

The rules rewrite terms (Baader & Nipkow 1998, Term rewriting and all that), and equal terms are one: each is interned
in a value graph and known by its value number (Alpern, Wegman & Zadeck 1988), an index of `ValueGraph.terms`. Sums,
differences and constant factors are one kind of term, the combination `m + k1 t1 + k2 t2 + ...` of summands; a product
has any number of factors. What learns nothing and is the same is one value; what has learned arrays keeps the names of
the nodes that they came from, so that it is never mistaken for another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Final, NamedTuple

from cellsearch.cell.ops import OPS

__all__ = [
    "ANY_NUMBER",
    "COMBINATION",
    "ZERO",
    "Form",
    "Origin",
    "Rule",
    "Term",
    "TooLarge",
    "ValueGraph",
    "combination",
    "commutes",
    "operands_first",
    "opposites",
    "rebuilt",
    "rounded",
    "split",
]

COMBINATION: Final = "combination"

ANY_NUMBER: Final = ("product", "maximum", "minimum")
"""Operations that have two operands in a cell and any number of them in a term."""

Origin = tuple[tuple[str, float], ...]
"""Learned arrays by node: with the operand's place for the weights of a linear, with a factor for a bias."""


class TooLarge(Exception):  # noqa: N818 (never leaves this folder)
    """What the rules make of the cell is more than a cell can hold."""


class Term(NamedTuple):
    """How a value is computed.

    `numbers` are m, k1, k2, ... of a combination, else the initial bias and the constant. A linear's weights are
    those that the nodes of `weights` had for the operand of that place; its bias is the sum of the nodes' of
    `biases`, each times its factor.
    """

    op: str
    operands: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    weights: Origin = ()
    biases: Origin = ()


ZERO: Final = Term(COMBINATION, (), (0.0,))

Rule = Callable[["ValueGraph", Term], "int | Term | None"]
"""What a term is instead: a value, a term, or None where the rule does not apply."""


class ValueGraph:
    """The values of a step, operands before their users; `rules` by the operation that they apply to.

    `signs` are those chosen for values that look like their own negative, by name; `tied` names such values, with
    either sign alike. `held` are the sums that stay factors where products are multiplied out.
    """

    def __init__(self, rules: Mapping[str, Sequence[Rule]], signs: Mapping[str, int]) -> None:
        self.rules = rules
        self.signs = signs
        self.tied: dict[int, str] = {}
        self.held: set[int] = set()
        self.terms: list[Term] = []
        self._shapes: list[str] = []
        self._names: list[str] = []
        self._values: dict[Term, int] = {}

    def value(self, term: Term) -> int:
        """The value of a term, after all rules that apply."""
        for rule in self.rules.get(term.op, ()):
            found = rule(self, term)
            if found is not None:
                return found if isinstance(found, int) else self.value(found)
        return self.settled(term)

    def settled(self, term: Term) -> int:
        """The value of a term to which no rule applies any more."""
        value = self._values.setdefault(term, len(self.terms))
        if value == len(self.terms):
            self.terms.append(term)
        return value

    def shape(self, value: int) -> str:
        """What can be said of a value without naming learned arrays or states: equal for values that look alike."""
        for term in self.terms[len(self._shapes) : value + 1]:
            self._shapes.append(_digest(term, self._shapes))
        return self._shapes[value]

    def name(self, value: int) -> str:
        """The value's shape with the names of its learned arrays and states: equal for no other value."""
        for term in self.terms[len(self._names) : value + 1]:
            self._names.append(_digest(term, self._names, term.weights))
        return self._names[value]


def _digest(term: Term, of: Sequence[str], weights: Origin | str = "") -> str:
    if term.op == COMBINATION:
        text = (
            f"{term.op} {term.numbers[0]} {sorted(zip((of[o] for o in term.operands), term.numbers[1:], strict=True))}"
        )
    else:
        operands = [of[operand] for operand in term.operands]
        text = f"{term.op} {term.numbers} {sorted(operands) if commutes(term.op) else operands} {weights}"
    return blake2b(text.encode(), digest_size=8).hexdigest()


def commutes(op: str) -> bool:
    """Whether the order of a term's operands does not matter."""
    return op in OPS and OPS[op].commutes


def split(graph: ValueGraph, value: int) -> tuple[float, list[tuple[float, int]]]:
    """A value as a constant and (factor, value) pairs: those of a combination, else once itself."""
    term = graph.terms[value]
    if term.op != COMBINATION:
        return 0.0, [(1.0, value)]
    return term.numbers[0], list(zip(term.numbers[1:], term.operands, strict=True))


def combination(graph: ValueGraph, constant: float, pairs: Iterable[tuple[float, int]]) -> int:
    """`m + k (n + j a) + l a = (m + k n) + (k j + l) a`, `0 a = 0` and `1 a = a`."""
    factors: dict[int, float] = {}
    for k, value in pairs:
        inner, summands = split(graph, value)
        constant += k * inner
        for j, each in summands:
            factors[each] = factors.get(each, 0.0) + k * j
    kept = sorted([(value, k) for value, factor in factors.items() if (k := rounded(factor))])
    constant = rounded(constant)
    if not constant and len(kept) == 1 and kept[0][1] == 1:
        return kept[0][0]
    return graph.settled(Term(COMBINATION, tuple(v for v, _ in kept), (constant, *(k for _, k in kept))))


def opposites(form: Form) -> dict[int, int]:
    """The value a - b of each b - a, where the step has both."""
    found, seen = dict[int, int](), dict[Term, int]()
    for value in form.reachable:
        term = form.graph.terms[value]
        if term.op == COMBINATION:
            opposite = term._replace(numbers=tuple(0.0 - k for k in term.numbers))
            if opposite in seen:
                found[value] = seen[opposite]
            seen[term] = value
    return found


def rounded(number: float, digits: int = 15) -> float:
    """So that 0.1 + 0.2 is 0.3 in whatever order numbers were added."""
    if number.is_integer():
        return number + 0.0
    if not math.isfinite(number):
        raise TooLarge(f"a constant becomes {number}")
    return float(f"{number:.{digits}g}")


@dataclass(frozen=True)
class Form:
    """A step of a cell: a value graph, with the value of each state's next and that of the output."""

    graph: ValueGraph
    states: Mapping[str, int]
    output: int

    def roots(self) -> tuple[int, ...]:
        """The values that leave the step."""
        return (*self.states.values(), self.output)

    @cached_property
    def reachable(self) -> list[int]:
        """The values that the roots depend on within a step, operands first."""
        needed = set(self.roots())
        for value in range(max(needed), -1, -1):
            if value in needed:
                needed.update(self.graph.terms[value].operands)
        return sorted(needed)


def rebuilt(
    form: Form, rules: Mapping[str, Sequence[Rule]], instead: Mapping[int, int], held: Set[int] = frozenset()
) -> Form:
    """The form in a graph of its own with the rules applied anew, `instead` of some values others, some `held`."""
    graph = ValueGraph(rules, form.graph.signs)
    new = {v: graph.settled(term) for v, term in enumerate(form.graph.terms) if term.op == "state"}
    for value in operands_first(form.graph, form.roots(), instead) if instead else form.reachable:
        term = form.graph.terms[value]
        operands = tuple(new[instead.get(operand, operand)] for operand in term.operands)
        if term.op == COMBINATION:
            new[value] = combination(graph, term.numbers[0], zip(term.numbers[1:], operands, strict=True))
        else:
            new[value] = graph.value(term._replace(operands=operands))
        # What was a sum may have become a product or a number.
        if value in held and len(split(graph, new[value])[1]) > 1:
            graph.held.add(new[value])
    states = {state: new[instead.get(value, value)] for state, value in form.states.items()}
    return Form(graph, states, new[instead.get(form.output, form.output)])


def operands_first(graph: ValueGraph, roots: Iterable[int], instead: Mapping[int, int]) -> Iterator[int]:
    """The values that the roots depend on, with others `instead` of some, operands before their users."""
    seen: set[int] = set()
    stack = [(instead.get(root, root), False) for root in reversed(list(roots))]
    while stack:
        value, ready = stack.pop()
        if ready:
            yield value
        elif value not in seen:
            seen.add(value)
            stack.append((value, True))
            operands = (instead.get(operand, operand) for operand in graph.terms[value].operands)
            stack.extend((operand, False) for operand in operands if operand not in seen)
