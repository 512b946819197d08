"""cellsearch: search for new recurrent cells, inspect them, and export the winner as plain PyTorch.

The names below are loaded when they are first used, so that `import cellsearch` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cellsearch.cell import Cell, Node
    from cellsearch.cell.canonical.identity import identity
    from cellsearch.cell.complexity import complexity
    from cellsearch.cell.difference.diff import diff
    from cellsearch.cell.difference.distance import distance
    from cellsearch.cell.file import load, save
    from cellsearch.cell.notation.equations import equations, from_equations
    from cellsearch.cell.readers.darts import from_darts, from_enas
    from cellsearch.cell.readers.nasbench_nlp import from_nasbench_nlp
    from cellsearch.errors import CellsearchError
    from cellsearch.exporters.standalone import export
    from cellsearch.importer import import_cell
    from cellsearch.inspect.picture import save_picture
    from cellsearch.plugins import seed
    from cellsearch.recurrence import RNN, load_torch, to_torch
    from cellsearch.recurrence.custom import op
    from cellsearch.recurrence.trace.trace import trace
    from cellsearch.references import find_cell
    from cellsearch.space import SearchSpace
    from cellsearch.space.crossover import crossover
    from cellsearch.study.compare import compare
    from cellsearch.study.comparison import Comparison, load_comparison
    from cellsearch.study.profile import profile
    from cellsearch.study.search import search
    from cellsearch.study.study import Study, load_study
    from cellsearch.training import Budget, Evaluation, Hyperparameters, evaluate
    from cellsearch.workers import Resources

__all__ = [
    "RNN",
    "Budget",
    "Cell",
    "CellsearchError",
    "Comparison",
    "Evaluation",
    "Hyperparameters",
    "Node",
    "Resources",
    "SearchSpace",
    "Study",
    "compare",
    "complexity",
    "crossover",
    "diff",
    "distance",
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
    "Budget": "training",
    "Cell": "cell",
    "CellsearchError": "errors",
    "Comparison": "study.comparison",
    "Evaluation": "training",
    "Hyperparameters": "training",
    "Node": "cell",
    "Resources": "workers",
    "SearchSpace": "space",
    "Study": "study.study",
    "compare": "study.compare",
    "complexity": "cell.complexity",
    "crossover": "space.crossover",
    "diff": "cell.difference.diff",
    "distance": "cell.difference.distance",
    "equations": "cell.notation.equations",
    "evaluate": "training",
    "export": "exporters.standalone",
    "find_cell": "references",
    "from_darts": "cell.readers.darts",
    "from_enas": "cell.readers.darts",
    "from_equations": "cell.notation.equations",
    "from_nasbench_nlp": "cell.readers.nasbench_nlp",
    "identity": "cell.canonical.identity",
    "import_cell": "importer",
    "load": "cell.file",
    "load_comparison": "study.comparison",
    "load_study": "study.study",
    "load_torch": "recurrence",
    "op": "recurrence.custom",
    "profile": "study.profile",
    "save": "cell.file",
    "save_picture": "inspect.picture",
    "search": "study.search",
    "seed": "plugins",
    "to_torch": "recurrence",
    "trace": "recurrence.trace.trace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cellsearch' has no attribute {name!r}")
    value = getattr(import_module(f"cellsearch.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
