"""Data that the workers of a machine hold once: the first that needs it writes a file, the others map it into memory.

The folder is a pool's own, on a cluster's machine that of a driver, so that no file outlives the code that made it, and
none is read that another user wrote.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import lru_cache, wraps
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import torch
from filelock import FileLock

__all__ = ["FOLDER", "shared"]

FOLDER: Final = "CELLSEARCH_SHARED"
"""The environment variable by which a pool tells its workers the folder that they share."""

DIGEST: Final = ".sha256"

P = ParamSpec("P")
Data = TypeVar("Data")


def shared(make: Callable[P, Data]) -> Callable[P, Data]:
    """Decorates a function that reads a task's data: it is called once a process, and by a pool once a machine.

    It returns anything that pickles, whose tensors are then mapped from one file; its arguments are plain values. Of
    several workers that need the data at the same moment one reads it, and the others wait for its file.
    """

    @lru_cache(maxsize=4)
    @wraps(make)
    def once(*arguments: P.args, **named: P.kwargs) -> Data:
        folder = os.environ.get(FOLDER)
        # A default device, such as `meta` while parameters are counted, is for models.
        with torch.device("cpu"):
            if folder is None:
                return make(*arguments, **named)
            call = f"{make.__module__}.{make.__qualname__} {arguments!r} {named!r}"
            path = Path(folder) / f"{sha256(call.encode()).hexdigest()}.pt"
            try:
                with FileLock(path.with_suffix(".lock")):
                    if not _is_whole(path):
                        _write(path, make(*arguments, **named))
            except OSError:  # no room for it: this process has its own copy
                return make(*arguments, **named)
            # Mapped copy on write: what a process changes is its own.
            mapped: Data = torch.load(path, mmap=True, weights_only=False)
            return mapped

    return once  # type: ignore[return-value]  # lru_cache forgets the parameters


def _is_whole(path: Path) -> bool:
    """Whether the file is there as it was written: its digest stands beside it."""
    try:
        with path.open("rb") as file:
            return path.with_suffix(DIGEST).read_text("ascii") == file_digest(file, "sha256").hexdigest()
    except OSError:
        return False


def _write(path: Path, data: object) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        half_written = Path(folder) / path.name
        torch.save(data, half_written)
        with half_written.open("rb") as file:
            path.with_suffix(DIGEST).write_text(file_digest(file, "sha256").hexdigest(), "ascii")
        os.replace(half_written, path)
