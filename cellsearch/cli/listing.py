"""What `cellsearch list` prints: what there is, a line each, or all about one kind of it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from cellsearch.cli.console import tell
from cellsearch.errors import CellsearchError

__all__ = ["Kind", "list_all", "list_kind"]


class Kind(StrEnum):
    """What can be listed."""

    TASKS = "tasks"
    SPACES = "spaces"
    CELLS = "cells"
    STUDIES = "studies"


def list_all(folder: Path) -> None:
    """What there is, a line each; no task is loaded and no study opened."""
    from cellsearch import plugins
    from cellsearch.inspect.cell_tables import catalogue
    from cellsearch.study.folder import study_folders

    tell(catalogue("tasks", plugins.titles(plugins.TASKS).items()))
    _spaces()
    seeds = plugins.seeds().items()
    tell(catalogue("seed cells", [(name, f"{len(c.nodes)} nodes, states {', '.join(c.states)}") for name, c in seeds]))
    tell(catalogue("studies", [(str(path), "") for path in study_folders(folder)]))


def list_kind(kind: Kind, folder: Path) -> None:
    """All about the tasks, spaces or cells, or about the studies under a folder."""
    match kind:
        case Kind.TASKS:
            _tasks()
        case Kind.SPACES:
            _spaces()
        case Kind.CELLS:
            _cells()
        case Kind.STUDIES:
            _studies(folder)


def _tasks() -> None:
    """The metric and the options of each task."""
    from cellsearch import plugins
    from cellsearch.inspect.cell_tables import catalogue
    from cellsearch.training import load_task, task_options

    def told(name: str) -> str:
        try:
            task = load_task(name, {})
        except CellsearchError as error:
            return str(error)
        return f"{task.metric}; options: {', '.join(task_options(task))}"

    tell(catalogue("tasks", [(name, told(name)) for name in plugins.names(plugins.TASKS)]))


def _spaces() -> None:
    """The operations of each search space."""
    from cellsearch import plugins
    from cellsearch.inspect.cell_tables import catalogue

    rows = [(name, ", ".join(each.operations)) for name, each in plugins.spaces().items()]
    tell(catalogue("search spaces", [*rows, *plugins.broken_spaces().items()]))


def _cells() -> None:
    """Source, cost and equation of each seed cell."""
    from cellsearch import plugins
    from cellsearch.inspect.cell_tables import cell_list

    tell(cell_list(list(plugins.spaces().values())))


def _studies(folder: Path) -> None:
    """How far each study is, and its best cell."""
    from cellsearch.inspect.cell_tables import catalogue
    from cellsearch.inspect.study_tables import study_list
    from cellsearch.study.study import load_studies

    studies, unreadable = load_studies(folder)
    tell(study_list(studies))
    if unreadable:
        tell(catalogue("unreadable", [(str(path), reason) for path, reason in unreadable.items()]))
