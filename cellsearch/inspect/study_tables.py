"""What the command line prints of a study: its trials, its verdict, and several studies as a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cellsearch.inspect.claims import claim, settling_note, untuned_note
from cellsearch.inspect.columns import ranked, right_aligned
from cellsearch.inspect.comparison_tables import entrant_claim
from cellsearch.statistics.differences import difference
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.confirm import judged
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.failures import failures_by_kind
from cellsearch.study.finals import best_candidates
from cellsearch.study.folder import FAILURES
from cellsearch.study.forms import BASELINES
from cellsearch.study.lineage import Step
from cellsearch.study.record import Record, alive
from cellsearch.study.study import Study, tuned_names

__all__ = [
    "confirmation_statement",
    "failure_note",
    "lineage_table",
    "statement",
    "study_list",
    "trial_sheet",
    "verdict_table",
]


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


def lineage_table(steps: Sequence[Step], metric: str) -> RenderableType:
    """The way from a seed to a cell: each trial's edits, its score and what it gained on its parent."""
    table = right_aligned("cell", "trial", metric, "gain", "parameters", "multiply-adds")
    for step in steps:
        record = step.record
        name = Text(record.cell.name, "bold" if step is steps[-1] else "")
        for edit in record.edits:
            name.append(f"\n  {edit}", "")
        if step.others:
            name.append(f"\n  crossed with trial {', '.join(map(str, step.others))}", "")
        table.add_row(
            name,
            str(record.number),
            "-" if record.score is None else f"{record.score:.4f}",
            "-" if step.gain is None else f"{step.gain:+.4f}",
            "-" if record.parameters is None else f"{record.parameters:,}",
            f"{step.multiply_adds:,}",
        )
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


def failure_note(study: Study) -> str:
    """How many trainings failed, and why, in one line; empty where none did."""
    records = alive([*study.records, *(record for each in study.finals.values() for record in each)])
    kinds, failed = failures_by_kind(records), sum(record.state == "failed" for record in records)
    where = f" (details in {failures})" if (failures := study.path / FAILURES).is_dir() else ""
    return f"{failed} of {len(records)} trainings failed: {'; '.join(kinds)}{where}" if kinds else ""


def verdict_table(study: Study) -> RenderableType:
    """The finals: mean and 95 % interval of each finalist over its fresh seeds, and its differences to LSTM and GRU."""
    task = study.task
    baselines = [*dict.fromkeys((*BASELINES, *(v.baseline for v in study.verdicts if v.baseline)))]
    scores = right_aligned("cell", "validation", "test", *(f"cell - {name}" for name in baselines))
    tuned = tuned_names(r for records in study.finals.values() for r in records)
    models = right_aligned("cell", "hidden size", "parameters", *map(_words, tuned), "tries", "seeds")
    failures = []
    for verdict in ranked(study.verdicts, task.lower_is_better):
        name, style = escape(verdict.label), "bold" if verdict.role == "candidate" else ""
        if verdict.validation is None:
            failures.append(Text(f"{verdict.cell.name} has no result: {verdict.reason}"))
            continue
        differences = [d.interval if (d := verdict.differences.get(baseline)) else None for baseline in baselines]
        intervals = [verdict.validation, verdict.test, *differences]
        scores.add_row(name, *(str(each or "") for each in intervals), style=style)
        values = [f"{verdict.hyperparameters[each]:.2g}" for each in tuned]
        sizes = (str(verdict.hidden_size), f"{verdict.parameters:,}")
        tries = str(verdict.tuning.tries) if verdict.tuning else ""
        models.add_row(name, *sizes, *values, tries, str(verdict.fresh_seeds), style=style)
        if verdict.untuned:
            failures.append(Text(untuned_note(verdict)))
    direction, side = ("lower", "below") if task.lower_is_better else ("higher", "above")
    title = Text(
        f"{task.metric}, {direction} is better; mean ± half of the 95 % interval over fresh seeds; differences on test "
        f"({side} 0 is better), of 99 %"
    )
    return Group(title, scores, Text(), models, Text(), *failures)


def _at(hyperparameters: Mapping[str, float]) -> str:
    """The values that were drawn, in words."""
    values = ", ".join(f"{_words(name)} {value:.2g}" for name, value in hyperparameters.items())
    return f" at {values}" if values else ""


def _words(name: str) -> str:
    return name.replace("_", " ")


def statement(study: Study, of: Record | None = None) -> str:
    """The verdict on a trial's cell, the best by default: a sentence a baseline, no more than the interval claims."""
    record = of or study.best
    verdict = next((v for v in study.verdicts if v.cell == record.cell), None)
    if verdict is None or not verdict.differences:
        place = "" if of else "is the best candidate; it "
        return f"{record.cell.name} {place}has not been compared with LSTM and GRU."
    baselines = {v.baseline: v for v in study.verdicts if v.baseline}
    budget = f"at {study.settings['final_steps']:,} steps and {study.settings['parameters']:,} parameters"
    claims = [
        claim(verdict.cell.name, baselines[name].label, difference, study.task, untuned_note(verdict, baselines[name]))
        for name, difference in verdict.differences.items()
    ]
    note = settling_note(study.unsettled[each.cell] for each in (verdict, *baselines.values()))
    return "\n".join([f"With equal tuning, {budget}:", *claims, *note])


def confirmation_statement(study: Study, found: SeveralTasks) -> str:
    """How the best candidate does on tasks that its search never saw, against the baselines."""
    finalists = judged(study)
    best = next((place for place, each in enumerate(finalists) if each.cell == study.best.cell), None)
    if best is None:
        return f"{study.best.cell.name} has not been compared on tasks that the search never saw."
    baselines = [place for place, each in enumerate(finalists) if each.baseline]
    pairs = len(baselines) * (len(finalists) - len(baselines))
    return "\n".join(
        line
        for text, comparison in found.comparisons.items()
        for line in (_unseen(text, comparison), *_confirmed(comparison, best, baselines, pairs))
    )


def _unseen(text: str, comparison: Comparison) -> str:
    settings = comparison.settings
    budget = f"at {settings['final_steps']:,} steps and {settings['parameters']:,} parameters"
    return f"On {text}, which the search never saw, {budget}:"


def _confirmed(comparison: Comparison, best: int, baselines: Sequence[int], pairs: int) -> list[str]:
    """A sentence a baseline; differences are paired by seed, and corrected as those of the verdict."""
    winner, others, lines = comparison.entrants[best], [comparison.entrants[place] for place in baselines], []
    for baseline in others:
        lacking = next((each for each in (winner, baseline) if each.test is None), None)
        if found := difference(winner.tests, baseline.tests, pairs):
            lines.append(entrant_claim(winner, baseline, found, comparison.task))
        elif lacking:
            lines.append(f"{lacking.cell.name} has no result: {lacking.reason}.")
    return [*dict.fromkeys(lines), *settling_note(entrant.unsettled for entrant in (winner, *others))]
