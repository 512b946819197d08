"""cellsearch: search for new recurrent cells, inspect them, and export the winner as plain PyTorch.

The names below are loaded when they are first used, so that `import cellsearch` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cellsearch.cell import Cell, Node, SearchSpace
    from cellsearch.cell.equations import equations, from_equations
    from cellsearch.cell.file import load, save
    from cellsearch.cell.identity import identity
    from cellsearch.errors import CellsearchError
    from cellsearch.export.standalone import export
    from cellsearch.inspect.picture import save_picture
    from cellsearch.plugins import seed
    from cellsearch.recurrence import RNN, load_torch, to_torch
    from cellsearch.references import find_cell
    from cellsearch.search.search import search
    from cellsearch.search.study import Study, load_study
    from cellsearch.training import Evaluation, evaluate

__all__ = [
    "RNN",
    "Cell",
    "CellsearchError",
    "Evaluation",
    "Node",
    "SearchSpace",
    "Study",
    "equations",
    "evaluate",
    "export",
    "find_cell",
    "from_equations",
    "identity",
    "load",
    "load_study",
    "load_torch",
    "save",
    "save_picture",
    "search",
    "seed",
    "to_torch",
]

_HOMES = {
    "RNN": "recurrence",
    "Cell": "cell",
    "CellsearchError": "errors",
    "Evaluation": "training",
    "Node": "cell",
    "SearchSpace": "cell",
    "Study": "search.study",
    "equations": "cell.equations",
    "evaluate": "training",
    "export": "export.standalone",
    "find_cell": "references",
    "from_equations": "cell.equations",
    "identity": "cell.identity",
    "load": "cell.file",
    "load_study": "search.study",
    "load_torch": "recurrence",
    "save": "cell.file",
    "save_picture": "inspect.picture",
    "search": "search.search",
    "seed": "plugins",
    "to_torch": "recurrence",
}


# Importing a package binds its name here, but only the first time: from now on `search` and `export` are functions.
for _package in ("search", "export"):
    import_module(f"cellsearch.{_package}")
    del globals()[_package]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cellsearch' has no attribute {name!r}")
    value = getattr(import_module(f"cellsearch.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
