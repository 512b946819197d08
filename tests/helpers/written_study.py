"""A study that a test writes trial by trial, as a search's driver does; nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cellsearch.cell import Cell
from cellsearch.study.ledger import Ledger
from cellsearch.study.record import SEARCH, Proposal
from cellsearch.training import Range, Report
from cellsearch_search_spaces.gated import GRU, LSTM, RNN
from tests.helpers.large_study import SETTINGS

__all__ = ["Writer", "writing"]


class Writer:
    """Writes trials into a study's ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def begin(self, cell: Cell = RNN, role: str = "candidate", parents: tuple[int, ...] = ()) -> int:
        """A trial that runs."""
        edits = ("some edit",) if parents else ()
        self.ledger.queue(SEARCH, Proposal(cell, parents, edits), role, seed=0)
        return self.ledger.begin(SEARCH).number

    def end(self, number: int, score: float) -> None:
        """It reports once and is complete."""
        self.ledger.report(SEARCH, number, Report(500, score, seconds=0.1, hidden_size=8, parameters=99))
        self.ledger.finish(SEARCH, number)

    def trial(self, score: float, cell: Cell = RNN, role: str = "candidate", parents: tuple[int, ...] = ()) -> int:
        """A trial from its begin to its end."""
        number = self.begin(cell, role, parents)
        self.end(number, score)
        return number


@contextmanager
def writing(path: Path, storage: str = "", **changes: Any) -> Iterator[Writer]:
    """A search whose baselines are trained."""
    ranges = {"learning_rate": Range(1e-3, 1e-1, log=True, first=1e-2)}
    with Ledger(path, {**SETTINGS, **changes}, ranges, storage=storage) as ledger:
        writer = Writer(ledger)
        if not ledger.records(SEARCH):
            writer.trial(3.0, LSTM, "baseline")
            writer.trial(2.9, GRU, "baseline")
        yield writer
