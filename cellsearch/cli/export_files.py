"""What `export` leaves: one Python file, or a folder with a module in several formats."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cellsearch.errors import ExportError

if TYPE_CHECKING:
    from cellsearch.cell import Cell
    from cellsearch.recurrence import RNN
    from cellsearch.study.study import Study

    Trial = tuple[Study, str]

__all__ = ["deliver_export", "deliver_file", "place_of"]


def place_of(file: Path | None, output: Path | None) -> Path:
    """The one place that was given. Raises ExportError if none or two were."""
    if (file is None) == (output is None):
        raise ExportError("export needs one place; name a Python file as FILE, or a folder with --output FOLDER")
    place = file or output
    assert place is not None
    return place


def deliver_file(cell: Cell, trial: Trial | None, file: Path, say: Callable[[str], None]) -> None:
    """Write the standalone file, with trained weights beside it where there are some."""
    import cellsearch

    for path in cellsearch.export(_trained(trial) or cell, file):
        say(f"wrote {path}")
    if why := _untrained(trial):
        say(f"note: {file} has the cell without trained weights: {why}")


def deliver_export(
    cell: Cell,
    trial: Trial | None,
    folder: Path,
    formats: Sequence[str],
    sizes: tuple[int, int],
    say: Callable[[str], None],
) -> None:
    """Write the folder. A cell without trained weights gets fresh ones, which the note says."""
    from cellsearch.exporters.folder import export_folder
    from cellsearch.exporters.weights import fresh
    from cellsearch.inspect.picture.picture import png
    from cellsearch.inspect.report.card import PICTURE

    trained = _trained(trial)
    beside = {"README.md": _card(cell, trial, folder, formats).encode(), PICTURE: png(cell)}
    for path in export_folder(trained or fresh(cell, *sizes), folder, formats, beside):
        say(f"wrote {path}")
    if trained is None:
        why = _untrained(trial) or f"{cell.name} is no trial of a study"
        say(f"note: {folder} has fresh weights, of {sizes[0]} inputs and {sizes[1]} hidden units: {why}")


def _card(cell: Cell, trial: Trial | None, folder: Path, formats: Sequence[str]) -> str:
    """The folder's README.md; a cell of no trial is made again from the file of it that lies beside."""
    from cellsearch.exporters.folder import FORMATS
    from cellsearch.inspect.report.card import card

    files = {"cell.json": "the cell, as `cellsearch` reads it"}
    for name in formats:
        files |= FORMATS[name].files if name in FORMATS else {}
    reference = f"{trial[0].path}:{trial[1]}" if trial else "cell.json"
    words = ("cellsearch", "export", reference, "-o", folder.name, "--as", ",".join(formats))
    return card(cell, trial, files, " ".join(map(shlex.quote, words)))


def _trained(trial: Trial | None) -> RNN | None:
    return trial[0].trained(trial[1]) if trial else None


def _untrained(trial: Trial | None) -> str:
    return trial[0].untrained(trial[1]) if trial else ""
