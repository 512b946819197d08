"""Forecasting: measured series, foretold one step ahead as they stream in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from statsmodels.datasets import sunspots
from torch import Tensor, nn

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_search_spaces.gated import LSTM
from cellsearch_tasks.series.forecast import SPLITS, TASK, Forecast, _series, _values


class AsItIs(nn.Module):
    """The naive forecast: no change, or the change before this one again."""

    def __init__(self, again: float = 0.0) -> None:
        super().__init__()
        self.again = nn.Parameter(torch.tensor(again), requires_grad=False)
        self.read: list[Tensor] = []

    def forward(self, x: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        self.read.append(x.flatten())
        return self.again * x, states


@pytest.mark.parametrize("series", SPLITS)
def test_it_is_a_task(series: str) -> None:
    check_task("forecast", {"series": series, "length": "20", "batch": "4"})


@pytest.mark.parametrize(("series", "count"), [("co2", 2284), ("elnino", 732), ("sunspots", 309)])
def test_the_series_are_whole_and_measured(series: str, count: int) -> None:
    values = torch.tensor(_values(series))
    assert len(values) == count
    assert values.isfinite().all()
    whole = _series(series)
    assert len(whole.changes) == count - 1
    assert float(whole.changes[: whole.validation].std()) == pytest.approx(1, abs=1e-5)


def test_sunspots_are_split_by_the_published_years() -> None:
    years = sunspots.load_pandas().data.YEAR.tolist()
    validation, test = SPLITS["sunspots"]
    assert (years[0], years[validation - 1], years[test - 1], years[-1]) == (1700, 1920, 1955, 2008)


@pytest.mark.parametrize("series", SPLITS)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_naive_forecast_scores_one(series: str, split: str) -> None:
    assert Forecast(series).score(AsItIs(), split) == pytest.approx(1, abs=1e-6)


def test_the_change_before_is_worse_than_none_on_weeks_and_better_on_months() -> None:
    assert Forecast("co2").score(AsItIs(0.5), "test") > 1
    assert Forecast("elnino").score(AsItIs(0.5), "test") < 0.8


def test_a_split_streams_in_after_all_that_came_before_it_one_step_at_a_time() -> None:
    model = AsItIs()
    Forecast("sunspots").score(model, "test")
    series = _series("sunspots")
    assert [len(part) for part in model.read] == [series.test - 1] + [1] * (len(series.changes) - series.test)
    assert torch.equal(torch.cat(model.read), series.changes[:-1])


@pytest.mark.parametrize("split", ["validation", "test"])
def test_streaming_is_reading_at_once(split: str) -> None:
    task, series = Forecast("sunspots"), _series("sunspots")
    model = task.model(LSTM, 6).eval()
    first, last = (series.validation, series.test) if split == "validation" else (series.test, len(series.changes))
    with torch.no_grad():
        foretold = model(series.changes[: last - 1].view(-1, 1, 1))[0].flatten()[first - 1 :]
        changes = series.changes[first:last]
        error = ((foretold - changes).square().mean() / changes.square().mean()).sqrt()
        assert task.score(model, split) == pytest.approx(float(error), rel=1e-5)


def test_details_tell_the_published_figure() -> None:
    values = torch.tensor(_values("sunspots"), dtype=torch.float64)
    naive = values.diff()[SPLITS["sunspots"][1] - 1 :].square().mean() / values.var()
    assert Forecast("sunspots").details(AsItIs()) == {"error over variance": pytest.approx(float(naive), rel=1e-5)}


def test_training_reads_nothing_of_what_is_scored() -> None:
    series = _series("sunspots")
    batch = next(Forecast("sunspots", length=5, batch=2000).batches(0))
    assert batch.shape == (6, 2000, 1)
    assert set(batch.flatten().tolist()) == set(series.changes[: series.validation].tolist())
    assert torch.equal(batch[0, :, 0].unique(), series.changes[: series.validation - 5].unique())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"series": "tides"}, "forecast has no series 'tides'; it has co2, elnino, sunspots"),
        ({"length": 0}, "needs length 1 to 1596, batch at least 1 and dropout 0 to 1, got 0, 16, 0.1"),
        ({"length": 1597}, "needs length 1 to 1596"),
        ({"batch": 0}, "needs length 1 to 1596"),
        ({"dropout": 1.0}, "needs length 1 to 1596"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Forecast(**options).prepare()


@pytest.mark.parametrize("series", SPLITS)
def test_the_longest_training_sequence_can_be_drawn(series: str) -> None:
    longest = SPLITS[series][0] - 2
    Forecast(series, length=longest).prepare()
    assert len(next(Forecast(series, length=longest).batches(0))) == longest + 1


def test_the_default_is_the_longest_series() -> None:
    assert TASK.series == max(SPLITS, key=lambda series: len(_values(series)))
