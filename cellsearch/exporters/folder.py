"""Export as a folder: a trained module in each format that is asked for, every one checked before anybody sees it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cellsearch.cell import to_json
from cellsearch.errors import ExportError
from cellsearch.exporters import torch_program
from cellsearch.exporters.expected import agree
from cellsearch.exporters.jax import module as jax_module
from cellsearch.exporters.loaded import loaded
from cellsearch.exporters.onnx import model as onnx_model
from cellsearch.exporters.standalone import export
from cellsearch.exporters.weights import WEIGHTS, plain_copy
from cellsearch.recurrence import RNN

__all__ = ["BESIDE", "FORMATS", "Format", "export_folder"]

SOURCE: Final = "model.py"
BESIDE: Final = ("README.md", "cell.json", "cell.png")
"""What a folder may have beside its formats: the card, the cell, its picture."""


@dataclass(frozen=True)
class Format:
    """One way to take a module home.

    `files` maps what it may write to what that is. `write(rnn, folder)` writes, `check(rnn, folder)` runs what was
    written and raises ExportError if it disagrees with the module. `needs` are packages that writing or checking takes
    beside ours, which come with the extra of the format's name.
    """

    files: Mapping[str, str]
    write: Callable[[RNN, Path], None]
    check: Callable[[RNN, Path], None]
    needs: tuple[str, ...] = ()


def _write_source(rnn: RNN, folder: Path) -> None:
    export(rnn, folder / SOURCE)


def _check_source(rnn: RNN, folder: Path) -> None:
    with loaded((folder / SOURCE).read_text(encoding="utf-8"), folder / SOURCE) as file:
        agree(SOURCE, file.check(), 1e-9)


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "source": Format(
            {
                SOURCE: "the module as plain PyTorch, called like `torch.nn.LSTM`; run as a program, it checks itself",
                WEIGHTS: "its weights",
            },
            _write_source,
            _check_source,
        ),
        "torch": Format(
            {
                torch_program.SEQUENCE: "a sequence as a program of `torch.export`, for any number of steps",
                torch_program.STEP: "a step as such a program, for a stream",
            },
            torch_program.write,
            torch_program.check,
        ),
        "onnx": Format(
            {
                onnx_model.SEQUENCE: "a sequence as an ONNX model, for any number of steps",
                onnx_model.STEP: "a step as such a model, for a stream",
            },
            onnx_model.write,
            onnx_model.check,
            needs=("onnx", "onnxruntime"),
        ),
        "jax": Format(
            {
                jax_module.FILE: "the module as source of JAX and Equinox; run as a program, it checks itself",
                WEIGHTS: "its weights",
            },
            jax_module.write,
            jax_module.check,
            needs=("jax", "equinox"),
        ),
    }
)
"""Format by name."""


def export_folder(
    rnn: RNN,
    folder: str | Path,
    formats: Iterable[str] = ("source",),
    beside: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[Path, ...]:
    """Write a module with its weights in each format to a folder, with its cell as `cell.json`, and what is `beside`.

    All is written and checked in a folder of its own first, which then takes the place of an earlier export: a folder
    is there whole or not at all. Returns the paths written.

    Raises ExportError if a format is unknown, lacks a package, cannot hold the cell, or disagrees with the module, and
    if the place is a file or a folder with other things in it. Raises DivergenceError as `export` does.
    """
    folder = Path(folder)
    chosen = [_format(name) for name in dict.fromkeys(formats)]
    if not chosen:
        raise ExportError(f"an export needs a format; use {', '.join(FORMATS)}, several with commas between")
    _check_place(folder)
    trained = plain_copy(rnn).eval()
    try:
        parent, name = os.path.split(os.path.abspath(folder))
        with tempfile.TemporaryDirectory(dir=parent, prefix=f".{name}.") as place:
            made = Path(place) / "made"
            made.mkdir()
            (made / "cell.json").write_text(to_json(rnn.cell), encoding="utf-8")
            for name, content in beside.items():
                (made / name).write_bytes(content)
            for each in chosen:
                each.write(trained, made)
                each.check(trained, made)
            if folder.exists():
                folder.rename(Path(place) / "before")
            made.rename(folder)
    except OSError as error:
        raise ExportError(f"cannot write {str(folder)!r}: {error.strerror}") from error
    return tuple(sorted(folder.iterdir()))


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise ExportError(f"unknown format {name!r}; use {', '.join(FORMATS)}, several with commas between")
    for package in FORMATS[name].needs:
        if find_spec(package) is None:
            raise ExportError(f"format {name!r} needs {package}: pip install 'cellsearch[{name}]'")
    return FORMATS[name]


def _check_place(folder: Path) -> None:
    if folder.is_file():
        raise ExportError(f"{str(folder)!r} is a file; name a folder, new, empty, or of an earlier export")
    if not folder.absolute().parent.is_dir():
        raise ExportError(f"no folder {str(folder.parent)!r} to export {folder.name!r} to; create it first")
    ours = {*BESIDE, "__pycache__", *(file for each in FORMATS.values() for file in each.files)}
    others = sorted(file.name for file in folder.iterdir() if file.name not in ours) if folder.exists() else []
    if others:
        raise ExportError(
            f"folder {str(folder)!r} holds what is no export, such as {others[0]!r}; name one that is new, empty, or "
            "of an earlier export"
        )
