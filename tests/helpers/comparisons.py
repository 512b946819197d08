"""A comparison of given test scores, that no training made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cellsearch.cell import Cell, to_json
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.record import Record
from cellsearch.testing.strategy import record
from cellsearch_search_spaces.gated import GRU, LSTM, RNN
from tests.helpers.small_search import TROUBLED

__all__ = ["FIRST", "SECOND", "THIRD", "comparison", "fresh", "reported"]

FIRST = [10.0, 20.0, 30.0, 40.0, 50.0]
SECOND = [8.9, 19.0, 29.1, 39.0, 49.0]
THIRD = [10.5, 19.6, 30.3, 39.8, 50.4]


def fresh(cell: Cell, tests: Sequence[float | None]) -> list[Record]:
    """A tuning trial and a fresh training for each test score; None is a failure."""
    records = [record(0, cell, score=1.0, role="tuning")]
    for seed, test in enumerate(tests):
        made = record(1 + seed, cell, "failed" if test is None else "complete", test, role="fresh")
        timed = replace(made, step_seconds=0.1 * (1 + seed), inference_seconds=0.01, tokens_per_second=100.0)
        figures = {} if test is None else {"length 400": 2 * test}
        records.append(replace(timed, seed=seed, test=test, details=figures))
    return records


def comparison(*tests: Sequence[float | None], path: Path = Path("runs/x")) -> Comparison:
    cells = [LSTM, GRU, RNN][: len(tests)]
    settings = {**TROUBLED, "entrants": [[to_json(cell)] for cell in cells]}
    return Comparison(path, settings, [{cell: fresh(cell, each)} for cell, each in zip(cells, tests, strict=True)])


def reported(found: Comparison, *scores: Sequence[float]) -> Comparison:
    """The comparison whose entrants' fresh trainings of 500 steps had these scores on validation, each 100 steps."""
    forms = [
        {cell: [_reported(each, late) for each in records] for cell, records in entrant.items()}
        for entrant, late in zip(found.forms, scores, strict=True)
    ]
    return replace(found, forms=forms)


def _reported(made: Record, scores: Sequence[float]) -> Record:
    by_step = {100 * (i + 1): score for i, score in enumerate(scores)}
    return replace(made, steps=500, scores=by_step) if made.role == "fresh" else made
