"""Rewrites traced steps to what a cell's author would have drawn, weights included, equal in value.

A step counts as used by other steps and by the results (`roots`); what is used once may be merged into its user.

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
from cellsearch.recurrence.trace.calls import Line
from cellsearch.recurrence.trace.values import Step

__all__ = ["merged"]

Steps = dict[str, Step]
Term = tuple[str, int]
"""A step or source with its sign."""


def merged(steps: Mapping[str, Step], roots: Sequence[str]) -> Steps:
    """The steps that the roots need, operands before users, merged; the roots keep their names."""
    for rule in (_merge_norms, _merge_sums, _merge_blends):
        found = _needed(steps, roots)
        rule(found, Counter([*roots, *(operand for step in found.values() for operand in step.operands)]))
        steps = found
    return _needed(steps, roots)


def _needed(steps: Mapping[str, Step], roots: Sequence[str]) -> Steps:
    """What the roots depend on, operands before users."""
    found: Steps = {}

    def visit(name: str) -> None:
        if name in steps and name not in found:
            for operand in steps[name].operands:
                visit(operand)
            found[name] = steps[name]

    for root in roots:
        visit(root)
    return found


@dataclass
class _Sum:
    """The terms of nested sums: linears with their signs, vectors, a number, and everything else with its sign."""

    linears: list[Term] = field(default_factory=list)
    vectors: list[Tensor] = field(default_factory=list)
    number: float = 0.0
    rest: list[Term] = field(default_factory=list)

    @property
    def constants(self) -> int:
        """How many learned vectors and numbers are added."""
        return len(self.vectors) + (self.number != 0)


def _merge_norms(steps: Steps, uses: Counter[str]) -> None:
    for name, step in steps.items():
        scaled = steps.get(step.operands[0])
        if step.op == "bias" and scaled and scaled.op in ("scale", "peephole") and uses[step.operands[0]] == 1:
            normalized = steps.get(scaled.operands[0])
            if normalized and normalized.op == "normalize" and uses[scaled.operands[0]] == 1:
                steps[name] = Step("layer_norm", normalized.operands, step.line, {**scaled.learned, **step.learned})


def _merge_sums(steps: Steps, uses: Counter[str]) -> None:
    inner: set[str] = set()
    for name in reversed(list(steps)):
        # A negation stays where it is, unless what it negates is a term of a sum.
        if _is_additive(steps[name]) and (name in inner or not _negates(steps[name])):
            inner.update(o for o in steps[name].operands if o in steps and _is_additive(steps[o]) and uses[o] == 1)
    for name in [name for name in steps if name not in inner]:
        if _is_additive(steps[name]) and not _negates(steps[name]):
            _merge_sum(name, steps, uses)


def _merge_sum(name: str, steps: Steps, uses: Counter[str]) -> None:
    terms, line = _Sum(), steps[name].line
    _collect(steps[name], 1, terms, steps, uses)
    norms = [t for t, sign in terms.rest if sign == 1 and t in steps and steps[t].op == "layer_norm" and uses[t] == 1]
    if len(terms.linears) + terms.constants > 1 and terms.linears:
        steps[f"{name}_linear"] = _with_bias(_one_linear(terms.linears, steps, line), terms)
        _chain(name, [(f"{name}_linear", 1), *terms.rest], steps, line)
    elif terms.constants and norms:
        steps[norms[0]] = _with_bias(steps[norms[0]], terms)
        _chain(name, terms.rest, steps, line)
    elif not terms.constants or terms.linears:
        return
    elif terms.number == 1 and not terms.vectors and len(terms.rest) == 1 and terms.rest[0][1] == -1:
        steps[name] = Step("one_minus", (terms.rest[0][0],), line)
    elif terms.constants > 1:
        vector = sum(terms.vectors[1:], terms.vectors[0]) + terms.number
        _chain(f"{name}_sum", terms.rest, steps, line)
        steps[name] = Step("bias", (f"{name}_sum",), line, {"bias": vector})


def _is_additive(step: Step) -> bool:
    return step.op in ("sum", "difference", "bias", "plus_constant") or _negates(step)


def _negates(step: Step) -> bool:
    return step.op == "times_constant" and step.constant == -1


def _collect(step: Step, sign: int, terms: _Sum, steps: Steps, uses: Counter[str]) -> None:
    """Sort the operands of an additive step into the terms, those of used-once additive operands in their place."""
    if step.op == "bias":
        terms.vectors.append(sign * step.learned["bias"])
    if step.op == "plus_constant":
        terms.number += sign * step.constant
    for place, operand in enumerate(step.operands):
        negative = _negates(step) or (step.op == "difference" and place == 1)
        of = -sign if negative else sign
        inner = steps.get(operand)
        if inner is not None and uses[operand] == 1 and _is_additive(inner):
            _collect(inner, of, terms, steps, uses)
        elif inner is not None and uses[operand] == 1 and inner.op == LINEAR:
            terms.linears.append((operand, of))
        else:
            terms.rest.append((operand, of))


def _one_linear(linears: Sequence[Term], steps: Steps, line: Line) -> Step:
    """Their sum; matrices of the same operand are added, biases too."""
    weights: dict[str, Tensor] = {}
    biases = []
    for name, sign in linears:
        step = steps[name]
        for i, operand in enumerate(step.operands):
            weight = sign * step.learned[f"weight_{i}"]
            weights[operand] = weights[operand] + weight if operand in weights else weight
        if "bias" in step.learned:
            biases.append(sign * step.learned["bias"])
    learned = {f"weight_{i}": weight for i, weight in enumerate(weights.values())}
    if biases:
        learned["bias"] = sum(biases[1:], biases[0])
    return Step(LINEAR, tuple(weights), line, learned)


def _with_bias(step: Step, terms: _Sum) -> Step:
    """The step with vectors and number added to its bias, if there are any."""
    if not terms.constants:
        return step
    like = next(iter(step.learned.values()))
    own = step.learned.get("bias", like.new_zeros(like.shape[0]))
    return replace(step, learned={**step.learned, "bias": sum(terms.vectors, own) + terms.number})


def _chain(name: str, terms: Sequence[Term], steps: Steps, line: Line) -> None:
    """Put the sum of terms under `name`: first what is added, then what is subtracted."""
    ordered = sorted(terms, key=lambda term: -term[1])
    (value, sign), *others = ordered
    made = steps.get(value) if sign == 1 else Step("times_constant", (value,), line, constant=-1.0)
    for number, (operand, of) in enumerate(others):
        if sign == -1 or number:
            value = f"{name}_{number}"
            assert made is not None
            steps[value] = made
        made = Step("sum" if of == 1 else "difference", (value, operand), line)
        sign = 1
    steps[name] = made if made is not None else Step("identity", (value,), line)


def _merge_blends(steps: Steps, uses: Counter[str]) -> None:
    for name, step in steps.items():
        for operands in _blends(step, steps, uses):
            steps[name] = Step("blend", operands, step.line)


def _blends(step: Step, steps: Steps, uses: Counter[str]) -> Iterator[tuple[str, str, str]]:
    """Operands of the blends that the step is equal to."""

    def factors(name: str) -> list[tuple[str, ...]]:
        once = name in steps and steps[name].op == "product" and uses[name] == 1
        return list(permutations(steps[name].operands)) if once else []

    def is_difference(name: str, minuend: str | None, subtrahend: str | None) -> bool:
        if name not in steps or steps[name].op != "difference" or uses[name] != 1:
            return False
        a, b = steps[name].operands
        return minuend in (None, a) and subtrahend in (None, b)

    if step.op == "sum":
        for left, right in permutations(step.operands):
            for a, b in factors(left):
                for m, c in factors(right):
                    if m in steps and steps[m].op == "one_minus" and steps[m].operands == (a,):
                        yield a, b, c
            for a, d in factors(right):
                if is_difference(d, None, left):
                    yield a, steps[d].operands[0], left
    if step.op == "difference":
        c, right = step.operands
        for a, d in factors(right):
            if is_difference(d, c, None):
                yield a, steps[d].operands[1], c
