"""Hyperparameters: fixed by the user, drawn from the user's range, or from the task's own; anything else is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from cellsearch.errors import UnknownNameError
from cellsearch.training import Hyperparameters, Range, tuning
from cellsearch.training.hyperparameters import HYPERPARAMETERS, task_ranges
from cellsearch_tasks.adding import Adding


@dataclasses.dataclass(frozen=True)
class Dropping(Adding):
    dropout: float = 0.1


RATE = Adding.learning_rate


def test_every_hyperparameter_has_a_domain() -> None:
    assert list(HYPERPARAMETERS) == [field.name for field in dataclasses.fields(Hyperparameters)]


def test_a_task_has_ranges_around_its_own_rate_and_for_dropout_where_it_has_some() -> None:
    assert set(task_ranges(Adding())) == {"learning_rate", "weight_decay"}
    ranges = task_ranges(Dropping())
    assert set(ranges) == {"learning_rate", "weight_decay", "dropout"}
    rate = ranges["learning_rate"]
    assert (rate.low, rate.high, rate.log, rate.first) == (RATE / 5, RATE * 5, True, RATE)
    assert all(each.low <= each.first <= each.high for each in ranges.values())
    assert ranges["dropout"].first == 0.1


def test_a_dropout_that_the_user_set_as_an_option_is_not_searched() -> None:
    assert "dropout" not in tuning(Dropping(), {"dropout": "0.3"}, {}).ranges


def test_sgd_is_searched_at_rates_of_its_own() -> None:
    assert tuning(Adding(), {}, {"optimizer": "sgd"}).first["learning_rate"] == 50 * RATE


def test_what_is_tuned_may_be_narrowed_and_the_learning_rate_is_never_left_open() -> None:
    assert set(tuning(Dropping(), {}, {}, ("learning_rate",)).ranges) == {"learning_rate"}
    assert tuning(Adding(), {}, {}, ()).fixed == {"learning_rate": RATE}


def test_a_value_fixes_and_a_range_replaces_the_tasks_own() -> None:
    chosen = {
        "clip": "0.25",
        "learning_rate": "0.001:0.1",
        "dropout": (0.0, 0.5),
        "weight_decay": 0,
        "schedule": "constant",
    }
    found = tuning(Dropping(), {}, chosen, ())
    assert found.fixed == {"clip": 0.25, "weight_decay": 0.0, "schedule": "constant"}
    assert found.ranges["learning_rate"] == Range(0.001, 0.1, log=True, first=pytest.approx(0.01))
    assert found.ranges["dropout"] == Range(0.0, 0.5, log=False, first=0.25)
    assert found.settings()["dropout"] == [0.0, 0.5]


@pytest.mark.parametrize("none", [0, "0", "inf", float("inf"), np.float32("inf"), np.int64(0)])
def test_no_clipping_is_written_as_0_or_as_infinity(none: object) -> None:
    assert tuning(Adding(), {}, {"clip": none}, ()).fixed["clip"] == 0.0


def test_numbers_of_numpy_are_values_and_ranges() -> None:
    found = tuning(Adding(), {}, {"weight_decay": np.float32(0.5), "learning_rate": np.array([0.25, 0.5])}, ())
    assert json.dumps(found.settings()) == '{"weight_decay": 0.5, "learning_rate": [0.25, 0.5]}'


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"momentum": "0.9"}, "unknown hyperparameter 'momentum'; use learning_rate, weight_decay, dropout, clip"),
        ({"optimizer": "lion"}, "optimizer must be adamw or sgd, got 'lion'"),
        ({"optimizer": ("adamw", "sgd")}, "optimizer must be adamw or sgd, got"),
        ({"learning_rate": "fast"}, "learning_rate must be a number from 0, or a range such as 0.1:0.5"),
        ({"learning_rate": "0:0.1"}, "which begins above 0, got '0:0.1'"),
        ({"learning_rate": "0.1:0.01"}, "got '0.1:0.01'"),
        ({"learning_rate": "nan"}, "got 'nan'"),
        ({"clip": "-inf"}, "got '-inf'"),
        ({"clip": "0.1:inf"}, "got '0.1:inf'"),
        ({"weight_decay": "-1"}, "got '-1'"),
        ({"weight_decay": None}, "got None"),
        ({"dropout": "0.2"}, "task 'adding' has no option 'dropout' to tune; leave it out"),
    ],
)
def test_what_is_no_hyperparameter_is_refused(chosen: dict[str, object], message: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        tuning(Adding(), {}, chosen)
    assert message in str(raised.value)


def test_a_dropout_of_one_would_leave_nothing() -> None:
    with pytest.raises(UnknownNameError, match="dropout must be a number from 0 and below 1"):
        tuning(Dropping(), {}, {"dropout": "1"})
