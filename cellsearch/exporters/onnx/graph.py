"""A graph of ONNX as it grows: values by name, each computed once, from expressions of the table of operations."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Applied", "Array", "Graph", "Names"]

SIGNS: Final[Mapping[type[ast.operator], str]] = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div"}

Array = NDArray[Any]


class Names:
    """The names of a model, which has each but once, whatever the cell's are: letters, digits and _."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, wanted: str) -> str:
        """The name made safe, with a number behind it if it is taken."""
        safe = re.sub("[^A-Za-z0-9_]", "_", wanted)
        name, number = safe, 2
        while name in self._taken:
            name, number = f"{safe}_{number}", number + 1
        self._taken.add(name)
        return name


@dataclass(frozen=True)
class Applied:
    """An operator with the values that it takes and those that it makes."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


class Graph:
    """Nodes and constant arrays; a graph inside of another, a loop's body, shares the names and arrays of that one."""

    def __init__(self, dtype: np.dtype[Any], hidden_size: int, outer: Graph | None = None) -> None:
        self.dtype = dtype
        self.hidden_size = hidden_size
        self.names: Names = outer.names if outer else Names()
        self.arrays: dict[str, Array] = outer.arrays if outer else {}
        self.nodes: list[Applied] = []
        self._places: dict[tuple[object, ...], str] = outer._places if outer else {}
        self._known: dict[tuple[object, ...], tuple[str, ...]] = {}

    def add(self, op: str, inputs: Iterable[str], outputs: Iterable[str], **attributes: Any) -> None:
        """A node whose results have these names."""
        self.nodes.append(Applied(op, tuple(inputs), tuple(outputs), attributes))

    def apply(self, op: str, *inputs: str, name: str = "", outputs: int = 1, **attributes: Any) -> tuple[str, ...]:
        """The results of an operator; of the same operator on the same values those that are there."""
        key = (op, inputs, repr(attributes))
        if key not in self._known:
            self._known[key] = tuple(self.names.new(name or op.lower()) for _ in range(outputs))
            self.add(op, inputs, self._known[key], **attributes)
        return self._known[key]

    def array(self, values: Array, name: str) -> str:
        """A constant array, one and the same for equal numbers."""
        key = (values.dtype, values.shape, values.tobytes())
        if key not in self._places:
            self._places[key] = self.names.new(name)
            self.arrays[self._places[key]] = values
        return self._places[key]

    def numbers(self, values: Sequence[int]) -> str:
        """Whole numbers: a shape, axes, an index."""
        return self.array(np.array(values, dtype=np.int64), "whole")

    def expression(self, tree: ast.expr, values: Mapping[str, str], name: str) -> str:
        """The value of an expression that is written by ONNX's operators (see `cell.functions`)."""
        match tree:
            case ast.Name(id=letter):
                return values[letter]
            case ast.Constant(value=number):
                return self.array(np.array(number, dtype=self.dtype), "number")
            case ast.List():
                return self.numbers(self._whole(tree))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.apply("Neg", self.expression(operand, values, name), name=name)[0]
            case ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=right):
                # Not 1 / b, which onnxruntime 1.32 makes a / b of in a * (1 / b), and then loses a in a loop.
                return self.apply("Reciprocal", self.expression(right, values, name), name=name)[0]
            case ast.BinOp(left=left, op=sign, right=right):
                operands = [self.expression(each, values, name) for each in (left, right)]
                return self.apply(SIGNS[type(sign)], *operands, name=name)[0]
            case ast.Call(func=ast.Name(id=op), args=arguments, keywords=keywords):
                operands = [self.expression(each, values, name) for each in arguments]
                attributes = {str(each.arg): ast.literal_eval(each.value) for each in keywords}
                return self.apply(op, *operands, name=name, **attributes)[0]
        raise AssertionError(ast.unparse(tree))

    def _whole(self, tree: ast.List) -> list[int]:
        """The whole numbers of a list, which the table alone writes."""
        known = {"math": math, "int": int, "hidden_size": self.hidden_size, "__builtins__": {}}
        return [int(each) for each in eval(ast.unparse(tree), known)]
