"""Cells of a report: picture, equations, code and plan, each as text to copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cellsearch.cell import Cell, equations
from cellsearch.cell.notation.mathml import mathml
from cellsearch.cell.notation.symbols import legend
from cellsearch.errors import CellsearchError
from cellsearch.exporters.source.file import source
from cellsearch.inspect.cell_tables import cost_table
from cellsearch.inspect.picture.picture import svg
from cellsearch.inspect.report.document import CellView
from cellsearch.inspect.report.printed import blocks
from cellsearch.recurrence.explain import plan_text

__all__ = ["SIZE", "cell_view"]

SIZE = 128
"""Input and hidden size at which costs are counted and plans are made."""


def cell_view(cell: Cell, notes: Sequence[str] = ()) -> CellView:
    """A cell as it is shown. What cannot be written, as of an operation that is not loaded, says why in its place."""
    return CellView(
        name=cell.name,
        notes=notes,
        picture=svg(cell),
        equations=equations(cell),
        typeset=mathml(cell),
        meanings=legend(cell),
        latex="\n".join(equations(cell, latex=True)),
        code=_or_why(lambda: source(cell, "best")),
        plan=_or_why(lambda: plan_text(cell.resolved(SIZE, SIZE))),
        cost=blocks(cost_table(cell, SIZE, SIZE)),
    )


def _or_why(write: Callable[[], str]) -> str:
    try:
        return write()
    except CellsearchError as error:
        return f"cannot be written: {error}"
