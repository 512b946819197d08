"""What a report says, as plain data: the page's template knows no more than this, and a part without data is left out.

Whatever stands here is text, never HTML: the template escapes it. Pictures alone are SVG that the room `picture` wrote,
and `typeset` equations MathML of `notation.mathml`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from cellsearch.inspect.report.printed import Block

__all__ = ["CellView", "Column", "Document", "Plot", "Step", "TrialTable"]


@dataclass(frozen=True)
class CellView:
    """One cell to look at and to take home: each text can be copied. Notes are lines about it, `cost` a table."""

    name: str
    notes: Sequence[str]
    picture: str
    equations: Sequence[str]
    typeset: Sequence[str]
    meanings: Sequence[str]
    latex: str
    code: str
    plan: str
    cost: Sequence[Block]


@dataclass(frozen=True)
class Plot:
    """A figure of Plotly as plain data; `axes` maps what else may stand on its horizontal axis to what changes then."""

    name: str
    title: str
    caption: str
    figure: Mapping[str, Any]
    axes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One trial on the way from a seed to the winner."""

    name: str
    trial: int
    edits: Sequence[str]
    facts: Sequence[str]
    gain: str
    better: bool | None
    equations: str


@dataclass(frozen=True)
class Column:
    """A column of the table of trials; numbers are shown with so many decimals, `None` of those that are counted."""

    name: str
    kind: Literal["number", "text"] = "text"
    decimals: int | None = None


@dataclass(frozen=True)
class TrialTable:
    """Every trial: a row has a value a column, and `details` what a reader sees who opens it."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    details: Sequence[Sequence[str]]
    states: Sequence[str]

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads."""
        columns = [asdict(column) for column in self.columns]
        return {"columns": columns, "rows": self.rows, "details": self.details}


@dataclass(frozen=True)
class Document:
    """A page from top to bottom; empty parts are not shown.

    `notice` says what is not there yet, `lead` and `claims` are the verdict, `numbers` its tables. A search has a
    `winner`, a comparison `entrants`. `looks` are
    plots of the trained winner, `ablation` says what its parts are good for; `commands` make the study again, `facts`
    say what it was made with.
    """

    title: str
    subtitle: str
    notice: str
    lead: str
    claims: Sequence[str]
    numbers: Sequence[Block]
    winner: CellView | None
    entrants: Sequence[CellView]
    plots: Sequence[Plot]
    lineage: Sequence[Step]
    tables: Sequence[TrialTable]
    paid: Sequence[Block]
    failures: Sequence[str]
    commands: Sequence[str]
    facts: Sequence[tuple[str, str]]
    looks: Sequence[Plot] = ()
    lineage_picture: str = ""
    ablation: Sequence[Block] = ()
