"""What `cellsearch import` reads: a cell in a file of any notation, or the cell that a PyTorch module computes.

A Python file is run, since a module has to be built to be traced, unless it only holds genotypes of DARTS; any other
file is data.
"""

from __future__ import annotations

from pathlib import Path

from cellsearch import plugins
from cellsearch.cell.cell import Cell
from cellsearch.cell.readers.files import from_file
from cellsearch.cell.readers.genotypes import holds_genotypes

__all__ = ["import_cell"]


def import_cell(
    path: str | Path, name: str | None = None, input_size: int = 24, hidden_size: int = 32
) -> tuple[Cell, tuple[str, ...]]:
    """The cell of a file and what tracing has to say about it.

    `name` chooses among several: a module's class, a genotype's name, a recipe's id, or a number (see `from_file`). A
    class is built as CLASS(input_size, hidden_size). Raises CellsearchError, one line that names the place.
    """
    path = Path(path)
    if path.suffix != ".py" or holds_genotypes(path):
        return from_file(path, name), ()
    from cellsearch.recurrence.trace.python_file import trace_class

    source = plugins.load_file("module", str(path), path)
    traced = trace_class(source, name, input_size, hidden_size)
    return traced.cell, traced.notes
