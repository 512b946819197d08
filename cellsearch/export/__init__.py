"""Export: a cell as a standalone PyTorch file that needs nothing of cellsearch."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "export":
        from cellsearch.export.standalone import export

        return export
    raise AttributeError(name)
