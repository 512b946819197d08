"""cellsearch: search for new recurrent cells, inspect them, and export the winner as plain PyTorch.

The names below are loaded when they are first used, so that `import cellsearch` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cellsearch.cell import Cell, Node, SearchSpace
    from cellsearch.cell.complexity import complexity
    from cellsearch.cell.crossover import crossover
    from cellsearch.cell.equations import equations, from_equations
    from cellsearch.cell.file import load, save
    from cellsearch.cell.identity import identity
    from cellsearch.cell.imports_darts import from_darts, from_enas
    from cellsearch.cell.imports_nasbench_nlp import from_nasbench_nlp
    from cellsearch.errors import CellsearchError
    from cellsearch.export.standalone import export
    from cellsearch.imports import import_cell
    from cellsearch.inspect.picture import save_picture
    from cellsearch.plugins import seed
    from cellsearch.recurrence import RNN, load_torch, to_torch
    from cellsearch.recurrence.custom import op
    from cellsearch.recurrence.trace import trace
    from cellsearch.references import find_cell
    from cellsearch.search.compare import compare
    from cellsearch.search.comparison import Comparison, load_comparison
    from cellsearch.search.profile import profile
    from cellsearch.search.search import search
    from cellsearch.search.study import Study, load_study
    from cellsearch.training import Evaluation, evaluate

__all__ = [
    "RNN",
    "Cell",
    "CellsearchError",
    "Comparison",
    "Evaluation",
    "Node",
    "SearchSpace",
    "Study",
    "compare",
    "complexity",
    "crossover",
    "equations",
    "evaluate",
    "export",
    "find_cell",
    "from_darts",
    "from_enas",
    "from_equations",
    "from_nasbench_nlp",
    "identity",
    "import_cell",
    "load",
    "load_comparison",
    "load_study",
    "load_torch",
    "op",
    "profile",
    "save",
    "save_picture",
    "search",
    "seed",
    "to_torch",
    "trace",
]

_HOMES = {
    "RNN": "recurrence",
    "Cell": "cell",
    "CellsearchError": "errors",
    "Comparison": "search.comparison",
    "Evaluation": "training",
    "Node": "cell",
    "SearchSpace": "cell",
    "Study": "search.study",
    "compare": "search.compare",
    "complexity": "cell.complexity",
    "crossover": "cell.crossover",
    "equations": "cell.equations",
    "evaluate": "training",
    "export": "export.standalone",
    "find_cell": "references",
    "from_darts": "cell.imports_darts",
    "from_enas": "cell.imports_darts",
    "from_equations": "cell.equations",
    "from_nasbench_nlp": "cell.imports_nasbench_nlp",
    "identity": "cell.identity",
    "import_cell": "imports",
    "load": "cell.file",
    "load_comparison": "search.comparison",
    "load_study": "search.study",
    "load_torch": "recurrence",
    "op": "recurrence.custom",
    "profile": "search.profile",
    "save": "cell.file",
    "save_picture": "inspect.picture",
    "search": "search.search",
    "seed": "plugins",
    "to_torch": "recurrence",
    "trace": "recurrence.trace",
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
