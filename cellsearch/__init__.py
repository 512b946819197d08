"""cellsearch: search for new recurrent cells, inspect them, and export the winner as plain PyTorch.

The names below are loaded when they are first used, so that `import cellsearch` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from cellsearch import shown as _shown

if TYPE_CHECKING:
    from cellsearch.cell import Cell as Cell
    from cellsearch.cell import Node as Node
    from cellsearch.cell.canonical.family import family as family
    from cellsearch.cell.canonical.identity import identity as identity
    from cellsearch.cell.complexity import complexity as complexity
    from cellsearch.cell.difference.diff import diff as diff
    from cellsearch.cell.difference.distance import distance as distance
    from cellsearch.cell.file import load as load
    from cellsearch.cell.file import save as save
    from cellsearch.cell.notation.equations import equations as equations
    from cellsearch.cell.notation.equations import from_equations as from_equations
    from cellsearch.cell.readers.darts import from_darts as from_darts
    from cellsearch.cell.readers.darts import from_enas as from_enas
    from cellsearch.cell.readers.nasbench_nlp import from_nasbench_nlp as from_nasbench_nlp
    from cellsearch.errors import CellsearchError as CellsearchError
    from cellsearch.exporters.standalone import export as export
    from cellsearch.importer import import_cell as import_cell
    from cellsearch.inspect.picture.picture import save_picture as save_picture
    from cellsearch.inspect.report.report import save_report as save_report
    from cellsearch.recurrence import RNN as RNN
    from cellsearch.recurrence import load_torch as load_torch
    from cellsearch.recurrence import to_torch as to_torch
    from cellsearch.recurrence.custom import op as op
    from cellsearch.recurrence.trace.trace import trace as trace
    from cellsearch.space import SearchSpace as SearchSpace
    from cellsearch.space.crossover import crossover as crossover
    from cellsearch.space.mutation import mutate as mutate
    from cellsearch.space.suggestion import suggest as suggest
    from cellsearch.study.callback import Callback as Callback
    from cellsearch.study.comparing.compare import compare as compare
    from cellsearch.study.comparing.comparison import Comparison as Comparison
    from cellsearch.study.comparing.several_tasks import SeveralTasks as SeveralTasks
    from cellsearch.study.comparing.several_tasks import load_comparison as load_comparison
    from cellsearch.study.comparing.several_tasks import load_results as load_results
    from cellsearch.study.profiling.profile import profile as profile
    from cellsearch.study.record import Proposal as Proposal
    from cellsearch.study.record import Record as Record
    from cellsearch.study.references import find_cell as find_cell
    from cellsearch.study.searching.plan import plan_search as plan_search
    from cellsearch.study.searching.propose import Candidate as Candidate
    from cellsearch.study.searching.propose import propose as propose
    from cellsearch.study.searching.search import search as search
    from cellsearch.study.strategies import Strategy as Strategy
    from cellsearch.study.study import Study as Study
    from cellsearch.study.study import load_study as load_study
    from cellsearch.training import Budget as Budget
    from cellsearch.training import Evaluation as Evaluation
    from cellsearch.training import Hyperparameters as Hyperparameters
    from cellsearch.training import evaluate as evaluate
    from cellsearch.workers import Resources as Resources

_NAMES: Final = {
    "cell": "Cell Node",
    "cell.canonical.family": "family",
    "cell.canonical.identity": "identity",
    "cell.complexity": "complexity",
    "cell.difference.diff": "diff",
    "cell.difference.distance": "distance",
    "cell.file": "load save",
    "cell.notation.equations": "equations from_equations",
    "cell.readers.darts": "from_darts from_enas",
    "cell.readers.nasbench_nlp": "from_nasbench_nlp",
    "errors": "CellsearchError",
    "exporters.standalone": "export",
    "importer": "import_cell",
    "inspect.picture.picture": "save_picture",
    "inspect.report.report": "save_report",
    "recurrence": "RNN load_torch to_torch",
    "recurrence.custom": "op",
    "recurrence.trace.trace": "trace",
    "space": "SearchSpace",
    "space.mutation": "mutate",
    "space.crossover": "crossover",
    "space.suggestion": "suggest",
    "study.callback": "Callback",
    "study.comparing.compare": "compare",
    "study.comparing.comparison": "Comparison",
    "study.comparing.several_tasks": "SeveralTasks load_comparison load_results",
    "study.profiling.profile": "profile",
    "study.record": "Proposal Record",
    "study.references": "find_cell",
    "study.searching.plan": "plan_search",
    "study.searching.propose": "Candidate propose",
    "study.searching.search": "search",
    "study.strategies": "Strategy",
    "study.study": "Study load_study",
    "training": "Budget Evaluation Hyperparameters evaluate",
    "workers": "Resources",
}
"""The public names, by the module that each is loaded from. A type checker reads the same from the imports above."""

_HOMES: Final = {name: f"{__name__}.{module}" for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def _paint(shown: object, form: _shown.Form) -> str:
    from cellsearch.inspect.notebook.shown import painted

    return painted(shown, form)


_shown.show_with(_paint)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
