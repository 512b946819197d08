"""What is foretold of a table, and the naive answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cellsearch.errors import DataError
from cellsearch_tasks.series.goals import Goals, goals
from cellsearch_tasks.series.rows import rows
from cellsearch_tasks.series.table import read_table


def foretold(tmp_path: Path, fields: list[str], horizon: int) -> Goals:
    path = tmp_path / "table.csv"
    path.write_text("a;beside\n" + "".join(f"{each};1\n" for each in fields), encoding="utf-8")
    table = read_table(str(path), {})
    return goals(rows(table, "", 1, horizon), table.column("a"), horizon)


def test_a_number_ahead_is_its_change_from_now(tmp_path: Path) -> None:
    found = foretold(tmp_path, [str(i * i) for i in range(20)], horizon=2)
    changes = torch.tensor([(i + 2) ** 2 - i**2 for i in range(18)], dtype=torch.float64)
    assert found.unit == pytest.approx(float(changes[:12].square().mean().sqrt()))
    assert torch.allclose(found.right[:18], (changes / found.unit).float())
    assert found.asked.tolist() == [True] * 18 + [False] * 2
    assert not found.naive.any()


def test_a_number_now_is_its_distance_from_the_mean(tmp_path: Path) -> None:
    found = foretold(tmp_path, [str(i) for i in range(20)], horizon=0)
    assert torch.allclose(found.right * found.unit, torch.arange(20) - 6.5, atol=1e-5)
    assert found.asked.all()


def test_what_was_not_measured_is_not_asked_and_now_is_what_was_measured_last(tmp_path: Path) -> None:
    found = foretold(tmp_path, ["1", "", "4", "2"] * 5, horizon=1)
    assert found.asked[:5].tolist() == [False, True, True, True, False]
    assert torch.allclose(found.right[:4] * found.unit, torch.tensor([0.0, 3, -2, -1]))


def test_a_class_is_its_place_among_those_of_training(tmp_path: Path) -> None:
    found = foretold(tmp_path, ["b", "", "a", "b", "a"] * 4, horizon=1)
    assert found.classes == ("a", "b")
    assert found.asked[:5].tolist() == [False, True, True, True, True]
    assert found.right[1:5].tolist() == [0, 1, 0, 1]
    assert found.naive[:6].tolist() == [1, 1, 0, 1, 0, 1]


def test_without_a_horizon_the_naive_class_is_the_commonest(tmp_path: Path) -> None:
    found = foretold(tmp_path, ["b", "a", "b", "c"] * 5, horizon=0)
    assert found.right[:4].tolist() == [1, 0, 1, 2]
    assert found.naive.tolist() == [1] * 20


@pytest.mark.parametrize(
    ("fields", "horizon", "message"),
    [
        (
            ["3"] * 14 + ["4"] * 6,
            1,
            "column 'a': '3' everywhere in the training part, the first 70 %; name a target that",
        ),
        (
            ["on"] * 20,
            0,
            "column 'a': 'on' everywhere in the training part, the first 70 %; name a target that changes$",
        ),
        (["on", "off"] * 8 + ["odd"] * 4, 0, "line 18, column 'a': class 'odd' is not in the training part, the first"),
        (["1", "2"] * 10, 2, "column 'a': it does not change in 2 rows of the training part$"),
        (
            [f"2020-01-{i}" for i in range(10, 30)],
            1,
            "column 'a': it has dates, and numbers or classes can be foretold",
        ),
        ([""] * 20, 1, "column 'a': no value in the training part, the first 70 %; leave"),
    ],
)
def test_a_target_that_leaves_nothing_to_learn_is_told(
    fields: list[str], horizon: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        foretold(tmp_path, fields, horizon)
