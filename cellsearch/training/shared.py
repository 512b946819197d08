"""Data that the workers of a machine hold once: the first that needs it writes a file, the others map it into memory.

The folder is a local pool's own and goes with the pool, so that no file outlives the code that made it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache, wraps
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

__all__ = ["FOLDER", "shared"]

FOLDER: Final = "CELLSEARCH_SHARED"
"""The environment variable by which a pool tells its workers the folder that they share."""

P = ParamSpec("P")
Data = TypeVar("Data")


def shared(make: Callable[P, Data]) -> Callable[P, Data]:
    """Decorates a function that reads a task's data: it is called once a process, and in a local pool once a machine.

    It returns a frozen dataclass, named as its return type, with fields that are tensors or numbers and text, and its
    arguments are plain values. Several workers that need the data at the same moment may each read it; one file stays.
    """

    @lru_cache(maxsize=4)
    @wraps(make)
    def once(*arguments: P.args, **named: P.kwargs) -> Data:
        folder = os.environ.get(FOLDER)
        if folder is None:
            return make(*arguments, **named)
        call = f"{make.__module__}.{make.__qualname__} {arguments!r} {named!r}"
        path = Path(folder) / f"{sha256(call.encode()).hexdigest()}.safetensors"
        kind = get_type_hints(make)["return"]
        if not path.exists():
            made = make(*arguments, **named)
            try:
                _write(path, made)
            except (OSError, SafetensorError):  # no room for it: this process has its own copy
                return made
        mapped: Data = _mapped(path, kind)
        return mapped

    return once  # type: ignore[return-value]  # lru_cache forgets the parameters


def _write(path: Path, data: Any) -> None:
    fields = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
    tensors = {name: value.contiguous().clone() for name, value in fields.items() if isinstance(value, Tensor)}
    plain = {name: value for name, value in fields.items() if name not in tensors}
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        half_written = Path(folder) / path.name
        save_file(tensors, half_written, {"plain": json.dumps(plain)})
        os.replace(half_written, path)


def _mapped(path: Path, kind: type[Any]) -> Any:
    """The data with tensors that lie in the file; what a process changes of them is its own."""
    # A default device, such as `meta` while parameters are counted, is for models.
    with torch.device("cpu"), safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dictionary
        plain = json.loads((file.metadata() or {}).get("plain", "{}"))
    return kind(**plain, **tensors)
