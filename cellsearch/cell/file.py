"""A cell as JSON that any program can read. Loading runs no code and trusts nothing.

{"schema": "cellsearch.cell/1", "name": "rnn", "states": {"h": "h_next"}, "output": "h_next",
 "nodes": {"sum": {"op": "linear", "operands": ["x", "h"], "initial_bias": 1.0}, ...}}

`initial_bias` may be left out; it is 0 then. So may `constant`, the number of an operation that has one; it is 1 then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.cell.node import Node
from cellsearch.cell.untrusted import bounded_text, expect, expect_keys, json_value, short
from cellsearch.errors import CellError

__all__ = ["SCHEMA", "from_content", "from_json", "load", "save", "to_json"]

SCHEMA: Final = "cellsearch.cell/1"

MOST_BYTES: Final = 4_000_000
"""Size of a cell file, at most; the largest valid cell needs about half."""

NUMBERS: Final = {"initial_bias": 0.0, "constant": 1.0}
"""The numbers of a node, and what they are where a file leaves them out."""


def to_json(cell: Cell, indent: int | None = None) -> str:
    """The cell as the text of a cell file."""
    expect_cell(cell)
    nodes: dict[str, dict[str, object]] = {}
    for name, node in cell.nodes.items():
        nodes[name] = {"op": node.op, "operands": list(node.operands)}
        if node.initial_bias:
            nodes[name]["initial_bias"] = node.initial_bias
        if node.constant != 1:
            nodes[name]["constant"] = node.constant
    content = {
        "schema": SCHEMA,
        "name": cell.name,
        "states": dict(cell.states),
        "output": cell.output,
        "nodes": nodes,
    }
    return json.dumps(content, indent=indent)


def from_json(text: str, where: str = "cell") -> Cell:
    """The cell that a cell file's text describes; `where` names the file in errors. Raises CellError."""
    return from_content(json_value(text, where), where)


def from_content(content: Any, where: str = "cell") -> Cell:
    """The cell that a cell file's JSON describes, already read; `where` names the file in errors. Raises CellError."""
    expect(isinstance(content, dict), where, "the file", "an object", content)
    schema = content.get("schema")
    if schema != SCHEMA:
        raise CellError(f"{where}: schema {short(schema)} is not known; this version reads {SCHEMA!r}")
    expect_keys(content, {"schema", "name", "states", "output", "nodes"}, set(), where, "the file")
    name, states, output, nodes = (content[key] for key in ("name", "states", "output", "nodes"))
    expect(isinstance(name, str), where, "'name'", "a text", name)
    expect(isinstance(states, dict), where, "'states'", "an object", states)
    for state, following in states.items():
        expect(isinstance(following, str), where, f"the next value of state {short(state)}", "a name", following)
    expect(isinstance(output, str), where, "'output'", "a name", output)
    expect(isinstance(nodes, dict), where, "'nodes'", "an object", nodes)
    try:
        return Cell(name, {n: _node(n, node, where) for n, node in nodes.items()}, states, output)
    except CellError as error:
        raise CellError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def load(path: str | Path) -> Cell:
    """The cell in a file. Raises CellError, one line that names the file, if it cannot be read or is no cell."""
    where = f"cell file {path}"
    return from_json(bounded_text(Path(path), where, MOST_BYTES), where)


def save(cell: Cell, path: str | Path) -> None:
    """Write the cell to a file. Raises CellError if that fails."""
    try:
        Path(path).write_text(to_json(cell, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CellError(f"cell file {path}: {error.strerror}; nothing was written") from None


def _node(name: str, content: Any, where: str) -> Node:
    what = f"node {short(name)}"
    expect(isinstance(content, dict), where, what, "an object", content)
    expect_keys(content, {"op", "operands"}, {"initial_bias", "constant"}, where, what)
    op, operands = content["op"], content["operands"]
    expect(isinstance(op, str), where, f"'op' of {what}", "a name", op)
    named = isinstance(operands, list) and all(isinstance(operand, str) for operand in operands)
    expect(named, where, f"'operands' of {what}", "a list of names", operands)
    bias, constant = (_number(content, key, default, where, what) for key, default in NUMBERS.items())
    return Node(op, tuple(operands), bias, constant)


def _number(content: Mapping[str, Any], key: str, default: float, where: str, what: str) -> float:
    number = content.get(key, default)
    finite = isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < 1e300
    expect(finite, where, f"{key!r} of {what}", "a finite number", number)
    return float(number)
