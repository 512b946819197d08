"""Data that the workers of a machine hold once: the first that needs it writes a file, the others map it into memory.

The folder is a local pool's own and goes with the pool, so that no file outlives the code that made it, and none is
read that another user wrote.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import lru_cache, wraps
from hashlib import sha256
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import torch

__all__ = ["FOLDER", "shared"]

FOLDER: Final = "CELLSEARCH_SHARED"
"""The environment variable by which a pool tells its workers the folder that they share."""

P = ParamSpec("P")
Data = TypeVar("Data")


def shared(make: Callable[P, Data]) -> Callable[P, Data]:
    """Decorates a function that reads a task's data: it is called once a process, and in a local pool once a machine.

    It returns anything that pickles, whose tensors are then mapped from one file; its arguments are plain values.
    Several workers that need the data at the same moment may each read it; one file stays.
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
            if not path.exists():
                made = make(*arguments, **named)
                try:
                    _write(path, made)
                except OSError:  # no room for it: this process has its own copy
                    return made
            # Mapped copy on write: what a process changes is its own.
            mapped: Data = torch.load(path, mmap=True, weights_only=False)
            return mapped

    return once  # type: ignore[return-value]  # lru_cache forgets the parameters


def _write(path: Path, data: object) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        half_written = Path(folder) / path.name
        torch.save(data, half_written)
        os.replace(half_written, path)
