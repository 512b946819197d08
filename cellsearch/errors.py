"""Every error that cellsearch raises on purpose.

CellsearchError
├── CellError        a cell, a cell file or a seed's equations break a rule of the graph
│   └── TraceError   a torch module does what no cell can express
├── UnknownNameError a task, search space or cell that nobody defined
├── TaskError        a task breaks a rule that trainings rely on, or its own code raises
├── DataError        a task's data is missing, empty or unreadable
├── BudgetError      a budget that cannot train the cell at all
├── StudyError       a study folder that cannot be opened, or holds no such trial
├── StrategyError    a strategy raises, or proposes what is no cell of its space
├── DivergenceError  training left the finite numbers
├── ExportError      a place that no Python file can be exported to
└── BackendError     a backend was asked for something that it does not support

A message names the thing, its value and the remedy; the command line prints it as one line, exit code 2. Of any other
error `one_line` says what it is and where in the user's code it was raised.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from traceback import walk_tb
from typing import Final

__all__ = [
    "BackendError",
    "BudgetError",
    "CellError",
    "CellsearchError",
    "DataError",
    "DivergenceError",
    "ExportError",
    "StrategyError",
    "StudyError",
    "TaskError",
    "TraceError",
    "UnknownNameError",
    "one_line",
]

LONGEST: Final = 160
"""Characters of an error's own words in one line, at most."""

LIBRARIES: Final = tuple(
    {
        Path(__file__).parent,
        *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)
"""Folders of code that is no user's: cellsearch, Python, and what is installed."""


class CellsearchError(Exception):
    """Root of the tree: catch this to catch everything that cellsearch raises on purpose."""


class CellError(CellsearchError):
    """A cell breaks a rule of the graph."""


class TraceError(CellError):
    """A torch module does what no cell can express; the message names the line of its source."""


class UnknownNameError(CellsearchError):
    """A name or reference leads to no task, search space or cell."""


class TaskError(CellsearchError):
    """A task breaks a rule that trainings rely on, or its own code raises before anything is trained."""


class DataError(CellsearchError):
    """A task's data is missing, empty or unreadable."""


class BudgetError(CellsearchError):
    """A budget of parameters or steps that cannot train the cell at all."""


class StudyError(CellsearchError):
    """A study folder cannot be opened or written, or holds no such trial."""


class StrategyError(CellsearchError):
    """A strategy raises, or proposes what is no cell of its space."""


class DivergenceError(CellsearchError):
    """Training left the finite numbers."""


class ExportError(CellsearchError):
    """A place that no Python file can be exported to."""


class BackendError(CellsearchError):
    """A backend was asked for something that it does not support."""


def one_line(error: BaseException) -> str:
    """An error in one line: our own by its message, any other as `KeyError: 'inputs' (my_task.py:31)`."""
    message = " ".join(str(error).split())
    ours = isinstance(error, CellsearchError)
    text = message if ours else f"{type(error).__name__}: {message}".removesuffix(": ")
    place = None if ours else _place(error)
    shown = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    return f"{shown} ({place})" if place else shown


def _place(error: BaseException) -> str | None:
    """The file and line of the user's code that an error comes from, the innermost; None if it has no part in it."""
    places = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(error.__traceback__)]
    own = [
        f"{path.name}:{line}"
        for path, line in places
        if path.suffix == ".py" and not any(path.is_relative_to(folder) for folder in LIBRARIES)
    ]
    return own[-1] if own else None
