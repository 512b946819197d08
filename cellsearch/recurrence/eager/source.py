"""A phase of a plan as two Python functions, one step forward and one step of its adjoint, written from the table.

    def run(steps, f0):
        for v0, v1, v2 in steps:
            addmm(v1, v0, f0, out=v1)
            sigmoid(v2, out=v2)

Every statement writes into memory that the caller prepared. The text holds numbered variables, numbers and functions
of torch, never a name from a cell, so that cells of the same structure share one compiled function.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import torch
from torch import Tensor

from cellsearch.cell import LINEAR, Cell
from cellsearch.cell.expression import constants, parse, substitute, torch_source
from cellsearch.recurrence.custom import USER
from cellsearch.recurrence.plan.plan import (
    Arrived,
    Carried,
    Compute,
    Derivative,
    Gradient,
    Part,
    Phase,
    Plan,
    Product,
    values_read,
)

__all__ = ["Slot", "StepFunction", "adjoint_function", "forward_function"]


SlotKind = Literal[
    "value", "columns", "gradient", "gradient_columns", "arrived", "carried", "weight", "transposed", "vector"
]
FIXED: Final = ("weight", "transposed", "vector")


@dataclass(frozen=True)
class Slot:
    """What a variable of a step function stands for.

    `value`, `gradient` and what `arrived` from later phases belong to a value, `carried` to a state; `columns` and
    `gradient_columns` are a product's; these differ from step to step. A product's `weight` [n * H, operand's size],
    plain or `transposed`, and the learned `vector` [H] that is a node's `parameter` are the same in all steps.
    """

    kind: SlotKind
    of: str | Product
    parameter: str = ""


@dataclass(frozen=True)
class StepFunction:
    """`run(steps, *fixed)` takes the steps: an iterable of tuples for the slots `varying`, and the `fixed` ones."""

    run: Callable[..., None]
    varying: tuple[Slot, ...]
    fixed: tuple[Slot, ...]
    source: str


def forward_function(plan: Plan, phase: Phase) -> StepFunction:
    """The values of the phase, step by step."""
    writer = _FunctionWriter(plan.cell)
    for action in phase.actions:
        if isinstance(action, Product):
            columns, operand = writer.name("columns", action), writer.name("value", action.operand)
            writer.lines.append(f"addmm({columns}, {operand}, {writer.name('transposed', action)}, out={columns})")
        elif plan.cell.nodes[action.node].op != LINEAR and not _is_inlined(plan, phase, action.node):
            writer.store(_value(writer, plan, phase, action.node), writer.name("value", action.node))
    return writer.finished()


def adjoint_function(plan: Plan, phase: Phase) -> StepFunction:
    """The gradients of the phase, step by step; the caller passes the steps in reverse."""
    writer = _FunctionWriter(plan.cell)
    in_memory = _in_memory(plan, phase)
    for gradient in phase.adjoint:
        parts = [_part(writer, plan.cell, gradient, part) for part in gradient.parts]
        if len(parts) == 1 and isinstance(parts[0], ast.Name) and gradient.of not in in_memory:
            writer.alias[gradient.of] = parts[0].id
        else:
            writer.store(_sum(parts), writer.name("gradient", gradient.of))
    return writer.finished()


KERNELS: Final[Mapping[str, str]] = {
    "a * b + (1 - a) * c": "lerp(c, b, a)",
    "g * y * (1 - y)": "sigmoid_backward(g, y)",
    "g * (1 - y * y)": "tanh_backward(g, y)",
}
"""Expressions of the table for which torch has one kernel."""

PLAIN: Final = ("cos", "exp", "log", "maximum", "minimum", "sigmoid", "sin", "sqrt", "tanh")
"""Functions of the expression language that torch has under the same name, and that write into given memory."""

NAMESPACE: Final[Mapping[str, Any]] = {
    "math": math,
    "torch": torch,
    "add": torch.add,
    "addcmul": torch.addcmul,
    "addmm": torch.addmm,
    "lerp": torch.lerp,
    "mm": torch.mm,
    "mul": torch.mul,
    "sigmoid_backward": lambda g, y: torch.ops.aten.sigmoid_backward(g, y),
    "sigmoid_backward_out": torch.ops.aten.sigmoid_backward.grad_input,
    "sub": torch.sub,
    "tanh_backward": lambda g, y: torch.ops.aten.tanh_backward(g, y),
    "tanh_backward_out": torch.ops.aten.tanh_backward.grad_input,
    "user": USER,
    **{name: getattr(torch, name) for name in PLAIN},
}

INTO: Final[Mapping[str, str]] = {
    "lerp": "lerp({}, out={})",
    "sigmoid_backward": "sigmoid_backward_out({}, grad_input={})",
    "tanh_backward": "tanh_backward_out({}, grad_input={})",
    **{name: f"{name}({{}}, out={{}})" for name in PLAIN},
}
"""Functions that write into given memory: their call, with a place for the arguments and one for the memory."""


class _FunctionWriter:
    """Collects the statements and the slots of one function."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.lines: list[str] = []
        self.slots: dict[Slot, str] = {}
        self.alias: dict[str, str] = {}

    def name(self, kind: SlotKind, of: str | Product, parameter: str = "") -> str:
        if kind == "gradient" and of in self.alias:
            return self.alias[str(of)]
        letter = "f" if kind in FIXED else "v"
        return self.slots.setdefault(Slot(kind, of, parameter), f"{letter}{len(self.slots)}")

    def own(self, node: str, expression: str) -> dict[str, ast.expr]:
        """Variables for the node's learned vectors that the expression reads, and its constant."""
        read = {name.id for name in ast.walk(parse(expression)) if isinstance(name, ast.Name)}
        row = self.cell.nodes[node].row
        vectors = {p: ast.Name(self.name("vector", node, p)) for p in row.parameters if p in read}
        return constants(row, self.cell.nodes[node].constant) | vectors

    def store(self, tree: ast.expr, memory: str) -> None:
        """Write the tree's value, by summands; a plain variable is not copied before something is added."""
        total = ""
        for sign, summand in sorted(_summands(tree), key=_rank):
            if not total and sign > 0 and isinstance(summand, ast.Name):
                total = summand.id
                continue
            self.lines += _added(total, sign, summand, memory) if total else _first(sign, summand, memory)
            total = memory
        if total != memory:
            self.lines.append(f"{memory}.copy_({total})")

    def finished(self) -> StepFunction:
        varying = {slot: name for slot, name in self.slots.items() if slot.kind not in FIXED}
        fixed = {slot: name for slot, name in self.slots.items() if slot not in varying}
        head = f"def run({', '.join(['steps', *fixed.values()])}):"
        loop = f"    for {', '.join(varying.values())}, in steps:"
        source = "\n".join([head, loop, *(f"        {line}" for line in self.lines or ["pass"])])
        return StepFunction(_compiled(source) if varying else _nothing, tuple(varying), tuple(fixed), source)


@lru_cache(maxsize=1024)
def _compiled(source: str) -> Callable[..., None]:
    names = dict(NAMESPACE)
    exec(compile(source, "<recurrence>", "exec"), names)
    return names["run"]  # type: ignore[no-any-return]


def _nothing(steps: Iterable[Tensor], *fixed: Tensor) -> None:
    """The function of a phase without actions."""


def _value(writer: _FunctionWriter, plan: Plan, phase: Phase, name: str) -> ast.expr:
    node = plan.cell.nodes[name]
    operands: dict[str, ast.expr] = {}
    for letter, operand in zip("abc", node.operands, strict=False):
        inlined = _is_inlined(plan, phase, operand)
        operands[letter] = _value(writer, plan, phase, operand) if inlined else ast.Name(writer.name("value", operand))
    return substitute(KERNELS.get(node.row.value, node.row.value), operands | writer.own(name, node.row.value))


def _is_inlined(plan: Plan, phase: Phase, name: str) -> bool:
    """Whether the value is a product that one sum takes and nothing else needs: torch does both in one call."""
    users = plan.cell.users(name)
    if name not in plan.cell.nodes or name in plan.saved or name in plan.cell.states.values() or len(users) != 1:
        return False
    node, user = plan.cell.nodes[name], plan.cell.nodes[users[0]]
    if Compute(name) not in phase.actions or Compute(users[0]) not in phase.actions or user.operands.count(name) > 1:
        return False
    return _is_of_names(node.row.value, ast.Mult) and _is_of_names(user.row.value, ast.Add, ast.Sub)


def _is_of_names(expression: str, *operators: type[ast.operator]) -> bool:
    match parse(expression) if expression else None:
        case ast.BinOp(ast.Name(), operator, ast.Name()):
            return isinstance(operator, operators)
    return False


def _in_memory(plan: Plan, phase: Phase) -> set[str]:
    """Values whose gradient somebody reads after the step."""
    own = {action.node for action in phase.actions if isinstance(action, Compute)}
    return {
        gradient.of
        for gradient in phase.adjoint
        if gradient.of not in own or gradient.of in phase.columns or plan.cell.nodes[gradient.of].parameters()
    }


def _part(writer: _FunctionWriter, cell: Cell, gradient: Gradient, part: Part) -> ast.expr:
    match part:
        case Arrived():
            return ast.Name(writer.name("arrived", gradient.of))
        case Carried(state):
            return ast.Name(writer.name("carried", state))
        case Derivative(user, letter):
            return _derivative(writer, cell, user, letter)
    gradients, weight = writer.name("gradient_columns", part.product), writer.name("weight", part.product)
    return ast.BinOp(ast.Name(gradients), ast.MatMult(), ast.Name(weight))


def _derivative(writer: _FunctionWriter, cell: Cell, user: str, letter: str) -> ast.expr:
    text = cell.nodes[user].row.derivatives[letter]
    read = values_read(cell, user, letter)
    names: dict[str, ast.expr] = {k: ast.Name(writer.name("value", of)) for k, of in read.items()}
    names |= writer.own(user, text)
    names["g"] = ast.Name(writer.name("gradient", user))
    return substitute(KERNELS.get(text, text), names)


def _sum(trees: list[ast.expr]) -> ast.expr:
    total = trees[0]
    for tree in trees[1:]:
        total = ast.BinOp(total, ast.Add(), tree)
    return total


def _summands(tree: ast.expr, sign: int = 1) -> Iterator[tuple[int, ast.expr]]:
    match tree:
        case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
            yield from _summands(left, sign)
            yield from _summands(right, sign if isinstance(operator, ast.Add) else -sign)
        case ast.UnaryOp(ast.USub(), operand):
            yield from _summands(operand, -sign)
        case _:
            yield sign, tree


def _rank(signed: tuple[int, ast.expr]) -> int:
    """Calls that need fresh memory first, then variables, then what can be added in one call, numbers last."""
    sign, summand = signed
    if _kernel(summand):
        return 0
    if isinstance(summand, ast.Name):
        return 1 if sign > 0 else 2
    return 4 if isinstance(summand, ast.Constant) else 3


def _kernel(summand: ast.expr) -> str:
    return (
        summand.func.id
        if isinstance(summand, ast.Call) and isinstance(summand.func, ast.Name) and summand.func.id in INTO
        else ""
    )


def _text(tree: ast.expr) -> str:
    return ast.unparse(tree) if _kernel(tree) else torch_source(tree)


def _first(sign: int, summand: ast.expr, memory: str) -> list[str]:
    match summand:
        case ast.Call(_, arguments) if _kernel(summand):
            line = INTO[_kernel(summand)].format(", ".join(map(_text, arguments)), memory)
        case ast.BinOp(ast.Constant() as number, ast.Mult(), right):
            line = f"mul({_text(right)}, {_text(number)}, out={memory})"
        case ast.BinOp(left, ast.Mult(), right):
            line = f"mul({_text(left)}, {_text(right)}, out={memory})"
        case ast.BinOp(left, ast.MatMult(), right):
            line = f"mm({_text(left)}, {_text(right)}, out={memory})"
        case _:
            line = f"{memory}.copy_({_text(summand)})"
    return [line] if sign > 0 else [line, f"{memory}.neg_()"]


def _added(total: str, sign: int, summand: ast.expr, memory: str) -> list[str]:
    match summand:
        case ast.BinOp(ast.Constant(int() | float() as number), ast.Mult(), right):
            return [f"add({total}, {_text(right)}, alpha={sign * number}, out={memory})"]
        case ast.BinOp(left, ast.Mult(), right):
            return [f"addcmul({total}, {_text(left)}, {_text(right)}, value={sign}, out={memory})"]
        case ast.BinOp(left, ast.MatMult(), right):
            return [f"addmm({total}, {_text(left)}, {_text(right)}, alpha={sign}, out={memory})"]
    return [f"{'add' if sign > 0 else 'sub'}({total}, {_text(summand)}, out={memory})"]
