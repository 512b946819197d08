"""Every error that cellsearch raises on purpose.

CellsearchError
├── CellError        a cell, a cell file or a seed's equations break a rule of the graph
│   └── TraceError   a torch module does what no cell can express
├── UnknownNameError a task, search space or cell that nobody defined
├── DataError        a task's data is missing, empty or unreadable
├── BudgetError      a budget that cannot train the cell at all
├── StudyError       a study folder that cannot be opened, or holds no such trial
├── DivergenceError  training left the finite numbers
├── ExportError      a place that no Python file can be exported to
└── BackendError     a backend was asked for something that it does not support

A message names the thing, its value and the remedy; the command line prints it as one line, exit code 2.
"""

__all__ = [
    "BackendError",
    "BudgetError",
    "CellError",
    "CellsearchError",
    "DataError",
    "DivergenceError",
    "ExportError",
    "StudyError",
    "TraceError",
    "UnknownNameError",
]


class CellsearchError(Exception):
    """Root of the tree: catch this to catch everything that cellsearch raises on purpose."""


class CellError(CellsearchError):
    """A cell breaks a rule of the graph."""


class TraceError(CellError):
    """A torch module does what no cell can express; the message names the line of its source."""


class UnknownNameError(CellsearchError):
    """A name or reference leads to no task, search space or cell."""


class DataError(CellsearchError):
    """A task's data is missing, empty or unreadable."""


class BudgetError(CellsearchError):
    """A budget of parameters or steps that cannot train the cell at all."""


class StudyError(CellsearchError):
    """A study folder cannot be opened or written, or holds no such trial."""


class DivergenceError(CellsearchError):
    """Training left the finite numbers."""


class ExportError(CellsearchError):
    """A place that no Python file can be exported to."""


class BackendError(CellsearchError):
    """A backend was asked for something that it does not support."""
