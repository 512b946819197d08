"""Export: a cell or a trained RNN as one Python file that needs nothing but torch, with its weights beside it."""

from __future__ import annotations

import keyword
import os
import sys
import tempfile
from pathlib import Path

from torch import nn

from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.errors import ExportError
from cellsearch.exporters.source.file import source
from cellsearch.exporters.weights import as_safetensors, plain_copy
from cellsearch.recurrence import RNN

__all__ = ["export"]


def export(what: Cell | RNN, path: str | Path) -> tuple[Path, ...]:
    """Write `what` as standalone source to `path`, a .py file; a trained RNN's weights go to <stem>.safetensors.

    Returns the paths written, the source first. A file is there whole or not at all, an older one is replaced.
    Raises ExportError if the path is no place for a module or `what` is another module, DivergenceError if the cell
    leaves the finite numbers on the input that the file will be checked with.
    """
    path = Path(path)
    _check_path(path)
    _check_what(what)
    if isinstance(what, Cell):
        _write(path, source(what, path.stem).encode())
        return (path,)
    trained = plain_copy(what)
    text = source(trained.cell, path.stem, trained)
    weights = path.with_suffix(".safetensors")
    _write(weights, as_safetensors(trained))
    _write(path, text.encode())
    return path, weights


def _check_what(what: object) -> None:
    """Of a model around a cell, the message names the part that can be exported."""
    if isinstance(what, nn.Module) and not isinstance(what, RNN):
        parts = [name for name, module in what.named_modules() if isinstance(module, RNN)]
        way = f"give its part: {', '.join(f'model.{name}' for name in parts)}" if parts else "it has no RNN in it"
        raise ExportError(f"export takes a Cell or an RNN, got a {type(what).__name__}; {way}")
    if not isinstance(what, RNN):
        expect_cell(what)


def _check_path(path: Path) -> None:
    if path.suffix != ".py":
        raise ExportError(f"export goes to a Python file, got {str(path)!r}; let its name end in .py")
    if not path.stem.isidentifier() or not path.stem.isascii() or keyword.iskeyword(path.stem):
        raise ExportError(f"{path.name!r} cannot be imported; name the file with letters, digits and _ alone")
    if path.stem in sys.stdlib_module_names or path.stem == "torch":
        raise ExportError(f"{path.name!r} would hide the module {path.stem!r}, which torch needs; use another name")
    if not path.parent.is_dir():
        raise ExportError(f"no folder {str(path.parent)!r} to export {path.name!r} to; create it first")


def _write(path: Path, content: bytes) -> None:
    """Write to a temporary file beside `path`, then give it its name at once."""
    try:
        number, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise ExportError(f"cannot write {str(path)!r}: {error.strerror}") from error
