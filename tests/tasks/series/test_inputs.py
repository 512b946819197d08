"""What is read of a table: standardised by the training part, without gaps, nothing of what comes later."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cellsearch.errors import DataError
from cellsearch_tasks.series.inputs import MOST_CLASSES, inputs
from cellsearch_tasks.series.rows import rows
from cellsearch_tasks.series.table import read_table


def read(tmp_path: Path, name: str, fields: list[str], *, is_target: bool = False) -> dict[str, Tensor]:
    """What is read of a column beside which another one stands."""
    path = tmp_path / "table.csv"
    path.write_text(f"{name};beside\n" + "".join(f"{each};1\n" for each in fields), encoding="utf-8")
    table = read_table(str(path), {})
    return dict(inputs(rows(table, "", 1, 1), table.column(name), is_target))


def hours(count: int, step: float) -> list[str]:
    return [str(datetime(2020, 1, 1) + timedelta(hours=step * i)) for i in range(count)]


def test_a_number_is_standardised_by_the_training_part(tmp_path: Path) -> None:
    fields = [str(i * i) for i in range(20)]
    values = torch.tensor([float(each) for each in fields]).double()
    train = values[:14]
    (read_values,) = read(tmp_path, "a", fields).values()
    assert torch.allclose(read_values, (values - train.mean()) / train.std())


def test_a_gap_has_the_last_value_and_a_sign(tmp_path: Path) -> None:
    found = read(tmp_path, "a", ["", "1", "", "3", *(["1", "3"] * 8)])
    assert list(found) == ["a", "a measured"]
    assert found["a measured"][:5].tolist() == [0, 1, 0, 1, 1]
    values = found["a"]
    assert values[0] == 0  # the mean
    assert values[2] == values[1] == values[4] != values[3]


def test_gaps_after_training_alone_add_no_input(tmp_path: Path) -> None:
    assert list(read(tmp_path, "a", [*(["1", "3"] * 9), "", ""])) == ["a"]


def test_of_the_target_its_change_is_read_too(tmp_path: Path) -> None:
    found = read(tmp_path, "a", ["1", "2", *(["4", "2"] * 9)], is_target=True)
    changes = torch.tensor([0.0, 1, *([2, -2] * 9)]).double()
    assert torch.allclose(found["a change"], changes / changes[:14].square().mean().sqrt())


def test_a_text_is_one_at_its_class(tmp_path: Path) -> None:
    found = read(tmp_path, "a", ["", "off", "on", "", *(["off", "on"] * 7), "new", "off"])
    assert list(found) == ["a=off", "a=on", "a measured"]
    assert found["a=on"][:6].tolist() == [0, 0, 1, 1, 0, 1]
    assert found["a=off"][:6].tolist() == [0, 1, 0, 0, 1, 0]
    assert (float(found["a=on"][-2]), float(found["a=off"][-2])) == (0, 0)


@pytest.mark.parametrize(
    ("step", "count", "cycles"),
    [
        (1, 24 * 30, ["day", "week"]),
        (1, 24 * 3, ["day"]),
        (24, 800, ["week"]),
        (24, 1500, ["week", "year"]),
        (24 * 7, 300, ["year"]),
        (24 * 365, 30, []),
        (0, 30, []),
    ],
)
def test_dates_tell_the_cycles_that_training_sees_twice(
    step: float, count: int, cycles: list[str], tmp_path: Path
) -> None:
    found = read(tmp_path, "t", hours(count, step))
    assert list(found) == [f"t: {cycle}, {wave}" for cycle in cycles for wave in ("sine", "cosine")]


def test_the_same_hour_of_two_days_is_the_same(tmp_path: Path) -> None:
    found = read(tmp_path, "t", hours(200, 1))
    assert torch.allclose(found["t: day, sine"][:24], found["t: day, sine"][48:72], atol=1e-6)
    assert float(found["t: day, sine"][6]) == pytest.approx(1)
    assert float(found["t: day, cosine"][12]) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            ["7"] * 14 + ["8"] * 6,
            "column 'a': '7' everywhere in the training part, the first 70 %; leave the column out",
        ),
        (
            ["on"] * 20,
            "column 'a': 'on' everywhere in the training part, the first 70 %; leave the column out: drop=a$",
        ),
        (["1e300", "-1e300"] * 10, "column 'a': its numbers are too large or small to be squared; use another unit$"),
        (
            [f"{i}.1.2020" for i in range(2 * MOST_CLASSES)],
            r"column 'a': 140 different texts, such as '0.1.2020', and at most 100 are classes; "
            "write dates as 2020-01-31 10:00, or leave the column out: drop=a$",
        ),
        ([*hours(15, 1), *hours(5, 1)], "line 17, column 'a': earlier than line 16; sort the rows by it, or leave the"),
        ([*hours(15, 1), "", *hours(5, 9)], "line 17, column 'a': no date; write one in each row, or leave the column"),
        ([""] * 15 + ["3"] * 5, "column 'a': no value in the training part, the first 70 %"),
    ],
)
def test_a_column_that_tells_nothing_is_told(fields: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, "a", fields)


def test_a_target_that_does_not_change_is_not_to_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column 'a': '7' everywhere in the .*; name a target that changes$"):
        read(tmp_path, "a", ["7"] * 20, is_target=True)


def test_everything_read_is_finite(tmp_path: Path) -> None:
    for fields in (["", "1e-100", "3e-100"] * 9, ["5", "", "5.000001"] * 9):
        assert all(math.isfinite(float(values.sum())) for values in read(tmp_path, "a", fields).values())
