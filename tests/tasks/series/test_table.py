"""A table of the user's: what its columns are, and files that are broken, each told in one line with its place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from cellsearch.errors import DataError
from cellsearch_tasks.series.table import Kind, Table, read_table


def read(tmp_path: Path, text: str, kinds: dict[str, Kind] | None = None, **options: Any) -> Table:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(str(path), kinds or {}, **options)


def values(table: Table, name: str) -> list[float | None]:
    return [None if math.isnan(value) else value for value in table.column(name).values]


def test_the_first_value_of_a_column_says_what_it_holds(tmp_path: Path) -> None:
    table = read(tmp_path, "when,temp,state\n1970-01-01,1.5,on\n1970-01-02 00:00:01,-2e3,off\n1970-01-03T00:00Z,3,on\n")
    assert {name: column.kind for name, column in table.columns.items()} == {
        "when": "date",
        "temp": "number",
        "state": "text",
    }
    assert values(table, "when") == [0, 86_401, 172_800]
    assert values(table, "temp") == [1.5, -2000, 3]
    assert values(table, "state") == [0, 1, 0]
    assert list(table.column("state").texts) == ["on", "off"]


def test_what_a_column_holds_can_be_given(tmp_path: Path) -> None:
    assert list(read(tmp_path, "label\n1\n0\n1.0\n", {"label": "text"}).column("label").texts) == ["1", "0", "1.0"]


@pytest.mark.parametrize("gap", ["", " ", "NA", "n/a", "NaN", "null", "None", "-", "?"])
def test_gaps_are_told_in_many_words(gap: str, tmp_path: Path) -> None:
    table = read(tmp_path, f"a,b\n{gap},1\n2,{gap}\n")
    assert (values(table, "a"), values(table, "b")) == ([None, 2], [1, None])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_first_line_tells_the_separator(separator: str, tmp_path: Path) -> None:
    table = read(tmp_path, f"a{separator}b c\n1{separator} 2\n")
    assert (values(table, "a"), values(table, "b c")) == ([1], [2])


def test_a_first_line_of_values_is_data(tmp_path: Path) -> None:
    table = read(tmp_path, "5.1,walking\n4.9,sitting\n")
    assert (values(table, "1"), list(table.column("2").texts)) == ([5.1, 4.9], ["walking", "sitting"])
    assert list(read(tmp_path, "2020-01-01,x\n2020-01-02,y\n").lines) == [1, 2]


def test_whether_the_first_line_is_a_header_can_be_told(tmp_path: Path) -> None:
    assert values(read(tmp_path, "2019,2020\n1,2\n", header=True), "2020") == [2]
    assert list(read(tmp_path, "a,b\nb,a\n", header=False).column("1").texts) == ["a", "b"]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    table = read(tmp_path, '\na,"b\nb"\n1,2\n\n   \n"3","4"\r\n5,6')
    assert list(table.lines) == [4, 7, 8]
    assert values(table, "b\nb") == [2, 4, 6]


def test_a_mark_of_the_encoding_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert list(read(tmp_path, "\ufeffa,\n1,2\n").columns) == ["a", "2"]


def test_columns_that_are_left_out_are_not_read(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n1,2\n3,four\n", dropped=("b",))
    assert list(table.columns) == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{} is empty; name a file with text"),
        ("a,b\n", "{} has a line of names and no rows; name a file with values"),
        ("a,b\n1,2\n3\n", "{}, line 3: 1 fields where the first line has 2; make them equal"),
        ("a,b\n1,2\n3,4,5\n", "{}, line 3: 3 fields where the first line has 2; make them equal"),
        (
            "a,temp\n1,2\n3,abc\n",
            "{}, line 3, column 'temp': 'abc' is no number; write one as -1.5 or 2e3, and leave the field empty "
            "where nothing was measured",
        ),
        (
            "a;temp\n1;2\n3;1,5\n",
            "{}, line 3, column 'temp': '1,5' is no number; write one as -1.5 or 2e3, and leave the field empty "
            "where nothing was measured",
        ),
        (
            "a\n1\n1_000\n",
            "{}, line 3, column 'a': '1_000' is no number; write one as -1.5 or 2e3, and leave the field",
        ),
        (
            "a\n1\ninf\n",
            "{}, line 3, column 'a': 'inf' is not finite; leave the field empty where nothing was measured",
        ),
        ("a\n-inf\n1\n", "{}, line 2, column 'a': '-inf' is not finite; leave the field empty where"),
        ("a\n1\n1e999\n", "{}, line 3, column 'a': '1e999' is not finite; leave the field empty where"),
        (
            "a\n2020-01-01\nsoon\n",
            "{}, line 3, column 'a': 'soon' is no date; write one as 2020-01-31 or 2020-01-31 10:00",
        ),
        ("a,b,a\n1,2,3\n", "{}, line 1, column 'a': 2 columns have this name; give each its own"),
        (
            'a,b\n1,"2\n3,4\n',
            "{}, line 2: unexpected end of data; close each quote, and double one inside of quotes",
        ),
        ('a,b\n1,"2" 3\n', "{}, line 2: ',' expected after '\"'; close each quote, and double one inside of quotes"),
    ],
)
def test_a_broken_file_is_told_in_one_line_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        read(tmp_path, text)
    assert str(raised.value).startswith(message.format(f"data file {tmp_path / 'table.csv'}"))
    assert "\n" not in str(raised.value)


def test_another_encoding_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("größe\n1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"latin\.csv: not UTF-8 text \(byte 2\); convert it$"):
        read_table(str(path), {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.csv: No such file or directory; name a text file$"):
        read_table(str(tmp_path / "nothing.csv"), {})


@pytest.mark.parametrize("options", [{"dropped": ("c",)}, {"kinds": {"c": "text"}}])
def test_a_column_that_is_not_there_is_answered_by_those_that_are(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no column 'c'; it has a, b$"):
        read(tmp_path, "a,b\n1,2\n", **options)
