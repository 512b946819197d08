"""What the command line prints of a comparison over all its tasks: mean ranks, tests, and a sentence an entrant."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cellsearch.inspect.claims import p_text, rank_claim
from cellsearch.inspect.columns import right_aligned
from cellsearch.statistics.differences import Interval
from cellsearch.statistics.ranks import Ranking
from cellsearch.study.comparing.several_tasks import SeveralTasks

__all__ = ["tasks_statement", "tasks_table"]


def tasks_table(found: SeveralTasks) -> RenderableType:
    """Mean ranks and relative differences to the first, the best rank first; tests over the tasks below."""
    tasks = list(found.comparisons)
    title = Text(
        f"over {len(tasks)} tasks ({', '.join(tasks)}), on test; mean and 95 % interval over tasks: other tasks of the "
        "kind may differ by as much, a negative difference is better"
    )
    missing = [
        Text(f"{name} has no result on {', '.join(lacking)}, and no rank")
        for name in found.entrants
        if (lacking := found.missing(name))
    ]
    if found.ranking is None:
        return Group(title, Text("fewer than two cells, or not the first, have a result on every task"), *missing)
    return Group(title, _ranks(found.ranking), *_tests(found.ranking), *missing)


def tasks_statement(found: SeveralTasks) -> str:
    """A sentence for each entrant but the first, that claims no more than the corrected test does."""
    if found.ranking is None:
        return ""
    first, *others = found.ranking.ranks
    return "\n".join(rank_claim(name, first, found.ranking, _untuned(found, name, first)) for name in others)


def _ranks(ranking: Ranking) -> Table:
    first = next(iter(ranking.ranks))
    table = right_aligned("cell", "mean rank", f"(cell - {first}) / {first}, %", "p")
    for name in sorted(ranking.ranks, key=lambda name: ranking.ranks[name].mean):
        relative = ranking.relative.get(name)
        table.add_row(
            escape(name),
            _bounds(ranking.ranks[name], 1, ".2f"),
            _bounds(relative, 100, "+.1f") if relative else "",
            p_text(ranking.p_values[name]) if name in ranking.p_values else "",
            style="bold" if ranking.differs(name) else "",
        )
    return table


def _tests(ranking: Ranking) -> list[Text]:
    """What may be said of all cells together, and of any two."""
    if ranking.critical is None:
        return []
    return [
        Text(
            f"Friedman's test: p {p_text(ranking.p_value)}; any two cells differ from a difference of mean ranks of "
            f"{ranking.critical:.2f} on (Nemenyi)"
        )
    ]


def _untuned(found: SeveralTasks, *names: str) -> str:
    """Who is not tuned, and where."""
    lacking = {name: found.untuned(name) for name in names}
    return "; ".join(f"{name} is not tuned on {', '.join(tasks)}" for name, tasks in lacking.items() if tasks)


def _bounds(found: Interval, factor: float, form: str) -> str:
    mean = f"{factor * found.mean:{form}}"
    if found.low is None or found.high is None:
        return mean
    return f"{mean} [{factor * found.low:{form}}, {factor * found.high:{form}}]"
