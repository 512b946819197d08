"""Tuning by bracketing: each cell's own best learning rate, found by one rule for all cells.

Rates lie on a grid of half octaves around the task's own: place 0 is the task's rate, place 2 twice it. The rule goes
up and down in whole octaves until the best place has a worse neighbour on both sides (one that diverges is worse), then
tries the half octaves beside the best. A parabola over those places, with an intercept a seed, says where the optimum
lies and how well that is known; while noise hides it, the places around it are tried with further seeds. Where the
parabola names a place that was measured clearly worse than the best, the measurement is repeated, and believed.

Everything is a function of the losses so far, so that tuning goes on from what is on disk.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

import numpy as np

__all__ = ["Losses", "RateGrid", "Try", "Tuned", "next_tries", "tuned"]

OCTAVE: Final = 2
"""Places from a rate to twice that rate."""

REACH: Final = OCTAVE
"""Places on both sides of the best over which its parabola is laid: farther away a loss curve is none."""

MOST_SEEDS: Final = 3
"""Seeds of a place, at most."""

BLUR: Final = 0.75
"""The standard error of the optimum, in places, from which further seeds are asked for."""

LOST: Final = 1.0
"""The standard error from which on the parabola is not believed, and the best place is taken as it was measured."""

STEEPEST: Final = 4.0
"""Losses count as at most so many median distances above the best one, or a cliff would bend the parabola."""

Losses = Mapping[int, Sequence[float | None]]
"""By place, in the order of first tries, the loss with each seed in turn, lower is better: infinite where training
diverged, None while it runs."""

Try = tuple[int, int]
"""A place, and which of the seeds."""


@dataclass(frozen=True)
class RateGrid:
    """Learning rates by place: `first` at place 0, twice as much an octave up, none outside of `low` to `high`."""

    first: float
    low: float
    high: float

    def rate(self, place: int) -> float:
        """The learning rate at a place."""
        return float(f"{self.first * 2 ** (place / OCTAVE):.6g}")

    def place(self, rate: float) -> int:
        """The place of a rate of the grid."""
        return round(OCTAVE * math.log2(rate / self.first))

    def holds(self, place: int) -> bool:
        """Whether the place's rate may be tried."""
        return self.low <= self.rate(place) <= self.high


@dataclass(frozen=True)
class Tuned:
    """What the tries say: the best place, its loss, and in `untuned` why it is not known to be the optimum, if so."""

    place: int
    loss: float
    untuned: str = ""


def next_tries(grid: RateGrid, losses: Losses, start: int = 0) -> list[Try]:
    """What to train next, at first around `start`; nothing while some train, and nothing when the cell is tuned."""
    if any(loss is None for tries in losses.values() for loss in tries):
        return []
    return next((tries for tries in _stages(grid, losses, start) if tries), [])


def tuned(grid: RateGrid, losses: Losses) -> Tuned:
    """The choice among tries that have all ended."""
    levels = _levels(losses)
    best = _least(levels)
    if math.isinf(levels[best]):
        return Tuned(best, math.inf, "every rate failed")
    outside = [place for place in (best - OCTAVE, best + OCTAVE) if place not in losses and not grid.holds(place)]
    if outside:
        bound = "lowest" if outside[0] < best else "highest"
        return Tuned(best, levels[best], f"its best rate, {grid.rate(best):.2g}, is at the {bound} that may be tried")
    place = _fit(losses, levels).choice
    return Tuned(place, levels[place])


def _stages(grid: RateGrid, losses: Losses, start: int) -> Iterator[list[Try]]:
    if not losses:
        yield _missing(grid, losses, start, OCTAVE)
        return
    levels = _levels(losses)
    # Whole octaves are those of the first try, wherever that was: who looks at the tries later need not know it.
    first = next(iter(losses))
    octaves = {place: level for place, level in levels.items() if (place - first) % OCTAVE == 0}
    if all(math.isinf(level) for level in octaves.values()):
        lower = min(octaves) - OCTAVE
        yield [(lower, 0)] if grid.holds(lower) else []
        return
    yield _missing(grid, losses, _least(octaves), OCTAVE)
    yield _missing(grid, losses, _least(levels), 1)
    fit = _fit(losses, levels)
    if fit.blur > BLUR:
        around = (fit.choice - 1, fit.choice, fit.choice + 1)
        yield _repeated(losses, around, len(losses[fit.choice]) + 1)
    if fit.is_disputed:
        yield _repeated(losses, (fit.best, fit.vertex), 2)


def _repeated(losses: Losses, places: Iterable[int], seeds: int) -> list[Try]:
    """The next seed of those places that have fewer than so many, or than all that a place may have."""
    enough = min(seeds, MOST_SEEDS)
    return [(place, len(losses[place])) for place in places if place in losses and len(losses[place]) < enough]


def _missing(grid: RateGrid, losses: Losses, middle: int, distance: int) -> list[Try]:
    """The place and its two neighbours, those that were not tried yet."""
    places = (middle, middle - distance, middle + distance)
    return [(place, 0) for place in places if place not in losses and grid.holds(place)]


@dataclass(frozen=True)
class _Fit:
    """What the tries come to: the best place as measured, and the parabola around it.

    Its `optimum` is in places, `blur` is the standard error of that, and `rise` what it rises over one place.
    """

    levels: Mapping[int, float]
    best: int
    optimum: float
    blur: float
    rise: float

    @property
    def vertex(self) -> int:
        """The place nearest to the optimum, of the best one and its neighbours; the best where the parabola is lost."""
        if self.blur > LOST:
            return self.best
        near = [p for p in (self.best - 1, self.best, self.best + 1) if not math.isinf(self.levels.get(p, math.inf))]
        return min(near, key=lambda place: abs(place - self.optimum))

    @property
    def is_disputed(self) -> bool:
        """Whether the vertex was measured worse than the best place by more than the parabola can rise."""
        return self.levels[self.vertex] > self.levels[self.best] + self.rise

    @property
    def choice(self) -> int:
        """The vertex, unless the measurements dispute it."""
        return self.best if self.is_disputed else self.vertex


def _levels(losses: Losses) -> dict[int, float]:
    """The loss of each place, as if all had been tried with the same seeds: what a seed adds is taken off."""
    shared = [tries for tries in losses.values() if len(tries) > 1 and not any(map(_diverged, tries))]
    count = max((len(tries) for tries in losses.values()), default=0)
    offsets = [fmean([t[i] - t[0] for t in shared if len(t) > i] or [0.0]) for i in range(count)]  # type: ignore[operator]
    return {
        place: math.inf if any(map(_diverged, tries)) else fmean(x - offsets[i] for i, x in enumerate(tries))  # type: ignore[operator]
        for place, tries in losses.items()
    }


def _diverged(loss: float | None) -> bool:
    return loss is None or not math.isfinite(loss)


def _least(levels: Mapping[int, float]) -> int:
    """The place with the least loss."""
    return min(levels, key=levels.__getitem__)


def _fit(losses: Losses, levels: Mapping[int, float]) -> _Fit:
    """The parabola over the places around the best: least squares with an intercept of its own for each seed."""
    best = _least(levels)
    near = {place: level for place, level in levels.items() if abs(place - best) <= REACH and not math.isinf(level)}
    if len(near) < 3:
        return _Fit(levels, best, best, 0.0, math.inf)
    ceiling = STEEPEST * median(level - levels[best] for place, level in near.items() if place != best)
    rows, values = [], []
    seeds = max(len(losses[place]) for place in near)
    for place in near:
        for seed, loss in enumerate(losses[place]):
            assert loss is not None
            intercepts = [float(each == seed) for each in range(seeds)]
            rows.append([(place - best) ** 2, place - best, *intercepts])
            values.append(loss - max(0.0, levels[place] - levels[best] - ceiling))
    matrix, right = np.array(rows), np.array(values)
    solution, _, rank, _ = np.linalg.lstsq(matrix, right)
    square, slope = float(solution[0]), float(solution[1])
    if square <= 0 or rank < matrix.shape[1]:
        return _Fit(levels, best, best, math.inf, math.inf)
    optimum = -slope / (2 * square)
    return _Fit(levels, best, best + optimum, _blur(matrix, right, solution, optimum), square)


def _blur(matrix: np.ndarray, right: np.ndarray, solution: np.ndarray, optimum: float) -> float:
    """The standard error of the optimum, by the delta method."""
    freedom = len(right) - matrix.shape[1]
    if freedom < 1:
        return 0.0
    noise = float(np.sum((right - matrix @ solution) ** 2)) / freedom
    covariance = noise * np.linalg.inv(matrix.T @ matrix)
    gradient = np.array([-optimum / solution[0], -0.5 / solution[0]])
    return math.sqrt(max(0.0, float(gradient @ covariance[:2, :2] @ gradient)))
