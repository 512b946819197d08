"""A trial and a report of it, as tests tell them to who hears of trials."""

from __future__ import annotations

from cellsearch.cell import identity
from cellsearch.study.record import Record
from cellsearch.training import Report
from cellsearch_search_spaces.gated import LSTM


def a_trial(number: int, score: float | None = None) -> Record:
    """A candidate that has come to its end with a score, or failed."""
    return Record(
        number=number,
        state="failed" if score is None else "complete",
        cell=LSTM,
        identity=identity(LSTM),
        role="candidate",
        seed=0,
        steps=10,
        parents=(),
        edits=(),
        hyperparameters={"learning_rate": 0.01},
        scores={} if score is None else {10: score},
        score=score,
        reason="it broke" if score is None else "",
        hidden_size=8,
        parameters=100,
        seconds=1.0,
        test=None,
        began=None,
        ended=None,
    )


def a_report(step: int, score: float) -> Report:
    """What a training says after a step."""
    return Report(step, score, 0.1, 8, 100)
