"""Readers' common parts: bounded text, JSON without a key twice, values quoted on one short line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cellsearch.cell.untrusted import bounded_text, expect, expect_keys, json_value, short
from cellsearch.errors import CellError


def test_text_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("é" * 4, encoding="utf-8")
    assert bounded_text(path, "here", 8) == "é" * 4
    with pytest.raises(CellError, match="here: larger than 7 bytes, too large for a cell"):
        bounded_text(path, "here", 7)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none", "No such file or directory"), (Path("a\0b"), "embedded null byte")):
        with pytest.raises(CellError, match=f"here: {message}"):
            bounded_text(path, "here", 7)


def test_json_with_a_key_twice_is_refused() -> None:
    assert json_value('{"a": {"b": [1]}}', "here") == {"a": {"b": [1]}}
    with pytest.raises(CellError, match="here: 'a' is there twice; rename or remove one"):
        json_value('{"a": 1, "a": 1}', "here")


def test_an_error_tells_the_place_what_is_wanted_and_what_is_there() -> None:
    expect(True, "here", "it", "a name", 1)
    with pytest.raises(CellError, match=r"^here: it must be a name, got 1$"):
        expect(False, "here", "it", "a name", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [({}, "it has no 'a'; add it"), ({"a": 1, "c": 1}, "it has unknown 'c'"), ({"a": 1, None: 1, "d": 1}, "None")],
)
def test_keys_are_what_they_must_and_may_be(content: dict[Any, Any], message: str) -> None:
    expect_keys({"a": 1}, ("a",), ("b",), "here", "it")
    expect_keys({"a": 1, "b": 1}, ("a",), ("b",), "here", "it")
    with pytest.raises(CellError, match=message):
        expect_keys(content, ("a",), ("b",), "here", "it")


def test_a_quoted_value_is_short_and_on_one_line_whatever_it_is() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert short("a\nb") == r"'a\nb'"
    assert short("n" * 1000) == "'" + "n" * 76 + "..."
    assert short(16**5000) == "a int too large to print"
    assert short(nested) == "a list too large to print"
    while nested:  # Taken apart, since Python's own way of forgetting it nests as deeply.
        nested = nested[0]
