"""A user's own operations in an exported file: their source as the user wrote it, with the little that it uses.

An exported file needs torch alone, so that what an operation uses may come from torch, Python's own library, or be a
function or a constant beside it.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import sys
import textwrap
from types import FunctionType, ModuleType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import ExportError
from cellsearch.exporters.names import TAKEN
from cellsearch.recurrence.custom import USER, function_of

__all__ = ["own_operations_source"]

THERE: Final[dict[str, Any]] = {"torch": torch, "Tensor": Tensor, "nn": nn, "F": F, "math": math}
"""What an exported file has imported."""

PLAIN: Final = (bool, int, float, str, type(None))


def own_operations_source(cell: Cell) -> str:
    """The source of the cell's own operations, checked to compute what they do; empty if it has none.

    Raises ExportError, which names the operation and what of it no file can hold, CellError if it is not defined here.
    """
    found: dict[str, str] = {}
    for op in sorted({node.op for node in cell.nodes.values() if hasattr(USER, node.op)}):
        function = function_of(op)
        _gather(op, function, found)
        _check(op, function, "\n".join(found.values()))
        if getattr(USER, op) is not function:
            found[op] = (
                f"# Differentiated by autograd here; where it was defined it has a derivative of its own.\n{found[op]}"
            )
    lines = [text for text in found.values() if "\n" not in text]
    imports = sorted(line for line in lines if line.startswith(("import ", "from ")))
    values = [line for line in lines if line not in imports]
    functions = [text.rstrip() for text in found.values() if "\n" in text]
    blocks = ["\n".join(imports), "\n".join(values), *functions]
    return "\n\n\n".join(block for block in blocks if block) + "\n" * bool(found)


def _gather(op: str, function: FunctionType, found: dict[str, str]) -> None:
    """Add the source of a function behind that of all that it uses."""
    name = function.__name__
    if name in TAKEN:
        raise ExportError(f"operation {op!r}: an exported file has a {name!r} of its own; give yours another name")
    text, definition = _definition(op, function)
    if function.__closure__:
        raise ExportError(f"operation {op!r}: {name!r} is defined within a function; define it at the top of a file")
    for used in _used(definition):
        if used in found or used == name or used not in function.__globals__:
            continue
        value = function.__globals__[used]
        if THERE.get(used) is not value:
            _add(op, used, value, found)
    found[name] = text


def _definition(op: str, function: FunctionType) -> tuple[str, ast.FunctionDef]:
    """The text of a function without its decorators, and its tree."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
        (definition,) = ast.parse(text).body
        if not isinstance(definition, ast.FunctionDef):
            raise ValueError("no function stands where it stood")
    except (OSError, SyntaxError, ValueError) as error:
        raise ExportError(f"operation {op!r}: its source is nowhere to be found; define it in a file") from error
    return "\n".join(text.splitlines()[definition.lineno - 1 : definition.end_lineno]) + "\n", definition


def _used(definition: ast.FunctionDef) -> list[str]:
    """The names that a function reads, in order."""
    inside = [node for statement in definition.body for node in ast.walk(statement)]
    inside += [node for default in definition.args.defaults for node in ast.walk(default)]
    names = [node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    own = {argument.arg for argument in definition.args.args}
    return [name for name in dict.fromkeys(names) if name not in own and not hasattr(builtins, name)]


def _add(op: str, name: str, value: object, found: dict[str, str]) -> None:
    """Add the line or the source that gives a name its value."""
    if isinstance(value, ModuleType):
        if not _is_allowed(value.__name__):
            raise _refusal(op, name)
        found[name] = f"import {value.__name__} as {name}"
    elif place := next((place for place in (torch, F, nn, math) if getattr(place, name, None) is value), None):
        found[name] = f"from {place.__name__} import {name}"
    elif isinstance(value, FunctionType) and value.__name__ == name:
        if _is_allowed(value.__module__):
            found[name] = f"from {value.__module__} import {name}"
        else:
            _gather(op, value, found)
    elif isinstance(value, PLAIN) or (isinstance(value, tuple) and all(isinstance(each, PLAIN) for each in value)):
        found[name] = f"{name} = {value!r}"
    else:
        raise _refusal(op, name)


def _refusal(op: str, name: str) -> ExportError:
    return ExportError(
        f"operation {op!r} uses {name!r}, which no file that needs torch alone can hold; use torch, Python's own "
        "library, and functions and numbers beside it"
    )


def _is_allowed(module: str) -> bool:
    top = module.partition(".")[0]
    return top == "torch" or (top in sys.stdlib_module_names and top != "__main__")


def _check(op: str, function: FunctionType, text: str) -> None:
    """Run the text, which is the user's own, and compare. Raises ExportError."""
    count = sum(1 for each in inspect.signature(function).parameters.values() if each.default is each.empty)
    generator = torch.Generator().manual_seed(0)
    operands = [torch.randn(3, 4, dtype=torch.float64, generator=generator) for _ in range(count)]
    place: dict[str, Any] = dict(THERE)
    try:
        exec("from __future__ import annotations\n" + text, place)
        same = torch.allclose(place[op](*operands), function(*operands), equal_nan=True)
    except Exception as error:
        raise ExportError(f"operation {op!r}: its source does not run by itself: {error}") from error
    if not same:
        raise ExportError(f"operation {op!r}: its source has changed since it was run; run it anew")
