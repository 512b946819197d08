"""Forecasting a measured series one step ahead, as it streams in; metric: error over that of the naive forecast.

The series are real and come with statsmodels. The model reads the change from one value to the next and foretells the
next change. Its error (root of the mean square) is divided by that of the naive forecast, which says "as it is now": 1
is worth nothing, lower is better. A score is read as in use: the states are carried over all that came before the
split, then each value is foretold before it is shown, one step at a time.

| series | values | train, validation, test | linear models score |
| co2 | CO2 at Mauna Loa, 2,284 weeks, 1958 to 2001, gaps interpolated | 1,598, 343, 343 | 9 weeks 0.91, 52 weeks 0.80 |
| elnino | sea surface temperature, 732 months, 1950 to 2010 | 512, 110, 110 | 2 months 0.62, 13 months 0.44 |
| sunspots | 309 years, 1700 to 2008 | 221 (to 1920), 35 (to 1955), 53 | 2 years 0.83, 9 years 0.61 |

The default is co2: it is the longest, so that a difference between two cells is seen best, and only a memory of a year
gets far. Published on sunspots: Weigend, Huberman & Rumelhart (1990), mean squared error over the variance of the whole
series 0.086 for 1921 to 1955 and 0.35 for 1956 to 1979 (`details` tells this figure of the test split).

x: [T, B, 1] changes over their standard deviation in training
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN
from cellsearch.training.shared import shared

SPLITS: Final = {"co2": (1598, 1941), "elnino": (512, 622), "sunspots": (221, 256)}
"""Values before validation and before test, by series."""


@dataclass(frozen=True)
class TimeSeries:
    """Standardised changes [N], where validation and test begin, and their unit in the series' own variance."""

    changes: Tensor
    validation: int
    test: int
    unit: float


class ForecastModel(nn.Module):
    """One recurrent layer and a linear layer to the next change, with dropout between them."""

    def __init__(self, cell: Cell, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.rnn = RNN(cell, 1, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        outputs, states = self.rnn(x, states)
        return self.head(self.dropout(outputs)), states


@dataclass(frozen=True)
class Forecast:
    """The task; `length` is the number of changes that a training sequence has."""

    series: str = "co2"
    length: int = 156
    batch: int = 16
    dropout: float = 0.1

    name: ClassVar[str] = "forecast"
    metric: ClassVar[str] = "error over naive"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int] = 3_000
    steps: ClassVar[int] = 400
    learning_rate: ClassVar[float] = 1e-2

    def prepare(self) -> None:
        """Read the series. Raises DataError if it is unknown, or shorter than a training sequence."""
        if self.series not in SPLITS:
            raise DataError(f"forecast has no series {self.series!r}; it has {', '.join(SPLITS)}")
        longest = _series(self.series).validation - 1
        if not 1 <= self.length <= longest or self.batch < 1 or not 0 <= self.dropout < 1:
            raise DataError(
                f"forecast of {self.series} needs length 1 to {longest}, batch at least 1 and dropout 0 to 1, "
                f"got {self.length}, {self.batch}, {self.dropout}"
            )

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model that foretells the next change at every step."""
        return ForecastModel(cell, hidden_size, self.dropout)

    def batches(self, seed: int) -> Iterator[Tensor]:
        """Random stretches [T + 1, B, 1] of the training part."""
        series = _series(self.series)
        stretches = series.changes[: series.validation].unfold(0, self.length + 1, 1).t().unsqueeze(-1)
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield stretches[:, torch.randint(0, stretches.shape[1], (self.batch,), generator=generator)]

    def loss(self, model: nn.Module, batch: Tensor, carried: Any) -> tuple[Tensor, None]:
        """Mean squared error of the standardised changes."""
        return F.mse_loss(model(batch[:-1])[0], batch[1:]), None

    def score(self, model: nn.Module, split: str) -> float:
        """Root of the mean squared error over that of the naive forecast."""
        errors, changes = self._streamed(model, split)
        return float((errors.square().mean() / changes.square().mean()).sqrt())

    def details(self, model: nn.Module) -> Mapping[str, float]:
        """Mean squared error on the test split over the variance of the whole series."""
        errors, _ = self._streamed(model, "test")
        return {"error over variance": float(errors.square().mean()) * _series(self.series).unit}

    def _streamed(self, model: nn.Module, split: str) -> tuple[Tensor, Tensor]:
        """Errors and changes [N] of a split, foretold one step at a time."""
        series = _series(self.series)
        first, last = (series.validation, series.test) if split == "validation" else (series.test, None)
        x = series.changes[:last].to(next(model.parameters()).device).view(-1, 1, 1)
        _, states = model(x[: first - 1])
        foretold = []
        for change in x[first - 1 : -1]:
            following, states = model(change[None], states)
            foretold.append(following)
        changes = x[first:].flatten()
        return torch.cat(foretold).flatten() - changes, changes


TASK = Forecast()


@shared
def _series(name: str) -> TimeSeries:
    validation, test = SPLITS[name]
    values = torch.tensor(_values(name), dtype=torch.float64)
    changes = values.diff()
    # The change number i leads to the value number i + 1.
    scale = changes[: validation - 1].std()
    unit = float(scale.square() / values.var())
    return TimeSeries((changes / scale).float(), validation - 1, test - 1, unit)


def _values(name: str) -> list[float]:
    from statsmodels import datasets

    table = getattr(datasets, name).load_pandas().data
    columns = {
        "co2": lambda: table["co2"].interpolate(),
        "elnino": lambda: table.drop(columns="YEAR").stack(),
        "sunspots": lambda: table["SUNACTIVITY"],
    }
    return [float(value) for value in columns[name]()]
