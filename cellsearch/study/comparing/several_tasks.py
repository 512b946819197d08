"""A comparison on several tasks to read: one comparison a task, and what all tasks say together, by ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cellsearch.cell import Cell, identity
from cellsearch.errors import StudyError
from cellsearch.shown import Shown
from cellsearch.statistics.differences import Interval
from cellsearch.statistics.ranks import Ranking, ranking
from cellsearch.study.comparing.comparison import Comparison, Entrant, read_comparison
from cellsearch.study.folder import DATABASE, is_study, write_table
from cellsearch.study.ledger import read_settings
from cellsearch.study.study import Study, load_study
from cellsearch.training import task_text

__all__ = ["TASKS", "SeveralTasks", "begun_with", "check_folder", "load_comparison", "load_results"]

TASKS: Final = "tasks.csv"


@dataclass(frozen=True)
class SeveralTasks(Shown):
    """The same cells on several tasks; `load_comparison` makes it.

    `comparisons` are by task, as `digits@permuted=1`.
    """

    path: Path
    comparisons: Mapping[str, Comparison]

    @property
    def cells(self) -> list[Cell]:
        """The entrants' cells as they were named."""
        return next(iter(self.comparisons.values())).cells

    @cached_property
    def entrants(self) -> Mapping[str, Mapping[str, Entrant]]:
        """Each entrant by its name and by task."""
        return {
            cell.name: {task: found.entrants[place] for task, found in self.comparisons.items()}
            for place, cell in enumerate(self.cells)
        }

    @cached_property
    def ranking(self) -> Ranking | None:
        """The ranking of the cells that have a result on every task; None where the first has not, or it alone."""
        losses = {name: self._losses(name) for name in self.entrants}
        whole = {name: each for name, each in losses.items() if len(each) == len(self.comparisons)}
        return ranking(whole) if len(whole) > 1 and self.cells[0].name in whole else None

    def missing(self, name: str) -> list[str]:
        """The tasks on which an entrant has no result."""
        return [task for task, entrant in self.entrants[name].items() if entrant.test is None]

    def untuned(self, name: str) -> list[str]:
        """The tasks on which an entrant's best learning rate is not known to be the optimum."""
        return [task for task, each in self.entrants[name].items() if each.untuned]

    def write_tables(self) -> None:
        """Write `tasks.csv`, a line an entrant; the tables of each task are in its folder."""
        rows = [self._row(cell) for cell in self.cells]
        write_table(self.path / TASKS, rows)

    def _losses(self, name: str) -> list[float]:
        """An entrant's mean test scores as something to make small, where it has one."""
        return [
            found.test.mean if self.comparisons[task].task.lower_is_better else -found.test.mean
            for task, found in self.entrants[name].items()
            if found.test
        ]

    def _row(self, cell: Cell) -> dict[str, object]:
        found, name = self.ranking, cell.name
        row: dict[str, object] = {"cell": name, "identity": identity(cell), "tasks": len(self.comparisons)}
        columns = {"rank": found.ranks.get(name) if found else None}
        columns["relative"] = found.relative.get(name) if found else None
        for column, value in columns.items():
            row |= _bounds(column, value)
        row["p_value"] = found.p_values.get(name) if found else None
        row["friedman_p_value"] = found.p_value if found else None
        row["critical_difference"] = found.critical if found else None
        tests = {task: entrant.test for task, entrant in self.entrants[name].items()}
        return row | {f"test {task}": test.mean if test else None for task, test in tests.items()}


def load_comparison(study: str | Path) -> Comparison | SeveralTasks:
    """The comparison in a folder, on one task or several; it may be written meanwhile.

    Raises StudyError if there is none, or are several.
    """
    path = Path(study)
    folders = _task_folders(path)
    if is_study(path) or not folders:
        return read_comparison(path)
    found = [read_comparison(folder) for folder in folders]
    if any(each.settings["entrants"] != found[0].settings["entrants"] for each in found):
        raise StudyError(f"the folders in {path} compare different cells; name one of them")
    return SeveralTasks(path, {task_text(each.settings["task"], each.settings["options"]): each for each in found})


def load_results(study: str | Path) -> Study | Comparison | SeveralTasks:
    """What a folder holds: a search, or a comparison on one task or several; it may be written meanwhile.

    Raises StudyError if there is neither.
    """
    path = Path(study)
    own = is_study(path)
    compared = "entrants" in read_settings(path) if own else bool(_task_folders(path))
    return load_comparison(path) if compared else load_study(path)


def begun_with(path: Path) -> list[list[str]] | None:
    """The entrants of the comparison on several tasks in a folder, as plain data; None before one was begun."""
    folders = _task_folders(path)
    found: list[list[str]] | None = read_settings(folders[0])["entrants"] if folders else None
    return found


def check_folder(path: Path, several: bool, entrants: list[list[str]]) -> None:
    """Raises StudyError if the folder holds something else than a comparison of this kind and of these entrants."""
    alone, begun = is_study(path), begun_with(path)
    if several and alone:
        raise StudyError(f"study {path} is no comparison on several tasks; name another study for them")
    if not several and not alone and begun is not None:
        raise StudyError(f"study {path} is a comparison on several tasks; name another study for one, or more tasks")
    if several and begun is not None and begun != entrants:
        raise StudyError(f"study {path} was begun with other cells; continue with the same, or name another study")


def _task_folders(path: Path) -> list[Path]:
    """The folders of a study that hold the comparison on a task, sorted."""
    folders = (file.parent for file in sorted(path.glob(f"*/{DATABASE}")))
    return [folder for folder in folders if "entrants" in read_settings(folder)]


def _bounds(column: str, found: Interval | None) -> dict[str, object]:
    return {f"{column}_{part}": getattr(found, part) if found else None for part in ("mean", "low", "high")}
