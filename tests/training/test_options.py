"""Options: what a text means follows from a field's annotation, and a text that no annotation explains is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from cellsearch.errors import TaskError, UnknownNameError
from cellsearch.training.options import converted, option_text


@dataclass(frozen=True)
class Fields:
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[int, str] = (1, "a")
    bare: tuple = (0.5,)  # type: ignore[type-arg]
    names: list[str] = field(default_factory=list)
    limit: int | None = None
    label: str | None = None
    mode: Literal["fast", "slow", 3] = "fast"
    flag: bool = False
    place: Path = Path("here")
    anything: Any = 1.5
    table: dict[str, int] = field(default_factory=dict)


def value(name: str, given: object) -> object:
    return converted("mine.py:TASK", Fields(), {name: given})[name]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("sizes", "3,4", (3, 4)),
        ("sizes", "(3, 4,)", (3, 4)),
        ("sizes", (3, np.int64(4)), (3, 4)),
        ("sizes", np.array([3, 4]), (3, 4)),
        ("sizes", "", ()),
        ("pair", "7,b", (7, "b")),
        ("bare", "1,2", (1.0, 2.0)),
        ("names", "a,b", ["a", "b"]),
        ("limit", "none", None),
        ("limit", None, None),
        ("limit", "5", 5),
        ("label", "None", None),
        ("label", "five", "five"),
        ("mode", "slow", "slow"),
        ("mode", "3", 3),
        ("flag", "False", False),
        ("flag", True, True),
        ("place", "there", Path("there")),
        ("anything", "2", 2.0),
    ],
)
def test_a_text_is_read_by_the_annotation_and_written_back(name: str, given: object, expected: object) -> None:
    found = value(name, given)
    assert found == expected and type(found) is type(expected)
    assert value(name, option_text(found)) == expected


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("sizes", "3,x", "task 'mine.py:TASK': sizes must be tuple[int, ...], got '3,x'"),
        ("pair", "7", "task 'mine.py:TASK': pair must be tuple[int, str], got '7'"),
        ("limit", "many", "task 'mine.py:TASK': limit must be int | None, got 'many'"),
        ("mode", "slower", "task 'mine.py:TASK': mode must be Literal['fast', 'slow', 3], got 'slower'"),
        ("flag", "maybe", "task 'mine.py:TASK': flag must be bool, got 'maybe'"),
        ("limit", 1.5, "task 'mine.py:TASK': limit must be int | None, got 1.5"),
    ],
)
def test_a_text_that_is_none_of_its_kind_is_refused(name: str, given: object, message: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        value(name, given)
    assert str(raised.value) == message


def test_a_field_that_no_text_can_give_is_refused_when_it_is_set() -> None:
    with pytest.raises(
        TaskError, match=r"option 'table' is annotated dict\[str, int\], which no text can give; annotate"
    ):
        value("table", "a")
