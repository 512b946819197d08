"""Even and odd parts: a form in which the sign of a learned array is the sign of some numbers, and of nothing else.

Any function is the sum of its even part (f(a) + f(-a)) / 2 and its odd part (f(a) - f(-a)) / 2. Of sigmoid the even
part is the number 1/2, of relu the odd part is a / 2: what is left, one part of either, is what these rules keep. Where
the weights of a gate z = 1/2 + t change their sign, z becomes 1 - z, and every product with it other products; but t
becomes -t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cellsearch.cell.canonical.form import signed_form
from cellsearch.cell.canonical.learned_arrays import JOINING, WITHIN_SUMS, turned_alike
from cellsearch.cell.canonical.rules import mean_of_mean, mean_of_sum, multiplied_out, shift_free
from cellsearch.cell.canonical.terms import Form, Rule, Term, TooLarge, ValueGraph, combination, rebuilt, split
from cellsearch.cell.cell import Cell

__all__ = ["EVEN", "ODD", "form_in_parts"]

EVEN: Final = "even part of "
ODD: Final = "odd part of "
"""What the operation of a term that is such a part begins with."""


DEGREE: Final = {"reciprocal": -1, "is_positive": 0, "where": 0}
"""Which power of a positive factor of its operand a function has, where that is not the first."""


def form_in_parts(cell: Cell) -> Form:
    """The canonical form, linears joined whatever their signs, of even and odd parts; whole if these do not fit."""
    form = signed_form(cell, {}, (turned_alike, *WITHIN_SUMS), (turned_alike, *JOINING))
    try:
        return rebuilt(form, _IN_PARTS, {})
    except TooLarge:
        return form


def half_and_odd(graph: ValueGraph, term: Term) -> int:
    """f(a) = 1/2 + odd part: sigmoid, hard_sigmoid."""
    return combination(graph, 0.5, [(1.0, graph.settled(term._replace(op=ODD + term.op)))])


def half_and_even(graph: ValueGraph, term: Term) -> int:
    """f(a) = a / 2 + even part: relu, softplus, gelu."""
    return combination(graph, 0.0, [(0.5, term.operands[0]), (1.0, graph.settled(term._replace(op=EVEN + term.op)))])


def half_and_odd_in_bias(graph: ValueGraph, term: Term) -> int:
    """static_gate(a) = a / 2 + odd part, both taken of its bias: the gate is sigmoid(bias) = 1/2 + t."""
    return combination(graph, 0.0, [(0.5, term.operands[0]), (1.0, graph.settled(term._replace(op=ODD + term.op)))])


def largest_drawn_out(graph: ValueGraph, term: Term) -> int | None:
    """f(k a) = k f(a) for k > 0, the largest factor: 1 + z has no more a common one where z is 1/2 + t.

    Likewise 1 / (k a) = 1 / k * 1 / a, and f(k a) = f(a) where f sees no more of a than whether it is positive.
    """
    operand, *others = term.operands
    constant, pairs = split(graph, operand)
    k = max((abs(constant), *(abs(factor) for factor, _ in pairs)))
    if k in (0.0, 1.0):
        return None
    inside = combination(graph, constant / k, [(factor / k, value) for factor, value in pairs])
    found = graph.value(term._replace(operands=(inside, *others)))
    return combination(graph, 0.0, [(k ** DEGREE.get(term.op, 1), found)])


_IN_PARTS: Final[Mapping[str, Sequence[Rule]]] = {
    "product": [multiplied_out],
    "sigmoid": [half_and_odd],
    "hard_sigmoid": [half_and_odd],
    "relu": [largest_drawn_out, half_and_even],
    "softplus": [half_and_even],
    "gelu": [half_and_even],
    "static_gate": [largest_drawn_out, half_and_odd_in_bias],
    "leaky_relu": [largest_drawn_out],
    "scale": [largest_drawn_out],
    "peephole": [largest_drawn_out],
    "layer_norm": [shift_free],
    "normalize": [shift_free],
    "softmax": [shift_free],
    "cumulative_softmax": [shift_free],
    "mean": [mean_of_mean, mean_of_sum],
    "group_mean": [mean_of_mean, mean_of_sum],
    "reciprocal": [largest_drawn_out],
    "is_positive": [largest_drawn_out],
    "where": [largest_drawn_out],
}
"""The rules by operation; others have been applied before, and what they found does not depend on the parts."""
