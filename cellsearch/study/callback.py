"""What hears of a search while it runs: a callback is told of each report and of each trial's end."""

from __future__ import annotations

from typing import Protocol

from cellsearch.study.record import Record
from cellsearch.training import Report

__all__ = ["Callback"]


class Callback(Protocol):
    """Called in the search's own process, between two events; a subclass has what it wants to hear.

    What it is told of is in the study by then. What it raises ends the search, which the same command continues.
    """

    def report(self, record: Record, report: Report) -> None:
        """A training has reported; the record is that of its trial as it began."""

    def end(self, record: Record) -> None:
        """A trial is complete, paused or failed, as its record's state says.

        One that is paused may go on and end again; if it is given up instead, nothing more is heard of it.
        """
