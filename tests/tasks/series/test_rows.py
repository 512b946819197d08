"""The rows of a table: series one after the other, each split in order, gaps filled from before."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from cellsearch.errors import DataError
from cellsearch_tasks.series.rows import Rows, Span, rows
from cellsearch_tasks.series.table import read_table


def ordered(tmp_path: Path, text: str, group: str = "", length: int = 1, horizon: int = 1) -> Rows:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    table = read_table(str(path), {group: "text"} if group else {})
    return rows(table, group, length, horizon)


def numbers(count: int, *, offset: int = 0) -> str:
    return "a\n" + "".join(f"{offset + i}\n" for i in range(count))


def test_a_table_is_split_in_order_of_its_lines(tmp_path: Path) -> None:
    found = ordered(tmp_path, numbers(100))
    assert found.spans == (Span(0, 70, 85, 100),)
    assert found.train.tolist() == [True] * 70 + [False] * 30


def test_rows_of_several_series_may_be_mixed(tmp_path: Path) -> None:
    lines = [f"{name},{i}\n" for i in range(10) for name in ("b", "a")]
    found = ordered(tmp_path, "who,value\n" + "".join(lines), "who")
    assert found.spans == (Span(0, 7, 8, 10), Span(10, 17, 18, 20))
    assert found.values(found.table.column("value")).tolist() == [*range(10), *range(10)]
    assert found.values(found.table.column("who")).tolist() == [0] * 10 + [1] * 10
    assert [found.table.lines[found.in_file(found.places == i)] for i in (0, 1, 10)] == [2, 4, 3]


def test_a_gap_has_the_last_value_before_it_in_its_series(tmp_path: Path) -> None:
    found = ordered(tmp_path, "who\n" + "a\n" * 5 + "b\n" * 5, "who")
    values = torch.tensor([math.nan, 1, math.nan, math.nan, 2, math.nan, 3, math.nan, 4, 5])
    assert found.filled(values, 9.0).tolist() == [9, 1, 1, 1, 2, 9, 3, 3, 4, 5]
    assert found.changes(found.filled(values, 9.0)).tolist() == [0, -8, 0, 0, 1, 0, -6, 0, 1, 1]


def test_what_comes_later_is_of_the_same_series(tmp_path: Path) -> None:
    ahead, exists = ordered(tmp_path, "who\n" + "a\n" * 4 + "b\n" * 4, "who").ahead(2)
    assert exists.tolist() == [True, True, False, False] * 2
    assert ahead[exists].tolist() == [2, 3, 6, 7]


def test_the_longest_sequence_that_is_accepted_is_the_one_that_the_error_names(tmp_path: Path) -> None:
    ordered(tmp_path, numbers(20), length=12, horizon=2)
    message = "line 2: the table has 20 rows, of which 14 train: too few for sequences of length=13 and horizon=2; "
    with pytest.raises(DataError, match=f"{message}use length=12 or less$"):
        ordered(tmp_path, numbers(20), length=13, horizon=2)
    with pytest.raises(DataError, match=r"use a longer series or a smaller horizon, or leave its rows out$"):
        ordered(tmp_path, numbers(20), horizon=14)
    with pytest.raises(DataError, match="the table has 3 rows, of which 2 train: too few"):
        ordered(tmp_path, numbers(3))


def test_a_series_that_is_too_short_is_named_with_its_line(tmp_path: Path) -> None:
    text = "who\n" + "a\n" * 10 + "b\n" + "a\n" * 10
    with pytest.raises(DataError, match="line 12: series 'b' has 1 row, of which 0 train: too few for sequences"):
        ordered(tmp_path, text, "who")


def test_a_row_of_no_series_is_told(tmp_path: Path) -> None:
    text = "who,a\n" + "a,1\n" * 10 + ",1\n" + "a,1\n" * 10
    with pytest.raises(DataError, match=r"line 12, column 'who': no name of a series; write one in each row$"):
        ordered(tmp_path, text, "who")


def test_a_column_without_a_value_to_train_on_is_told(tmp_path: Path) -> None:
    found = ordered(tmp_path, "a,b\n" + "1,\n" * 16 + "1,2\n" * 4)
    with pytest.raises(
        DataError,
        match=r"column 'b': no value in the training part, the first 70 %; leave the column out: drop=b",
    ):
        found.known(found.table.column("b"))
