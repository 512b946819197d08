"""What the command line prints of a comparison: scores with intervals, models and times, and a sentence an entrant."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cellsearch.inspect.claims import claim, p_text, settling_note, untuned_note
from cellsearch.inspect.columns import ranked, right_aligned
from cellsearch.statistics.differences import Difference, Interval
from cellsearch.study.comparing.comparison import Comparison, Entrant
from cellsearch.study.study import tuned_names
from cellsearch.training import Measure

__all__ = ["comparison_statement", "comparison_table", "entrant_claim"]


def comparison_table(comparison: Comparison) -> RenderableType:
    """Scores, models, times and further figures of each entrant, the best test score first."""
    task = comparison.task
    entrants = ranked(comparison.entrants, task.lower_is_better)
    trained = [entrant for entrant in entrants if entrant.test]
    direction = "lower" if task.lower_is_better else "higher"
    title = Text(
        f"test {task.metric}, {direction} is better; mean and 95 % interval over fresh seeds, and that of 99 % "
        "of a difference; of seeds alone: other data is another matter"
    )
    problems = [Text(line) for each in entrants for line in (_problem(each), untuned_note(each)) if line]
    parts: list[RenderableType] = [
        title,
        _scores(trained, comparison.cells[0].name),
        Text(),
        _models(trained),
        Text(),
        _hyperparameters(comparison, trained),
    ]
    if any(entrant.details for entrant in trained):
        parts += [Text(), Text("mean over fresh seeds, on test data"), _details(trained)]
    return Group(*parts, *([Text()] if problems else []), *problems)


def comparison_statement(comparison: Comparison) -> str:
    """A sentence for each entrant but the first, that claims no more than the corrected test does."""
    first, *others = comparison.entrants
    claims = [
        entrant_claim(entrant, first, entrant.difference, comparison.task) for entrant in others if entrant.difference
    ]
    return "\n".join([*claims, *settling_note(entrant.unsettled for entrant in comparison.entrants)])


def entrant_claim(entrant: Entrant, other: Entrant, found: Difference, task: Measure) -> str:
    """A sentence on the difference of two entrants, that names their forms and who of them is not tuned."""
    return claim(entrant.label, other.label, found, task, untuned_note(entrant, other))


def _scores(entrants: Sequence[Entrant], first: str) -> Table:
    table = right_aligned("cell", "test", "std", f"cell - {first}", "p")
    for entrant in entrants:
        difference = entrant.difference
        bold = "bold" if difference and difference.shown else ""
        table.add_row(
            escape(entrant.cell.name),
            _bounds(entrant.test),
            f"{entrant.spread:.2g}" if entrant.spread is not None else "",
            _bounds(difference.interval, sign="+") if difference else "",
            p_text(difference.p_value) if difference else "",
            style=bold,
        )
    return table


def _models(entrants: Sequence[Entrant]) -> Table:
    table = right_aligned("cell", "validation", "size", "parameters", "seeds", "training step", "inference")
    for entrant in entrants:
        table.add_row(
            escape(entrant.cell.name),
            f"{entrant.validation.mean:.4f}" if entrant.validation else "",
            str(entrant.hidden_size),
            f"{entrant.parameters:,}",
            str(len(entrant.tests)),
            _milliseconds(entrant.step_seconds),
            _milliseconds(entrant.inference_seconds),
        )
    return table


def _hyperparameters(comparison: Comparison, entrants: Sequence[Entrant]) -> Table:
    """The best that were tried, which the fresh seeds take, and after how many tries."""
    tuned = tuned_names(r for records in comparison.records for r in records)
    table = right_aligned("cell", *(name.replace("_", " ") for name in (*tuned, "tries")))
    for entrant in entrants:
        values = [f"{entrant.hyperparameters[name]:.2g}" for name in tuned]
        table.add_row(escape(entrant.label), *values, str(entrant.tuning.tries) if entrant.tuning else "")
    return table


def _details(entrants: Sequence[Entrant]) -> Table:
    names = list(dict.fromkeys(name for entrant in entrants for name in entrant.details))
    table = right_aligned("cell", *names)
    for entrant in entrants:
        values = [f"{entrant.details[name]:.4g}" if name in entrant.details else "" for name in names]
        table.add_row(escape(entrant.cell.name), *values)
    return table


def _problem(entrant: Entrant) -> str:
    if entrant.test is None:
        return f"{entrant.cell.name} has no result: {entrant.reason}"
    if entrant.failed:
        total = entrant.failed + len(entrant.tests)
        return f"{entrant.cell.name}: {entrant.failed} of {total} seeds failed and are in no mean: {entrant.reason}"
    return ""


def _bounds(interval: Interval | None, sign: str = "") -> str:
    if interval is None:
        return ""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:{sign}.4f}"
    largest = max(abs(interval.low), abs(interval.high))
    form = f"{sign}.{max(0, 5 - len(str(int(largest))))}f"
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.3g} ms"
