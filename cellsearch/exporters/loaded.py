"""An exported file as a module in this process: it is run where it lies, without a trace of it left beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, Final

__all__ = ["loaded"]

NUMBERS: Final = count()


@contextmanager
def loaded(text: str, path: Path) -> Iterator[Any]:
    """The module of a file's text, under a name of its own, which torch's compilers look up as long as it is used."""
    module = ModuleType(f"cellsearch_exported_{next(NUMBERS)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, str(path), "exec"), vars(module))
        yield module
    finally:
        del sys.modules[module.__name__]
