"""Names of traced nodes: those of the variables that the user's lines assign, next values after their states."""

from __future__ import annotations

import ast
import keyword
import re
from collections import defaultdict
from collections.abc import Mapping

from torch import nn

from cellsearch.cell import INPUT
from cellsearch.cell.node import free_name
from cellsearch.cell.notation.equations import NEXT
from cellsearch.cell.validate import NAME_LENGTH
from cellsearch.recurrence.trace.building.lines import Line
from cellsearch.recurrence.trace.building.values import TracedNode
from cellsearch.recurrence.trace.calls import CallingConvention
from cellsearch.recurrence.trace.forms import forward_tree

__all__ = ["node_names", "state_names"]


def state_names(module: nn.Module, convention: CallingConvention) -> tuple[str, ...]:
    """The states' names in the module's source: its arguments, or the names that it unpacks them to.

    A tensor of several hidden sizes has one name, numbered.
    """
    count = len(convention.widths)
    told = tuple("h" if name == "hx" else name for name in convention.names[:count])
    if not convention.spread and convention.form is not ...:
        told = _unpacked(module, convention.names[0], count) or (("h", "c") if count == 2 else ())
    if len(told) != count or len(set(told)) != len(told) or not all(map(_is_free, told)):
        told = ("h",) if count == 1 else tuple(f"h{i}" for i in range(count))
    wide = [
        (f"{name}{i + 1}" for i in range(width)) if width > 1 else (name,)
        for name, width in zip(told, convention.widths, strict=True)
    ]
    return tuple(name for names in wide for name in names)


def node_names(nodes: Mapping[str, TracedNode], following: Mapping[str, str], output: str) -> dict[str, str]:
    """A name for each node: `h_next` for the next value of h, `output`, the variable of its line, or its operation.

    Where a line makes several nodes, the one that no other of the line takes has the variable's name.
    """
    names: dict[str, str] = {}
    taken = {INPUT, *following}
    for state, node in following.items():
        if node not in names:
            names[node] = _unique(f"{state}{NEXT}", taken)
    if output not in names:
        names[output] = _unique("output", taken)
    lines: dict[Line, list[str]] = defaultdict(list)
    for name in nodes:
        lines[_assignment(nodes[name].line)].append(name)
    for line, made in lines.items():
        inner = {operand for name in made for operand in nodes[name].operands}
        tops = [name for name in made if name not in inner]
        variable = _variable(line)
        for name in [name for name in made if name not in names]:
            stem = nodes[name].op
            if variable is not None and name not in tops:
                stem = f"{variable}_{stem}"
            elif variable is not None:
                stem = variable if len(tops) == 1 else f"{variable}_{tops.index(name) + 1}"
            names[name] = _unique(stem, taken)
    return names


def _unpacked(module: nn.Module, argument: str, count: int) -> tuple[str, ...] | None:
    """The names of `h, c = state`, or of `(h, c), n = state`."""
    for each in forward_tree(module):
        match each:
            case ast.Assign([ast.Tuple() as target], ast.Name(value)) if value == argument:
                names = tuple(part.id for part in ast.walk(target) if isinstance(part, ast.Name))
                if len(names) == count:
                    return _in_order(target)
    return None


def _in_order(target: ast.expr) -> tuple[str, ...]:
    """The names of nested targets from left to right."""
    if isinstance(target, ast.Tuple | ast.List):
        return tuple(name for part in target.elts for name in _in_order(part))
    return (target.id,) if isinstance(target, ast.Name) else ()


def _assignment(line: Line) -> Line:
    """The line that assigns a variable, the innermost of those that led to it; itself if none does."""
    innermost: Line | None = line
    while innermost is not None and _variable(innermost) is None:
        innermost = innermost.caller
    return innermost or line


def _variable(line: Line) -> str | None:
    found = re.match(r"([A-Za-z]\w*)\s*=[^=]", line.text)
    return found[1] if found and _is_free(found[1]) else None


def _is_free(name: str) -> bool:
    return name != INPUT and name.isascii() and not name.startswith("_") and not keyword.iskeyword(name)


def _unique(stem: str, taken: set[str]) -> str:
    name = free_name(stem[: NAME_LENGTH - 5], taken)
    taken.add(name)
    return name
