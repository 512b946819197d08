"""A table of the user's as a task: splits, what a score reads, what is learned, and what never leaks."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cellsearch.cell import to_json
from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch.training import Budget, Evaluation, Hyperparameters, evaluate
from cellsearch_search_spaces.gated import LSTM
from cellsearch_tasks.series.series import Series


def write(path: Path, rows: int = 300, gaps: float = 0.1, seed: int = 0) -> str:
    """A noisy sine of 20 rows, a column that foretells its noise, and one of noise alone; fields are missing."""
    draw = random.Random(seed)
    lines, hint = ["hint,noise,sine,side\n"], 0.0
    for i in range(rows):
        sine = math.sin(2 * math.pi * i / 20) + 0.2 * hint + 0.05 * draw.gauss(0, 1)
        hint = draw.gauss(0, 1)
        fields = [f"{value:.4f}" if draw.random() >= gaps else "" for value in (hint, draw.gauss(0, 1), sine)]
        lines.append(",".join([*fields, "up" if math.sin(2 * math.pi * i / 20) > 0 else "down"]) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    return write(tmp_path / "sine.csv")


class Naive(nn.Module):
    """Foretells that all stays as it is; keeps what it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.read: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.read.append(x)
        return torch.zeros(x.shape[:2])


@pytest.mark.parametrize(
    "options",
    [
        {"target": "sine"},
        {"target": "sine", "horizon": "5"},
        {"target": "sine", "horizon": "0", "drop": "noise,side"},
        {"target": "side"},
        {"target": "side", "horizon": "3", "dropout": "0.5"},
        {"target": "sine", "group": "side"},
    ],
)
def test_it_is_a_task(options: dict[str, str], data: str) -> None:
    check_task("series", {"data": data, "length": "16", "batch": "8", **options})


def test_numbers_may_be_classes(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("".join(f"{i % 7},{int(i % 7 > 3)}\n" for i in range(200)), encoding="utf-8")
    task = Series(str(path), "2", kind="class", length=8)
    assert (task.classes, task.inputs) == (("0", "1"), ("1",))
    check_task("series", {"data": str(path), "target": "2", "kind": "class", "length": "8"})


def test_the_target_is_read_where_it_is_foretold_ahead_and_else_not(data: str) -> None:
    ahead = ("hint", "hint measured", "noise", "noise measured", "sine", "sine change", "sine measured")
    sides = ("side=down", "side=up")
    assert Series(data, "sine").inputs == (*ahead, *sides)
    assert Series(data, "sine", horizon=0).inputs == (*ahead[:4], *sides)
    assert Series(data, "side").inputs == (*ahead[:5], ahead[6])
    assert Series(data, "side", horizon=1).inputs == (*ahead[:5], ahead[6], *sides)


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("horizon", [0, 1, 7])
def test_the_naive_answer_scores_one(split: str, horizon: int, data: str) -> None:
    assert Series(data, "sine", horizon=horizon).score(Naive(), split) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("split", "first", "last"), [("validation", 210, 255), ("test", 255, 300)])
def test_a_score_asks_each_measured_row_of_its_split_once(split: str, first: int, last: int, tmp_path: Path) -> None:
    path = tmp_path / "count.csv"
    path.write_text("a,b\n" + "".join(f"{i % 5},{i if i % 4 else ''}\n" for i in range(300)), encoding="utf-8")
    task = Series(str(path), "b", horizon=3, length=16)
    asked = torch.cat([places for _, places, _ in task._chunks(split)])
    assert sorted((asked + 3).tolist()) == [i for i in range(first, last) if i % 4]


def test_a_score_reads_nothing_of_what_it_foretells(data: str) -> None:
    """A score of whole windows is that of forecasts one by one, each from the rows up to its own."""
    task = Series(data, "sine", horizon=2, length=16)
    torch.manual_seed(0)
    model = task.model(LSTM, 6).eval()
    table = task._prepared
    with torch.no_grad():
        told, places = task._told(model, "test")
        begins = (places - (300 * 85 // 100 - 2)) // 16 * 16 + (300 * 85 // 100 - 2) - 16
        for answer, place, begin in zip(told, places.tolist(), begins.tolist(), strict=True):
            assert float(model(table.inputs[begin : place + 1].unsqueeze(1))[-1]) == pytest.approx(
                float(answer), abs=1e-5
            )


def test_training_sees_rows_of_the_training_part_alone(data: str) -> None:
    task = Series(data, "sine", length=20, horizon=4, batch=64)
    table = task._prepared
    seen: set[int] = set()
    index = {tuple(row.tolist()): i for i, row in enumerate(table.inputs)}
    for x, _, _ in itertools.islice(task.batches(0), 60):
        seen |= {index[tuple(row.tolist())] for row in x.flatten(0, 1)}
    assert seen == set(range(210 - 4))


@pytest.mark.parametrize("options", [{"target": "sine"}, {"target": "side"}, {"target": "sine", "group": "side"}])
def test_other_rows_to_test_change_nothing_of_training(options: dict[str, Any], tmp_path: Path) -> None:
    whole = Path(write(tmp_path / "whole.csv", gaps=0.05))
    lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    # After the training part: other numbers, more gaps, and for each series as many rows as before.
    later = [f"{1e3 * i},,{-i},{line.rsplit(',')[-1]}" for i, line in enumerate(lines[230:])]
    other = tmp_path / "other.csv"
    other.write_text("".join([*lines[:230], *later]), encoding="utf-8")
    one, two = (Series(str(path), length=8, **options) for path in (whole, other))
    assert one.inputs == two.inputs
    assert one._prepared.goals.unit == two._prepared.goals.unit
    for before, after in itertools.islice(zip(one.batches(3), two.batches(3), strict=False), 30):
        assert all(torch.equal(this, that) for this, that in zip(before, after, strict=True))
    assert not torch.equal(one._prepared.inputs, two._prepared.inputs)


def test_no_series_is_read_in_the_training_of_another(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    rows = [f"{name},{i % 9 + offset}\n" for i in range(100) for name, offset in (("a", 0), ("b", 100))]
    path.write_text("who,value\n" + "".join(rows), encoding="utf-8")
    task = Series(str(path), "value", group="who", length=10, batch=16)
    table, middle = task._prepared, 0.0
    for x, _, _ in itertools.islice(task.batches(0), 20):
        low = x[..., table.names.index("value")] < middle
        assert torch.equal(low.all(0), low.any(0))


def trained(data: str, seed: int) -> list[float]:
    """The scores of a training, the last on test."""
    options = {"data": data, "target": "sine", "length": "24", "horizon": "3"}
    budget = Budget(parameters=1500, steps=120, reports=2)
    reports = list(
        evaluate(
            Evaluation("series", to_json(LSTM), budget, Hyperparameters(learning_rate=1e-2), seed, options, final=True)
        )
    )
    assert reports[-1].test is not None
    return [*(report.score for report in reports), reports[-1].test, reports[-1].details["root mean squared error"]]


def test_a_noisy_sine_is_foretold_better_than_naively_and_alike_each_time(tmp_path: Path) -> None:
    data = write(tmp_path / "long.csv", rows=1500)
    *validations, test, error = trained(data, 0)
    assert max(validations) < 0.6
    assert test < 0.6
    assert 0.05 < error < 0.5
    assert trained(data, 0) == [*validations, test, error]
    assert trained(data, 1) != [*validations, test, error]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": ""}, "needs a table and the column to foretell: name --data FILE.csv --target COLUMN$"),
        ({"data": ""}, "needs a table and the column to foretell: name --data FILE.csv --target COLUMN$"),
        (
            {"length": 0},
            "series needs batch and length of at least 1, horizon of at least 0 and dropout from 0 to below",
        ),
        ({"batch": 0}, "series needs batch and length of at least 1"),
        ({"horizon": -1}, "series needs batch and length of at least 1"),
        ({"dropout": 1.0}, "series needs batch and length of at least 1"),
        ({"target": "cosine"}, "has no column 'cosine'; it has hint, noise, sine, side$"),
        ({"group": "place"}, "has no column 'place'; it has hint, noise, sine, side$"),
        ({"kind": "number", "target": "side"}, "line 2, column 'side': 'down' is no number; write one as -1.5"),
        (
            {"drop": ("hint", "noise", "side"), "horizon": 0},
            "column 'sine': no column is left to read for it; with hor",
        ),
        (
            {"length": 400},
            "line 2: the table has 300 rows, of which 210 train: too few for sequences of length=400 and ",
        ),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str, data: str) -> None:
    with pytest.raises(DataError, match=message):
        Series(**{"data": data, "target": "sine", **options}).prepare()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([*range(210), *[""] * 90], "column 'b': no value in the validation part$"),
        ([*range(255), *[""] * 45], "column 'b': no value in the test part$"),
        (
            [*range(255), *[254] * 45],
            "column 'b': the naive answer is always right in the test part, so that it is no ",
        ),
    ],
)
def test_parts_that_cannot_be_judged_are_told(column: list[object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_text("a,b\n" + "".join(f"{i % 5},{value}\n" for i, value in enumerate(column)), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        Series(str(path), "b", length=8).prepare()
