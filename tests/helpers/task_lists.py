"""A comparison on three tasks of given test scores, that no training made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cellsearch.study.comparing.several_tasks import SeveralTasks
from tests.helpers.comparisons import comparison

__all__ = ["three_tasks"]

Means = tuple[float | None, ...]
"""Mean test scores of lstm, gru and rnn; None of one that failed."""


def three_tasks(first: Means, second: Means, accuracies: Means, path: Path = Path("runs/x")) -> SeveralTasks:
    """Scores on two tasks of errors, and on parity, where higher is better."""
    errors = [comparison(*(_seeds(mean) for mean in means)) for means in (first, second)]
    parity = comparison(*(_seeds(mean) for mean in accuracies))
    parity = replace(parity, settings={**parity.settings, "metric": "accuracy", "lower_is_better": False})
    return SeveralTasks(path, {"one": errors[0], "two": errors[1], "parity": parity})


def _seeds(mean: float | None) -> list[float | None]:
    return [None, None] if mean is None else [0.9 * mean, 1.1 * mean]
