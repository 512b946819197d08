"""Cell files: what is written is read again, and whatever else a file holds is refused in one line."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from cellsearch.cell import Cell, Node, from_json, load, save, to_json
from cellsearch.cell.file import MOST_BYTES, SCHEMA
from cellsearch.cell.validate import MOST_NODES, MOST_OPERANDS, NAME_LENGTH
from cellsearch.errors import CellError
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import LSTM, SPACE


@given(cells())
def test_a_cell_is_read_as_it_was_written(cell: Cell) -> None:
    assert from_json(to_json(cell)) == cell
    assert list(from_json(to_json(cell)).nodes) == list(cell.nodes)


def test_a_file_is_read_as_it_was_saved(tmp_path: Path) -> None:
    for cell in SPACE.seeds.values():
        save(cell, tmp_path / "cell.json")
        assert load(tmp_path / "cell.json") == cell
        assert load(str(tmp_path / "cell.json")) == cell


def test_the_text_says_what_the_documentation_says() -> None:
    cell = Cell(
        "rnn", {"sum": Node("linear", ("x", "h"), 1), "h_next": Node("tanh", ("sum",))}, {"h": "h_next"}, "h_next"
    )
    assert json.loads(to_json(cell)) == {
        "schema": "cellsearch.cell/1",
        "name": "rnn",
        "states": {"h": "h_next"},
        "output": "h_next",
        "nodes": {
            "sum": {"op": "linear", "operands": ["x", "h"], "initial_bias": 1.0},
            "h_next": {"op": "tanh", "operands": ["sum"]},
        },
    }


def test_the_largest_cell_can_be_saved_and_read(tmp_path: Path) -> None:
    def name(i: int) -> str:
        return f"n{i}_".ljust(NAME_LENGTH, "n")

    count = MOST_NODES - 1
    nodes = {name(i): Node("linear", ("x", *[name(max(0, i - 1))] * (MOST_OPERANDS - 1))) for i in range(1, count)}
    nodes = {name(0): Node("linear", ("x", "h")), **nodes}
    largest = Cell("largest", nodes, {"h": name(count - 1)}, name(count - 1))
    save(largest, tmp_path / "largest.json")
    assert load(tmp_path / "largest.json") == largest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "cellsearch.cell/9"}, "schema 'cellsearch.cell/9' is not known; this version reads 'cellsearch.ce"),
        ({"schema": [1]}, "schema [1] is not known"),
        ({"name": 5}, "'name' must be a text, got 5"),
        ({"name": ""}, "no name for a cell; use 1 to 200 printable characters"),
        ({"name": "\ud800"}, "no name for a cell"),
        ({"states": ["h"]}, "'states' must be an object, got ['h']"),
        ({"states": {"h": 1}}, "the next value of state 'h' must be a name, got 1"),
        ({"states": {}}, "has no state"),
        ({"output": None}, "'output' must be a name, got None"),
        ({"nodes": []}, "'nodes' must be an object, got []"),
        ({"nodes": {}}, "has no nodes"),
        ({"nodes": {"a": 1}}, "node 'a' must be an object, got 1"),
        ({"nodes": {"a": {"op": "tanh"}}}, "node 'a' has no 'operands'; add it"),
        ({"nodes": {"a": {"operands": []}}}, "node 'a' has no 'op'; add it"),
        ({"nodes": {"a": {"op": 1, "operands": []}}}, "'op' of node 'a' must be a name, got 1"),
        ({"nodes": {"a": {"op": "tanh", "operands": "x"}}}, "'operands' of node 'a' must be a list of names, got 'x'"),
        ({"nodes": {"a": {"op": "tanh", "operands": [1]}}}, "'operands' of node 'a' must be a list of names, got [1]"),
        ({"nodes": {"a": {"op": "tanh", "operands": ["x"], "bias": 1}}}, "node 'a' has unknown 'bias'; remove it"),
        (
            {"nodes": {"a": {"op": "linear", "operands": ["x"], "initial_bias": "1"}}},
            "must be a finite number, got '1'",
        ),
        ({"nodes": {"a": {"op": "linear", "operands": ["x"], "initial_bias": True}}}, "a finite number, got True"),
        ({"nodes": {"a": {"op": "linear", "operands": ["x"], "initial_bias": None}}}, "a finite number, got None"),
        ({"nodes": {"a": {"op": "linear", "operands": ["x"], "initial_bias": float("nan")}}}, "number, got nan"),
        ({"nodes": {"a": {"op": "linear", "operands": ["x"], "initial_bias": 10**400}}}, "a finite number, got 1000"),
        (
            {"nodes": {"a": {"op": "linear", "operands": ["x"], "constant": "1"}}},
            "'constant' of node 'a' must be a finite",
        ),
        (
            {"nodes": {"a": {"op": "linear", "operands": ["x"], "constant": 2}}},
            "(linear) has no constant; remove its 2",
        ),
        ({"comment": "hello"}, "the file has unknown 'comment'; remove it"),
    ],
)
def test_a_malformed_field_is_named(change: dict[str, Any], message: str) -> None:
    content = json.loads(to_json(LSTM)) | change
    _refused(json.dumps(content), message)


@pytest.mark.parametrize("key", ["schema", "name", "states", "output", "nodes"])
def test_a_missing_field_is_named(key: str) -> None:
    content = json.loads(to_json(LSTM))
    del content[key]
    _refused(json.dumps(content), "schema None is not known" if key == "schema" else f"the file has no '{key}'; add it")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON: Expecting value in line 1"),
        ("{\n'a': 1}", "not JSON: Expecting property name enclosed in double quotes in line 2"),
        ("[]", "the file must be an object, got []"),
        ("null", "the file must be an object, got None"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' is there twice; rename or remove one"),
        ('{"nodes": {"n": {}, "n": {}}}', "'n' is there twice"),
        ("\ufeff{}", "not JSON"),
        ('{"a": ' + "1" * 5000 + "}", "5000 digits"),
    ],
)
def test_text_that_is_no_cell_is_refused(text: str, message: str) -> None:
    _refused(text, message)


@pytest.mark.parametrize("depth", [10, 100, 500, 900, 990, 1000, 5_000, 300_000])
@pytest.mark.parametrize("brackets", ["[]", ("{'a':".replace("'", '"'), "}")])
def test_a_deeply_nested_file_is_refused(depth: int, brackets: tuple[str, str]) -> None:
    opening, closing = brackets
    bomb = opening * depth + "1" + closing * depth
    _refused(bomb)
    _refused(json.dumps({"schema": SCHEMA, "name": "a", "states": {}, "output": "a", "nodes": 0})[:-2] + bomb + "}")


def test_a_message_stays_short_whatever_the_file_holds() -> None:
    long = "n" * 100_000
    for change in (
        {"name": long},
        {"output": long},
        {"states": {"h": long}},
        {"states": {long: 1}},
        {"states": {long: "h_next"}},
        {"nodes": {long: 1}},
        {"nodes": {long: {"op": long, "operands": [long]}}},
        {long: 1},
    ):
        error = _refused(json.dumps(json.loads(to_json(LSTM)) | change))
        assert len(error) < 500


def test_many_keys_with_one_twice_are_refused_at_once() -> None:
    text = "{" + ",".join(f'"k{i}":0' for i in range(100_000)) + ',"k7":0}'
    begun = time.process_time()
    _refused(text, "'k7' is there twice")
    assert time.process_time() - begun < 5  # a comparison of each with each takes minutes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8 text"),
        (b"\x00" * 10, "not JSON"),
        (b" " * (MOST_BYTES + 1), f"larger than {MOST_BYTES} bytes, too large for a cell"),
    ],
)
def test_a_file_that_is_no_cell_file_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "my.json"
    path.write_bytes(content)
    with pytest.raises(CellError, match=message) as raised:
        load(path)
    assert str(raised.value).startswith(f"cell file {path}: ")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CellError, match="No such file or directory"):
        load(tmp_path / "missing.json")
    with pytest.raises(CellError, match="Is a directory"):
        load(tmp_path)


def _refused(text: str, message: str = "") -> str:
    with pytest.raises(CellError) as raised:
        from_json(text, "my.json")
    assert message in str(raised.value)
    assert str(raised.value).startswith("my.json: ")
    assert "\n" not in str(raised.value)
    return str(raised.value)
