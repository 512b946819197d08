"""Tables of judged cells: names on the left and numbers on the right, the best test score first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.markup import escape
from rich.table import Table

from cellsearch.study.comparing.comparison import Entrant
from cellsearch.study.verdict import Verdict

__all__ = ["ranked", "right_aligned"]

Judged = TypeVar("Judged", Verdict, Entrant)


def right_aligned(first: str, *others: str) -> Table:
    """An empty table with a column of names and others of numbers."""
    table = Table(first, box=None, padding=(0, 2, 0, 0))
    for heading in others:
        table.add_column(escape(heading), justify="right")
    return table


def ranked(judged: Iterable[Judged], lower_is_better: bool) -> list[Judged]:
    """Finalists or entrants by their mean on test, the best first; those without one at the end."""

    def loss(each: Judged) -> float:
        if each.test is None:
            return float("inf")
        return each.test.mean if lower_is_better else -each.test.mean

    return sorted(judged, key=loss)
