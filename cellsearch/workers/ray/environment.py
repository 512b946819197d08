"""What travels to a cluster's machines: the files that a task and a space are in, and on request cellsearch itself."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

__all__ = ["environment"]

OURS: Final = "cellsearch"


def environment(sources: Sequence[Path], send_cellsearch: bool) -> dict[str, Any]:
    """Ray's runtime environment with these files and packages, each importable by its name."""
    modules = [*sources, *(_ours() if send_cellsearch else ())]
    return {"py_modules": [str(each) for each in modules]} if modules else {}


def _ours() -> list[Path]:
    """The packages of this installation, and its metadata, by which tasks and spaces are found by their names."""
    installed = distribution(OURS)
    names = {OURS, *(point.module.partition(".")[0] for point in installed.entry_points)}
    found = [Path(folder) for name in sorted(names) if (folder := _folder(name))]
    metadata = [Path(str(file.locate())).parent for file in installed.files or () if file.name == "METADATA"]
    return [*found, *metadata]


def _folder(package: str) -> str | None:
    spec = find_spec(package)
    return spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else None
