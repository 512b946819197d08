"""Values of a value graph from text, and what numbers they come to: nothing here knows a rule."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import reduce
from hashlib import blake2b
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell.canonical.terms import COMBINATION, Term, ValueGraph, combination, split
from cellsearch.cell.expression import parse
from cellsearch.cell.ops import INPUT, LINEAR, OPS
from cellsearch.recurrence.reference import operation

__all__ = ["numbers", "read", "term_of"]

ROWS: Final = 7
SIZE: Final = 5

OF_ANY_NUMBER: Final[Mapping[str, str]] = {"product": "mul", "maximum": "maximum", "minimum": "minimum"}
"""Torch's function of two operands."""


def term_of(graph: ValueGraph, text: str) -> Term:
    """The term of a call such as `linear(a, 2 * b, bias=1)`, its operands in the graph.

    What learns has the arrays that its `name` names, else those that its place in the graph does.
    """
    call = parse(text)
    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    op, operands = call.func.id, tuple(_value(graph, each) for each in call.args)
    given = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
    name = given.get("name", f"{op}_{len(graph.terms)}")
    learned = OPS[op].parameters
    places = range(len(operands)) if op == LINEAR else range(1)
    return Term(
        op,
        operands,
        (float(given.get("bias", 0)), float(given.get("constant", 1))),
        tuple((name, place) for place in places) if learned else (),
        ((name, 1.0),) if "bias" in learned else (),
    )


def read(graph: ValueGraph, text: str) -> int:
    """The value of an expression; its letters are states, but x."""
    return _value(graph, parse(text))


def _value(graph: ValueGraph, tree: ast.expr) -> int:
    match tree:
        case ast.Constant(value=int(number) | float(number)):
            return combination(graph, float(number), [])
        case ast.Name(id=name):
            return graph.settled(Term("input") if name == INPUT else Term("state", weights=((name, 0),)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return combination(graph, 0.0, [(-1.0, _value(graph, operand))])
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            factors = _value(graph, left), _value(graph, right)
            k, summands = split(graph, factors[0])
            scaled = combination(graph, 0.0, [(k, factors[1])])
            return graph.value(Term("product", factors, (0.0, 1.0))) if summands else scaled
        case ast.BinOp(op=ast.Add() | ast.Sub() as sign, left=left, right=right):
            factor = 1.0 if isinstance(sign, ast.Add) else -1.0
            return combination(graph, 0.0, [(1.0, _value(graph, left)), (factor, _value(graph, right))])
        case ast.Call():
            return graph.value(term_of(graph, ast.unparse(tree)))
    raise AssertionError(ast.dump(tree))


def numbers(graph: ValueGraph, value: int) -> Tensor:
    """What a value comes to, [ROWS, SIZE]: leaves and learned arrays are random, the same wherever they are named."""
    found: dict[int, Tensor] = {}

    def of(value: int) -> Tensor:
        if value not in found:
            term = graph.terms[value]
            found[value] = _computed(term, [of(operand) for operand in term.operands])
        return found[value]

    return of(value)


def _computed(term: Term, operands: list[Tensor]) -> Tensor:
    if term.op in ("input", "state"):
        return _drawn(f"{term.op} {term.weights}", (ROWS, SIZE))
    if term.op == COMBINATION:
        start = torch.full((ROWS, SIZE), term.numbers[0], dtype=torch.float64)
        return sum((k * each for k, each in zip(term.numbers[1:], operands, strict=True)), start)
    if term.op in OF_ANY_NUMBER:
        return reduce(getattr(torch, OF_ANY_NUMBER[term.op]), operands)
    row = OPS[term.op]
    start = torch.full((SIZE,), term.numbers[0], dtype=torch.float64)
    bias = sum((factor * _drawn(f"bias {node}", (SIZE,)) for node, factor in term.biases), start)
    if row.is_linear:
        matrices = [_drawn(f"matrix {each}", (SIZE, SIZE)) for each in term.weights]
        return sum((each @ matrix for each, matrix in zip(operands, matrices, strict=True)), bias)
    learned = [bias if name == "bias" else _drawn(f"{name} {term.weights}", (SIZE,)) for name in row.parameters]
    return operation(term.op)(*operands, *learned, k=term.numbers[1])


def _drawn(name: str, shape: tuple[int, ...]) -> Tensor:
    """Random numbers, the same for the same name."""
    seed = int.from_bytes(blake2b(name.encode(), digest_size=6).digest(), "big")
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
