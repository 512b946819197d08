"""A cell as JSON that any program can read. Loading runs no code and trusts nothing.

{"schema": "cellsearch.cell/1", "name": "rnn", "states": {"h": "h_next"}, "output": "h_next",
 "nodes": {"sum": {"op": "linear", "operands": ["x", "h"], "initial_bias": 1.0}, ...}}

`initial_bias` may be left out; it is 0 then.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cellsearch.cell.cell import Cell, Node
from cellsearch.errors import CellError

__all__ = ["SCHEMA", "from_json", "load", "save", "to_json"]

SCHEMA: Final = "cellsearch.cell/1"

MOST_BYTES: Final = 4_000_000
"""Size of a cell file, at most; the largest valid cell needs about half."""


def to_json(cell: Cell, indent: int | None = None) -> str:
    """The cell as the text of a cell file."""
    nodes: dict[str, dict[str, object]] = {}
    for name, node in cell.nodes.items():
        nodes[name] = {"op": node.op, "operands": list(node.operands)}
        if node.initial_bias:
            nodes[name]["initial_bias"] = node.initial_bias
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
    try:
        content = json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise CellError(f"{where}: not JSON: {error.msg} in line {error.lineno}") from None
    except RecursionError:
        raise CellError(f"{where}: nested too deeply for a cell") from None
    except ValueError as error:
        raise CellError(f"{where}: {error}") from None
    _expect(isinstance(content, dict), where, "the file", "an object", content)
    schema = content.get("schema")
    if schema != SCHEMA:
        raise CellError(f"{where}: schema {_short(schema)} is not known; this version reads {SCHEMA!r}")
    _expect_keys(content, {"schema", "name", "states", "output", "nodes"}, set(), where, "the file")
    name, states, output, nodes = (content[key] for key in ("name", "states", "output", "nodes"))
    _expect(isinstance(name, str), where, "'name'", "a text", name)
    _expect(isinstance(states, dict), where, "'states'", "an object", states)
    for state, following in states.items():
        _expect(isinstance(following, str), where, f"the next value of state {_short(state)}", "a name", following)
    _expect(isinstance(output, str), where, "'output'", "a name", output)
    _expect(isinstance(nodes, dict), where, "'nodes'", "an object", nodes)
    try:
        return Cell(name, {n: _node(n, node, where) for n, node in nodes.items()}, states, output)
    except CellError as error:
        raise CellError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def load(path: str | Path) -> Cell:
    """The cell in a file. Raises CellError, one line that names the file, if it cannot be read or is no cell."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise CellError(f"cell file {path}: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise CellError(f"cell file {path}: larger than {MOST_BYTES} bytes, too large for a cell")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise CellError(f"cell file {path}: not UTF-8 text") from None
    return from_json(text, f"cell file {path}")


def save(cell: Cell, path: str | Path) -> None:
    """Write the cell to a file."""
    Path(path).write_text(to_json(cell, indent=1) + "\n", encoding="utf-8")


def _node(name: str, content: Any, where: str) -> Node:
    what = f"node {_short(name)}"
    _expect(isinstance(content, dict), where, what, "an object", content)
    _expect_keys(content, {"op", "operands"}, {"initial_bias"}, where, what)
    op, operands, bias = content["op"], content["operands"], content.get("initial_bias", 0.0)
    _expect(isinstance(op, str), where, f"'op' of {what}", "a name", op)
    named = isinstance(operands, list) and all(isinstance(operand, str) for operand in operands)
    _expect(named, where, f"'operands' of {what}", "a list of names", operands)
    number = isinstance(bias, int | float) and not isinstance(bias, bool) and abs(bias) < 1e300
    _expect(number, where, f"'initial_bias' of {what}", "a finite number", bias)
    return Node(op, tuple(operands), float(bias))


def _expect(holds: bool, where: str, what: str, wanted: str, got: object) -> None:
    if not holds:
        raise CellError(f"{where}: {what} must be {wanted}, got {_short(got)}")


def _expect_keys(content: Mapping[str, Any], needed: set[str], possible: set[str], where: str, what: str) -> None:
    missing, unknown = needed - content.keys(), content.keys() - needed - possible
    if missing:
        raise CellError(f"{where}: {what} has no {', '.join(map(repr, sorted(missing)))}; add it")
    if unknown:
        raise CellError(f"{where}: {what} has unknown {_short(min(unknown))}; remove it")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{_short(twice)} is there twice; rename or remove one")
    return content


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
