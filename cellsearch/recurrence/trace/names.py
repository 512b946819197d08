"""Names of traced nodes: those of the variables that the user's lines assign, next values after their states."""

from __future__ import annotations

import ast
import inspect
import keyword
import re
import textwrap
from collections import defaultdict
from collections.abc import Mapping

from torch import nn

from cellsearch.cell import INPUT
from cellsearch.cell.notation.equations import NEXT
from cellsearch.cell.validate import NAME_LENGTH
from cellsearch.recurrence.trace.calls import Call, Line
from cellsearch.recurrence.trace.values import Step

__all__ = ["node_names", "state_names"]


def state_names(module: nn.Module, call: Call) -> tuple[str, ...]:
    """The states' names in the module's source: its arguments, or the names that it unpacks the tuple to."""
    arguments = list(inspect.signature(module.forward).parameters)[1:]
    names = tuple("h" if name == "hx" else name for name in arguments[: call.count])
    if call.in_tuple:
        names = _unpacked(module, arguments[0], call.count) or ("h", "c")
    if len(names) != call.count or len(set(names)) != len(names) or not all(map(_is_free, names)):
        return ("h",) if call.count == 1 else tuple(f"h{i}" for i in range(call.count))
    return names


def node_names(steps: Mapping[str, Step], following: Mapping[str, str], output: str) -> dict[str, str]:
    """A name for each step: `h_next` for the next value of h, `output`, the variable of its line, or its operation.

    Where a line makes several steps, the one that no other of the line takes has the variable's name.
    """
    names: dict[str, str] = {}
    taken = {INPUT, *following}
    for state, step in following.items():
        if step not in names:
            names[step] = _unique(f"{state}{NEXT}", taken)
    if output not in names:
        names[output] = _unique("output", taken)
    lines: dict[Line, list[str]] = defaultdict(list)
    for name in steps:
        lines[_assignment(steps[name].line)].append(name)
    for line, made in lines.items():
        inner = {operand for name in made for operand in steps[name].operands}
        tops = [name for name in made if name not in inner]
        variable = _variable(line)
        for name in [name for name in made if name not in names]:
            stem = steps[name].op
            if variable is not None and name not in tops:
                stem = f"{variable}_{stem}"
            elif variable is not None:
                stem = variable if len(tops) == 1 else f"{variable}_{tops.index(name) + 1}"
            names[name] = _unique(stem, taken)
    return names


def _unpacked(module: nn.Module, argument: str, count: int) -> tuple[str, ...] | None:
    """The names of `h, c = state`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(type(module).forward)))
    except (OSError, SyntaxError):
        return None
    for each in ast.walk(tree):
        match each:
            case ast.Assign([ast.Tuple(targets)], ast.Name(value)) if value == argument and len(targets) == count:
                return tuple(target.id for target in targets if isinstance(target, ast.Name))
    return None


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
    stem = stem[: NAME_LENGTH - 5]
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    taken.add(name)
    return name
