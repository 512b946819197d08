"""The report of a comparison, on one task or several: who is better, by how much, and how each entrant trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cellsearch.errors import StudyError
from cellsearch.inspect.comparison_tables import comparison_statement, comparison_table
from cellsearch.inspect.plots.curves_plot import Line
from cellsearch.inspect.report.document import Document, Plot
from cellsearch.inspect.report.plots import comparison_plots, curves
from cellsearch.inspect.report.printed import Block, blocks
from cellsearch.inspect.report.reproduce import comparison_commands, made_with
from cellsearch.inspect.report.trials import comparison_trials
from cellsearch.inspect.report.views import cell_view
from cellsearch.inspect.task_tables import tasks_statement, tasks_table
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.failures import failures_by_kind, remedy
from cellsearch.study.forms import baseline_of
from cellsearch.study.record import Record, alive
from cellsearch.training import task_text

__all__ = ["comparison_document"]


def comparison_document(found: Comparison | SeveralTasks) -> Document:
    """What the comparison's report says. Raises StudyError if no entrant has a result."""
    tasks = {_task(found): found} if isinstance(found, Comparison) else dict(found.comparisons)
    comparisons = [*tasks.values()]
    records = [record for each in comparisons for record in _records(each)]
    if not any(entrant.test for each in comparisons for entrant in each.entrants):
        raise StudyError(f"study {found.path} has no result: {remedy(records)}")
    several = isinstance(found, SeveralTasks)
    names = [cell.name for cell in comparisons[0].cells]
    open_ = sum(record.state in ("running", "waiting") for record in records)
    claims = tasks_statement(found).splitlines() if isinstance(found, SeveralTasks) else []
    claims += [line for task, each in tasks.items() for line in _claims(task if several else "", each)]
    return Document(
        title=f"Comparison of {', '.join(names)}",
        subtitle=f"on {', '.join(tasks)}; {len(alive(records)):,} trainings; {found.path}",
        notice=f"Not finished when this page was written: {open_} trainings were under way or waiting."
        if open_
        else "",
        lead=_budget(comparisons),
        claims=claims,
        numbers=[*_tables(found, tasks)],
        winner=None,
        entrants=[cell_view(cell) for cell in comparisons[0].cells],
        plots=[
            plot
            for place, (task, each) in enumerate(tasks.items())
            for plot in _plots(task if several else "", place, each)
        ],
        lineage=[],
        tables=[comparison_trials(each, f"Trainings on {task}") for task, each in tasks.items()],
        paid=[],
        failures=failures_by_kind(records),
        commands=comparison_commands(comparisons, str(found.path)),
        facts=made_with(comparisons[0].settings),
    )


def _task(comparison: Comparison) -> str:
    return task_text(comparison.settings["task"], comparison.settings["options"])


def _records(comparison: Comparison) -> list[Record]:
    return [record for each in comparison.forms for trials in each.values() for record in trials]


def _budget(comparisons: Sequence[Comparison]) -> str:
    budgets = {(each.settings["final_steps"], each.settings["parameters"]) for each in comparisons}
    if len(budgets) > 1:
        return "With equal parameters, steps and tuning for every cell of a task:"
    ((steps, parameters),) = budgets
    return f"With equal tuning, at {steps:,} steps and {parameters:,} parameters:"


def _claims(task: str, comparison: Comparison) -> list[str]:
    on = f"On {task}: " if task else ""
    return [f"{on}{line}" for line in comparison_statement(comparison).splitlines() if line]


def _tables(found: Comparison | SeveralTasks, tasks: dict[str, Comparison]) -> Iterator[Block]:
    if isinstance(found, SeveralTasks):
        yield from blocks(tasks_table(found))
    for task, each in tasks.items():
        if isinstance(found, SeveralTasks):
            yield Block(f"On {task}:")
        yield from blocks(comparison_table(each))


def _plots(task: str, place: int, comparison: Comparison) -> Iterator[Plot]:
    lines = [Line(e.label, e.curve, baseline_of(e.cell) is not None) for e in comparison.entrants if e.curve]
    parameters = comparison.settings["parameters"]
    for plot in [
        *comparison_plots(comparison, f"scores-{place}"),
        *curves(lines, comparison.task, parameters, f"curves-{place}"),
    ]:
        yield replace(plot, title=f"{plot.title} on {task}" if task else plot.title)
