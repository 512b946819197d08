"""Where pictures and plots go: the ending of the file's name says how it is written."""

from __future__ import annotations

from pathlib import Path

from cellsearch.errors import CellsearchError

__all__ = ["picture_path"]


def picture_path(path: str | Path) -> Path:
    """The path of a picture to be written. Raises CellsearchError if it ends in neither .svg nor .png."""
    path = Path(path)
    if path.suffix.lower() not in (".svg", ".png"):
        raise CellsearchError(f"picture {str(path)!r} ends in neither .svg nor .png; name a file that does")
    return path
