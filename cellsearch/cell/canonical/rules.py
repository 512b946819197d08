"""The rewrite rules under which two cells are the same, each a small function with its equation.

All hold for every value of every learned array, which are carried over as they are: no rule negates, scales or adds
up a weight matrix, so that a cell also starts from the same random draw whichever way it is written. What rules may
do to learned arrays is in `learned_arrays.py` alone: matrices of linears that are only ever added become one
linear's, and biases that are only ever added become one, which starts at their sum.

Rules look at a value when its operands are settled and lead to terms of fewer or simpler operations, so that they end.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from cellsearch.cell.canonical.constants import OF_NUMBER
from cellsearch.cell.canonical.terms import COMBINATION, ZERO, Rule, Term, TooLarge, ValueGraph, combination, split
from cellsearch.cell.ops import BLOCK_LINEAR, LINEAR, LOW_RANK_LINEAR, OPS

__all__ = ["EXPANDING", "RULES"]

ROUNDING: Final = 1e-9
"""Share of the sizes of numbers below which their sum is 0."""

MOST_FACTORS: Final = 64
"""Factors of a product, at most."""

MOST_PRODUCTS: Final = 128
"""Summands that a product is multiplied out to, at most: more than a cell can hold, for some may cancel."""


def no_identity(graph: ValueGraph, term: Term) -> int | None:
    """identity(a) = a. That of the input stays: where a linear reads it, the input's size may not be the cell's."""
    operand = term.operands[0]
    return None if graph.terms[operand].op == "input" else operand


def added(graph: ValueGraph, term: Term) -> int:
    """(a + b) + c = a + b + c, and a + a = 2 a."""
    return combination(graph, 0.0, [(1.0, operand) for operand in term.operands])


def subtracted(graph: ValueGraph, term: Term) -> int:
    """a - b = a + (-1) b, so that a - (b - c) = a - b + c."""
    return combination(graph, 0.0, zip((1.0, -1.0), term.operands, strict=True))


def complemented(graph: ValueGraph, term: Term) -> int:
    """one_minus(a) = 1 + (-1) a, so that one_minus(one_minus(a)) = a."""
    return combination(graph, 1.0, [(-1.0, term.operands[0])])


def times_constant(graph: ValueGraph, term: Term) -> int:
    """k (m a) = (k m) a, k (a + b) = k a + k b, 1 a = a."""
    return combination(graph, 0.0, [(term.numbers[1], term.operands[0])])


def plus_constant(graph: ValueGraph, term: Term) -> int:
    """(a + m) + k = a + (m + k), a + 0 = a."""
    return combination(graph, term.numbers[1], [(1.0, term.operands[0])])


def blend_spelled_out(graph: ValueGraph, term: Term) -> int:
    """blend(a, b, c) = a * b + (1 - a) * c."""
    a, b, c = term.operands
    rest = combination(graph, 1.0, [(-1.0, a)])
    return combination(graph, 0.0, [(1.0, graph.value(Term("product", pair))) for pair in ((a, b), (rest, c))])


def silu_spelled_out(graph: ValueGraph, term: Term) -> Term:
    """silu(a) = a * sigmoid(a)."""
    (a,) = term.operands
    return Term("product", (a, graph.value(Term("sigmoid", (a,), term.numbers))))


def multiplied(graph: ValueGraph, term: Term) -> int:
    """(a * b) * c = a * b * c, (k a) * b = k (a * b), and (a - b) * c = -(b - a) * c."""
    factor, atoms = _factors(graph, term.operands)
    return combination(graph, 0.0, [(factor, _product(graph, atoms))])


def multiplied_out(graph: ValueGraph, term: Term) -> int:
    """(a + b) * c = a * c + b * c, but for sums that are held."""
    factors = [_parts(graph, operand) for operand in term.operands]
    # One summand times the others is most of what there is, and needs no collecting.
    single = [parts[0] for parts in factors if len(parts) == 1]
    monomials = {tuple(sorted(atom for _, atoms in single for atom in atoms)): math.prod(k for k, _ in single)}
    for parts in factors:
        if len(parts) != 1:
            products: dict[tuple[int, ...], float] = defaultdict(float)
            for atoms, k in monomials.items():
                for j, more in parts:
                    products[tuple(sorted((*atoms, *more)))] += k * j
            monomials = products
            if len(monomials) > MOST_PRODUCTS:
                raise TooLarge("a product of sums has too many summands")
    if any(len(atoms) > MOST_FACTORS for atoms in monomials):
        raise TooLarge("a product has too many factors")
    return combination(graph, 0.0, [(k, _product(graph, atoms)) for atoms, k in monomials.items()])


def extremes(graph: ValueGraph, term: Term) -> int:
    """maximum(maximum(a, b), c) = maximum(a, b, c), maximum(a, a) = a, maximum(1, 2) = 2; minimum likewise."""
    inner = ((o, graph.terms[o]) for o in term.operands)
    values = sorted({v for o, t in inner for v in (t.operands if t.op == term.op else (o,))})
    numbers = {v: constant for v in values for constant, pairs in [split(graph, v)] if not pairs}
    if len(numbers) > 1:
        kept = (max if term.op == "maximum" else min)(numbers, key=numbers.__getitem__)
        values = [v for v in values if v == kept or v not in numbers]
    return values[0] if len(values) == 1 else graph.settled(Term(term.op, tuple(values), term.numbers))


def odd(graph: ValueGraph, term: Term) -> int | None:
    """f(-a) = -f(a), f(0) = 0."""
    (a,) = term.operands
    if _is_zero(graph, a):
        return a
    return _scaled(graph, -1.0, graph.value(_of(term, _scaled(graph, -1.0, a)))) if _sign(graph, a) < 0 else None


def homogeneous(graph: ValueGraph, term: Term) -> int | None:
    """f(k a) = k f(a)."""
    (a,) = term.operands
    k = 0.0 if _is_zero(graph, a) else _sign(graph, a) * _size(graph, a)
    if k in (0, 1):
        return None if k else a
    return _scaled(graph, k, graph.value(_of(term, _scaled(graph, 1 / k, a))))


def positively_homogeneous(graph: ValueGraph, term: Term) -> int | None:
    """f(k a) = k f(a) for k > 0."""
    (a,) = term.operands
    k = 0.0 if _is_zero(graph, a) else _size(graph, a)
    if k in (0, 1):
        return None if k else a
    return _scaled(graph, k, graph.value(_of(term, _scaled(graph, 1 / k, a))))


def complementary(graph: ValueGraph, term: Term) -> int | None:
    """sigmoid(-a) = 1 - sigmoid(a), and hard_sigmoid likewise."""
    (a,) = term.operands
    if _sign(graph, a) > 0:
        return None
    return combination(graph, 1.0, [(-1.0, graph.value(_of(term, _scaled(graph, -1.0, a))))])


def ramp(graph: ValueGraph, term: Term) -> int | None:
    """f(-a) = f(a) - a: relu, softplus, gelu."""
    (a,) = term.operands
    if _sign(graph, a) > 0:
        return None
    positive = _scaled(graph, -1.0, a)
    return combination(graph, 0.0, [(1.0, graph.value(_of(term, positive))), (-1.0, positive)])


def inverse(graph: ValueGraph, term: Term) -> int | None:
    """1 / (k a) = (1 / k) (1 / a)."""
    (a,) = term.operands
    k = _sign(graph, a) * _size(graph, a)
    if k == 1 or not split(graph, a)[1]:
        return None
    return _scaled(graph, 1 / k, graph.value(_of(term, _scaled(graph, 1 / k, a))))


def of_the_sign(graph: ValueGraph, term: Term) -> Term | None:
    """f(k a) = f(a) for k > 0: is_positive and where, which see nothing of a but whether it is positive."""
    a, *others = term.operands
    k = _size(graph, a)
    return None if k == 1 else term._replace(operands=(_scaled(graph, 1 / k, a), *others))


def the_same_either_way(graph: ValueGraph, term: Term) -> int | None:
    """where(a, b, b) = b."""
    _, b, c = term.operands
    return b if b == c else None


def never_negative(graph: ValueGraph, term: Term) -> int | None:
    """relu(a) = a and leaky_relu(a) = a, where a is a relu, sigmoid, exp or such; relu(-a) = 0."""
    (a,) = term.operands
    if term.op == "relu" and _mirrored(graph, _scaled(graph, -1.0, a)):
        return graph.settled(ZERO)
    return a if graph.terms[a].op in NEVER_NEGATIVE or _mirrored(graph, a) else None


def rectified_twice(graph: ValueGraph, term: Term) -> Term | None:
    """relu(leaky_relu(a)) = relu(a)."""
    inner = graph.terms[term.operands[0]]
    return _of(term, inner.operands[0]) if inner.op == "leaky_relu" else None


def shift_free(graph: ValueGraph, term: Term) -> Term | None:
    """f(a + b) = f(a), where b is the same at all units, and f subtracts the mean or divides by a sum of exps."""
    constant, pairs = split(graph, term.operands[0])
    kept = [(k, value) for k, value in pairs if not _is_level(graph, value)]
    return _of(term, combination(graph, 0.0, kept)) if constant or len(kept) < len(pairs) else None


def mean_of_sum(graph: ValueGraph, term: Term) -> int | None:
    """mean(k a + b c + d) = k mean(a) + b mean(c) + d, where b and d are the same at all units; group_mean likewise.

    A sum with linears or biases stays together, but for d: which of them are one is decided where they are added.
    """
    constant, pairs = split(graph, term.operands[0])
    parts = [(k, *_level_part(graph, value)) for k, value in pairs]
    if any(graph.terms[value].op in POOLED for _, value in pairs):
        inside = [pair for pair, (_, _, rest) in zip(pairs, parts, strict=True) if rest is not None]
        whole = combination(graph, 0.0, inside)
        size = _sign(graph, whole) * _size(graph, whole)
        parts = [part for part in parts if part[2] is None] + [(size, [], _scaled(graph, 1 / size, whole))]
    if not constant and len(parts) == 1 and parts[0][0] == 1 and not parts[0][1]:
        return None
    means = []
    for k, level, rest in parts:
        mean = [graph.value(_of(term, rest))] if rest is not None else []
        means.append((k, _product(graph, sorted([*level, *mean]))))
    return combination(graph, constant, means)


def mean_of_mean(graph: ValueGraph, term: Term) -> int | Term | None:
    """group_mean(a, 1) = mean(a), mean(group_mean(a)) = mean(a), group_mean(group_mean(a, k), k) = group_mean(a, k)."""
    (a,) = term.operands
    inner = graph.terms[a]
    if term.op == "group_mean" and term.numbers[1] == 1:
        return term._replace(op="mean")
    if inner.op == "group_mean":
        return _of(term, inner.operands[0]) if term.op == "mean" else a if inner.numbers == term.numbers else None
    return graph.settled(ZERO) if term.op == "mean" and inner.op == "normalize" else None


def of_a_positive(graph: ValueGraph, term: Term) -> int | None:
    """is_positive(a) = 1 and where(a, b, c) = b, where a is a sigmoid, exponential or such."""
    a = term.operands[0]
    constant, pairs = split(graph, a)
    if graph.terms[a].op in POSITIVE or (not pairs and constant > 0):
        return term.operands[1] if term.op == "where" else combination(graph, 1.0, [])
    return None


def of_one_sign(graph: ValueGraph, term: Term) -> Term | None:
    """f(tanh(a)) = f(a) for f that sees no more than whether a is positive."""
    a, *others = term.operands
    inner = graph.terms[a]
    return term._replace(operands=(inner.operands[0], *others)) if inner.op in SIGN_KEEPING else None


def undone(graph: ValueGraph, term: Term) -> int | Term | None:
    """1 / (1 / a) = a, 1 / exp(a) = exp(-a), log(exp(a)) = a."""
    inner = graph.terms[term.operands[0]]
    if inner.op == "reciprocal" == term.op or (term.op, inner.op) == ("log", "exp"):
        return inner.operands[0]
    if (term.op, inner.op) == ("reciprocal", "exp"):
        return _of(inner, _scaled(graph, -1.0, inner.operands[0]))
    return None


def of_number(graph: ValueGraph, term: Term) -> int | None:
    """f(k) is a number: gelu(0) = 0, exp(0) = 1. One that is none, or that floats do not hold, stays as written."""
    constant, pairs = split(graph, term.operands[0])
    if pairs:
        return None
    try:
        return combination(graph, OF_NUMBER[term.op](constant), [])
    except (ArithmeticError, ValueError):
        return None


def zero_left_out(graph: ValueGraph, term: Term) -> Term | None:
    """linear(a, 0) = linear(a), linear(0) = bias(0): what multiplies nothing but 0 has no effect."""
    kept = [place for place, operand in enumerate(term.operands) if not _is_zero(graph, operand)]
    if len(kept) == len(term.operands):
        return None
    if not kept:
        return Term("bias", term.operands[:1], (term.numbers[0], 1.0), term.weights[:1], term.biases)
    operands, weights = [term.operands[place] for place in kept], [term.weights[place] for place in kept]
    return term._replace(operands=tuple(operands), weights=tuple(weights))


POSITIVE: Final = ("sigmoid", "exp", "softplus", "softmax", "cumulative_softmax")
SIGN_KEEPING: Final = ("tanh", "relu", "leaky_relu", "gelu", "is_positive")
LINEARS: Final = (LINEAR, BLOCK_LINEAR, LOW_RANK_LINEAR)
POOLED: Final = (*LINEARS, "bias")
ODD: Final = ("tanh", "sine", "normalize", "rms_norm")
NEVER_NEGATIVE: Final = (
    *("relu", "sigmoid", "hard_sigmoid", "exp", "softplus", "sqrt", "is_positive"),
    *("softmax", "cumulative_softmax"),
)

_LIST: Final[tuple[tuple[Rule, tuple[str, ...]], ...]] = (
    (zero_left_out, (*LINEARS, "layer_norm")),
    (no_identity, ("identity",)),
    (added, ("sum",)),
    (subtracted, ("difference",)),
    (complemented, ("one_minus",)),
    (times_constant, ("times_constant",)),
    (plus_constant, ("plus_constant",)),
    (blend_spelled_out, ("blend",)),
    (silu_spelled_out, ("silu",)),
    (multiplied, ("product",)),
    (extremes, ("maximum", "minimum")),
    (odd, ODD),
    (homogeneous, ("scale", "peephole", "static_gate")),
    (mean_of_mean, ("mean", "group_mean")),
    (mean_of_sum, ("mean", "group_mean")),
    (undone, ("reciprocal", "log")),
    (inverse, ("reciprocal",)),
    (of_a_positive, ("is_positive", "where")),
    (of_one_sign, ("is_positive", "where")),
    (of_the_sign, ("is_positive", "where")),
    (the_same_either_way, ("where",)),
    (never_negative, ("relu", "leaky_relu")),
    (rectified_twice, ("relu",)),
    (positively_homogeneous, ("relu", "leaky_relu")),
    (complementary, ("sigmoid", "hard_sigmoid")),
    (ramp, ("relu", "softplus", "gelu")),
    (shift_free, ("layer_norm", "normalize", "softmax", "cumulative_softmax")),
    (of_number, tuple(OF_NUMBER)),
)


def _is_level(graph: ValueGraph, value: int) -> bool:
    """Whether it is the same at all units of a sequence: made of means and numbers alone."""
    term = graph.terms[value]
    if term.op == "mean":
        return True
    unit_by_unit = term.op in (COMBINATION, "product", "maximum", "minimum") or (
        term.op in OPS and not OPS[term.op].is_linear and not OPS[term.op].parameters
    )
    return unit_by_unit and term.op != "cumulative_softmax" and all(_is_level(graph, o) for o in term.operands)


def _level_part(graph: ValueGraph, value: int) -> tuple[list[int], int | None]:
    """The factors of a value that are the same at all units, and the product of its others, if it has others."""
    factors = _atoms(graph, value)
    level = [each for each in factors if _is_level(graph, each)]
    others = [each for each in factors if each not in level]
    return level, _product(graph, others) if others else None


def _by_operation(rules: Iterable[tuple[Rule, tuple[str, ...]]]) -> Mapping[str, Sequence[Rule]]:
    table: dict[str, list[Rule]] = defaultdict(list)
    for rule, operations in rules:
        for operation in operations:
            table[operation].append(rule)
    return dict(table)


RULES: Final[Mapping[str, Sequence[Rule]]] = _by_operation(_LIST)
"""The rules by the operation that they apply to."""

EXPANDING: Final[Mapping[str, Sequence[Rule]]] = {**RULES, "product": [multiplied_out]}
"""The same with products of sums multiplied out."""


def _mirrored(graph: ValueGraph, value: int) -> bool:
    """Whether it is what sigmoid(-a), relu(-a) or softplus(-a) became: 1 - sigmoid(a), f(a) - a."""
    constant, pairs = split(graph, value)
    if len(pairs) == 1:
        k, inner = pairs[0]
        return (constant, k) == (1.0, -1.0) and graph.terms[inner].op in ("sigmoid", "hard_sigmoid")
    ramps = [v for k, v in pairs if k == 1 and graph.terms[v].op in ("relu", "softplus")]
    return any(combination(graph, 0.0, [(1.0, v), (-1.0, value)]) == graph.terms[v].operands[0] for v in ramps)


def _of(term: Term, operand: int) -> Term:
    return term._replace(operands=(operand,))


def _scaled(graph: ValueGraph, k: float, value: int) -> int:
    return combination(graph, 0.0, [(k, value)])


def _is_zero(graph: ValueGraph, value: int) -> bool:
    return graph.terms[value] == ZERO


def _sign(graph: ValueGraph, value: int) -> float:
    """-1 for one of a and -a, 1 for the other: by their shapes, or as chosen where these do not tell the two apart."""
    constant, pairs = split(graph, value)
    if constant or len(pairs) < 2:
        return -1.0 if constant < 0 or (not constant and pairs and pairs[0][0] < 0) else 1.0
    total = math.fsum(k for k, _ in pairs)
    if abs(total) > ROUNDING * math.fsum(abs(k) for k, _ in pairs):
        return -1.0 if total < 0 else 1.0
    told, mirrored = _both_signs(pairs, graph.shape)
    if told == mirrored:
        told, mirrored = _both_signs(pairs, graph.name)
        graph.tied[value] = repr(min(told, mirrored))
        return graph.signs.get(graph.tied[value], 1) * (-1.0 if told < mirrored else 1.0)
    return -1.0 if told < mirrored else 1.0


def _both_signs(pairs: list[tuple[float, int]], said: Callable[[int], str]) -> tuple[list[tuple[str, float]], ...]:
    told = sorted((said(each), k) for k, each in pairs)
    return told, sorted((text, -k) for text, k in told)


def _size(graph: ValueGraph, value: int) -> float:
    """The k of k a, k (a + b), k (1 - a): the size of all factors, if they have one."""
    constant, pairs = split(graph, value)
    sizes = {abs(k) for k, _ in pairs} | ({abs(constant)} if constant else set())
    return sizes.pop() if len(sizes) == 1 else 1.0


def _factors(graph: ValueGraph, values: Iterable[int]) -> tuple[float, list[int]]:
    """A product as a number and values that are neither products nor k a."""
    factor, atoms, left = 1.0, [], list(values)
    while left:
        value = left.pop()
        term = graph.terms[value]
        if term.op == "product":
            left.extend(term.operands)
        elif term.op == COMBINATION and not term.operands:
            factor *= term.numbers[0]
        elif term.op == COMBINATION and (k := _sign(graph, value) * _size(graph, value)) != 1:
            factor *= k
            left.append(_scaled(graph, 1 / k, value))
        else:
            atoms.append(value)
        if len(atoms) + len(left) > MOST_FACTORS:
            raise TooLarge("a product has too many factors")
    return factor, sorted(atoms)


def _parts(graph: ValueGraph, value: int) -> list[tuple[float, list[int]]]:
    """A value as (factor, atoms) whose products it adds up; sums that are held are atoms, the longest first."""
    constant, pairs = split(graph, value)
    left = {each: k for k, each in pairs}
    parts = list[tuple[float, list[int]]]()
    for held in sorted(graph.held, key=lambda held: (-len(graph.terms[held].operands), graph.shape(held))):
        own, inner = split(graph, held)
        times = left.get(inner[0][1], 0.0) / inner[0][0]
        if times and all(left.get(v) == times * k for k, v in inner) and own in (0.0, constant / times):
            factor, atoms = _factors(graph, [held])
            parts.append((times * factor, atoms))
            left = {v: k for v, k in left.items() if v not in {v for _, v in inner}}
            constant -= times * own
    parts += [(k, _atoms(graph, v)) for v, k in left.items()]
    return [*parts, (constant, [])] if constant else parts


def _atoms(graph: ValueGraph, value: int) -> list[int]:
    """The factors of a value that is no combination."""
    term = graph.terms[value]
    return list(term.operands) if term.op == "product" else [value]


def _product(graph: ValueGraph, atoms: Sequence[int]) -> int:
    if not atoms:
        return combination(graph, 1.0, [])
    return atoms[0] if len(atoms) == 1 else graph.settled(Term("product", tuple(atoms), (0.0, 1.0)))
