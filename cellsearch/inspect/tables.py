"""What the command line prints: cells, studies, trials and verdicts as rich tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cellsearch.cell import Cell, complexity, equations, identity
from cellsearch.cell.notation.equations import equations_in_brief
from cellsearch.cell.notation.symbols import legend
from cellsearch.space import SearchSpace
from cellsearch.study.finals import BASELINES, best_candidates
from cellsearch.study.record import Record
from cellsearch.study.statistics import Interval
from cellsearch.study.study import Study, tuned_names
from cellsearch.study.verdict import Verdict
from cellsearch.training import Task

__all__ = ["catalogue", "cell_list", "cell_sheet", "statement", "study_list", "trial_sheet", "verdict_table"]


def cell_sheet(cell: Cell, input_size: int, hidden_size: int) -> RenderableType:
    """A cell's equations, its operations counted, and its cost at the given sizes."""
    cost = complexity(cell, input_size, hidden_size)
    counts = Counter(node.op for node in cell.nodes.values())
    table = Table.grid(padding=(0, 2))
    table.add_row("operations", ", ".join(f"{count} {op}" for op, count in counts.most_common()))
    table.add_row("states", ", ".join(cell.states))
    table.add_row("parameters", f"{cost.parameters:,} at input size {input_size}, hidden size {hidden_size}")
    table.add_row("multiply-adds", f"{cost.multiply_adds:,} a step")
    table.add_row("elementwise", f"{cost.elementwise:,} operations a step")
    table.add_row("state", f"{cost.state_bytes:,} bytes a sequence in float32")
    table.add_row(
        "longest path", f"{cost.depth} operations, {cost.dependent_products} dependent matrix products a step"
    )
    table.add_row("identity", identity(cell))
    lines = [Padding(line, (0, 0, 0, 2), expand=False) for line in map(Text, equations(cell))]
    meanings = [Padding(Text(line, style="dim"), (0, 0, 0, 2), expand=False) for line in legend(cell)]
    return Group(Text(cell.name, style="bold"), *lines, *([Text()] if meanings else []), *meanings, Text(), table)


def cell_list(spaces: Sequence[SearchSpace], size: int = 128) -> RenderableType:
    """The seed cells of the spaces: cost at input and hidden size `size` and source, and below the next values."""
    # A name that several spaces have is the first one's.
    firsts = {name: space for space in reversed(spaces) for name in space.seeds}
    cells = {name: firsts[name].seeds[name] for space in spaces for name in space.seeds}
    sources = {name: space.sources.get(name, "") for name, space in firsts.items()}
    width = max(map(len, cells), default=0)
    heading = f"{'cell':{width}}  {'parameters':>10}  {'multiply-adds':>13}  source, next values"
    lines = [Text(f"seed cells at input and hidden size {size}"), Text(heading, style="bold")]
    for name, cell in cells.items():
        cost = complexity(cell, size, size)
        costs = f"  {cost.parameters:>10,}  {cost.multiply_adds:>13,}  {sources[name]}"
        lines += [
            Text.assemble((f"{name:{width}}", "bold"), costs),
            Text(f"    {equations_in_brief(cell)}", style="dim"),
        ]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)


def trial_sheet(record: Record, metric: str) -> RenderableType:
    """Where a trial's cell comes from, and how it did."""
    table = Table.grid(padding=(0, 2))
    table.add_row("trial", f"{record.number}, {record.role}, {record.state}")
    if record.score is not None:
        table.add_row("score", f"{record.score:.4f} {metric}{_at(record.hyperparameters)}")
    if record.reason:
        table.add_row("reason", escape(record.reason))
    if record.parents:
        table.add_row("parents", ", ".join(map(str, record.parents)))
    for edit in record.edits:
        table.add_row("edit", escape(edit))
    return table


def catalogue(title: str, rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Names and what they are."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
    for name, meaning in rows:
        table.add_row(escape(name), escape(meaning))
    return table


def study_list(studies: Sequence[Study]) -> RenderableType:
    """The studies: path, task, candidates that ended, and the best one beside the LSTM.

    Raises UnknownNameError if the task of one is gone.
    """
    table = Table("study", "task", "candidates", "best", "lstm", title="studies", title_justify="left", box=None)
    for study in studies:
        best = best_candidates(study.records, study.task.lower_is_better)
        lstm = [r.score for r in study.records if r.cell.name == "lstm" and r.score is not None]
        ended = sum(r.role == "candidate" and r.state in ("complete", "pruned", "failed") for r in study.records)
        shown = f"{best[0].cell.name} {best[0].score:.4f}" if best else "-"
        table.add_row(
            escape(str(study.path)),
            escape(study.settings["task"]),
            str(ended),
            shown,
            f"{lstm[0]:.4f}" if lstm else "-",
        )
    return table


def verdict_table(study: Study) -> RenderableType:
    """The finals: mean and 95 % interval of each finalist over its fresh seeds, and its differences to LSTM and GRU."""
    task = study.task
    ranked = sorted(study.verdicts, key=lambda v: _rank(v, task.lower_is_better))
    scores = _right_aligned("cell", "validation", "test", *(f"less {name}" for name in BASELINES))
    tuned = tuned_names(r for records in study.finals.values() for r in records)
    models = _right_aligned("cell", "hidden size", "parameters", *map(_words, tuned), "seeds")
    failures = []
    for verdict in ranked:
        name, style = escape(verdict.cell.name), "bold" if verdict.role == "candidate" else ""
        if verdict.validation is None:
            failures.append(Text(f"{verdict.cell.name} has no result: {verdict.reason}"))
            continue
        differences = [verdict.differences.get(baseline) for baseline in BASELINES]
        intervals = [verdict.validation, verdict.test, *differences]
        scores.add_row(name, *(str(each or "") for each in intervals), style=style)
        values = [f"{verdict.hyperparameters[each]:.2g}" for each in tuned]
        sizes = (str(verdict.hidden_size), f"{verdict.parameters:,}")
        models.add_row(name, *sizes, *values, str(verdict.seeds), style=style)
    direction = "lower" if task.lower_is_better else "higher"
    title = Text(
        f"{task.metric}, {direction} is better; mean ± half of the 95 % interval over fresh seeds, differences on test"
    )
    return Group(title, scores, Text(), models, Text(), *failures)


def _at(hyperparameters: Mapping[str, float]) -> str:
    """The values that were drawn, in words."""
    values = ", ".join(f"{_words(name)} {value:.2g}" for name, value in hyperparameters.items())
    return f" at {values}" if values else ""


def _words(name: str) -> str:
    return name.replace("_", " ")


def _right_aligned(first: str, *others: str) -> Table:
    table = Table(first, box=None, padding=(0, 2, 0, 0))
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def statement(study: Study) -> str:
    """The verdict on the best candidate, a sentence a baseline, that claims no more than the interval does."""
    verdict = next((v for v in study.verdicts if v.cell == study.best.cell), None)
    if verdict is None or not verdict.differences:
        return f"{study.best.cell.name} is the best candidate; it has not been compared with LSTM and GRU."
    return "\n".join(
        _comparison(verdict, name, difference, study.task) for name, difference in verdict.differences.items()
    )


def _comparison(verdict: Verdict, baseline: str, difference: Interval, task: Task) -> str:
    name, unit = verdict.cell.name, task.metric
    if difference.low is None or difference.high is None:
        return f"{name} less {baseline}: {difference.mean:+.4f} {unit} with one seed, which has no interval."
    spread = f"{difference.low:+.4f} to {difference.high:+.4f} {unit}, {verdict.seeds} seeds"
    lower, higher = difference.high < 0, difference.low > 0
    if lower or higher:
        better = lower == task.lower_is_better
        return (
            f"{name} is {'better' if better else 'worse'} than {baseline} on test by "
            f"{abs(difference.mean):.4f} (95 % interval {spread})."
        )
    return f"{name} less {baseline}: {difference.mean:+.4f}; no difference is shown (95 % interval {spread})."


def _rank(verdict: Verdict, lower_is_better: bool) -> float:
    if verdict.test is None:
        return float("inf")
    return verdict.test.mean if lower_is_better else -verdict.test.mean
