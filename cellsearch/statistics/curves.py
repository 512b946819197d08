"""Learning curves: validation over the steps of trainings with several seeds, and whether it had settled at the end.

A curve is of best scores so far: the weights of the best step are those that are judged, so its right end is the figure
that the verdict has, and a training that ended early stays where it was.

The rule: what the last fifth of the steps still changes is not settled. For a yardstick, that is an improvement of its
mean by 1 % or more; for two cells, another sign of the mean of their differences (paired by seed) than before. Settled
does not mean that longer training would change nothing: a learning rate that falls to its end, as by a cosine, lets
every curve flatten there, at whatever length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Final

__all__ = ["LATE_GAIN", "LearningCurve", "changed_order", "late_gain", "unfinished"]

LATE_GAIN: Final = 0.01
"""The share by which a settled mean improves at most, over the last fifth of the steps."""


@dataclass(frozen=True)
class LearningCurve:
    """A cell's scores on validation over trainings of `steps` steps: by seed, then by the step of the report."""

    steps: int
    lower_is_better: bool
    scores: Mapping[int, Mapping[int, float]]

    @property
    def reports(self) -> list[int]:
        """The steps at which there are scores, and the last step; none without any score."""
        found = {step for each in self.scores.values() for step in each}
        return sorted(found | {self.steps}) if found else []

    @property
    def before_last_fifth(self) -> int:
        """The last report before the last fifth of the steps begins; 0 if there is none."""
        return max((step for step in self.reports if step <= math.ceil(4 * self.steps / 5)), default=0)

    def at(self, step: int) -> dict[int, float]:
        """Each seed's best score so far, without the seeds that had none yet."""
        best = min if self.lower_is_better else max
        until = {seed: [x for at, x in each.items() if at <= step] for seed, each in self.scores.items()}
        return {seed: best(values) for seed, values in until.items() if values}


def late_gain(curve: LearningCurve) -> float | None:
    """By what share the mean improved over the last fifth of the steps; None where no report tells."""
    before, after = _means(curve)
    if before is None or after is None:
        return None
    gain = before - after if curve.lower_is_better else after - before
    return gain / abs(before) if before else math.inf if gain else 0.0


def unfinished(name: str, curve: LearningCurve) -> str:
    """How a yardstick still improved over the last fifth of the steps; empty where it had settled."""
    gain = late_gain(curve)
    if gain is None or gain < LATE_GAIN:
        return ""
    before, after = _means(curve)
    return (
        f"{name} still improved by {gain:.1%}, from {before:.4g} after {curve.before_last_fifth:,} steps "
        f"to {after:.4g} after {curve.steps:,}"
    )


def changed_order(name: str, curve: LearningCurve, other_name: str, other: LearningCurve) -> str:
    """How the sign of the mean difference changed over the last fifth of the steps; empty where it did not."""
    marks = (curve.before_last_fifth, curve.steps)
    before, after = (_difference(curve, other, step) for step in marks)
    if before is None or after is None or _sign(before) == _sign(after):
        return ""
    was, now = (f"{value:+.4g} after {step:,} steps" for value, step in zip((before, after), marks, strict=True))
    return f"{name} - {other_name} was {was} and is {now}"


def _means(curve: LearningCurve) -> tuple[float | None, float | None]:
    """The mean before the last fifth and at the end, of the seeds that have both."""
    before, after = curve.at(curve.before_last_fifth), curve.at(curve.steps)
    return (fmean(before.values()), fmean(after[seed] for seed in before)) if before else (None, None)


def _difference(curve: LearningCurve, other: LearningCurve, step: int) -> float | None:
    mine, theirs = curve.at(step), other.at(step)
    pairs = [value - theirs[seed] for seed, value in mine.items() if seed in theirs]
    return fmean(pairs) if pairs else None


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
