"""The report of a search: the verdict, the winner, how it was found, and every trial."""

from __future__ import annotations

from collections.abc import Iterator

from cellsearch.cell import equations
from cellsearch.cell.notation.equations import equations_in_brief
from cellsearch.inspect.ablation_tables import ablation_statement, ablation_table
from cellsearch.inspect.looking.look import LOOK, load_look
from cellsearch.inspect.picture.lineage import lineage_svg
from cellsearch.inspect.plots.curves_plot import Line
from cellsearch.inspect.plots.progress_plot import candidates
from cellsearch.inspect.report.course_plot import course
from cellsearch.inspect.report.document import Document, Step
from cellsearch.inspect.report.look_plots import look_plots
from cellsearch.inspect.report.paid import paid
from cellsearch.inspect.report.plots import curves
from cellsearch.inspect.report.printed import Block, blocks
from cellsearch.inspect.report.reproduce import made_with, search_commands
from cellsearch.inspect.report.trials import search_trials
from cellsearch.inspect.report.views import cell_view
from cellsearch.inspect.study_tables import confirmation_statement, statement, verdict_table
from cellsearch.inspect.task_tables import tasks_table
from cellsearch.study.comparing.ablation import load_ablation
from cellsearch.study.comparing.confirm import load_confirmation
from cellsearch.study.failures import failures_by_kind
from cellsearch.study.lineage import Step as Trial
from cellsearch.study.lineage import lineage
from cellsearch.study.record import Record, alive
from cellsearch.study.study import Study
from cellsearch.training import task_text

__all__ = ["study_document"]


def study_document(study: Study) -> Document:
    """What the study's report says. Raises StudyError if no candidate is complete."""
    settings, task = study.settings, study.task
    winner, way = study.best, lineage(study)
    lead, *claims = statement(study).splitlines()
    lines = [Line(v.label, study.curves[v.cell], v.role == "baseline") for v in study.verdicts if v.fresh_seeds]
    baselines = {r.cell.name: r.score for r in study.records if r.role == "baseline" and r.score is not None}
    return Document(
        title=f"Search on {task_text(settings['task'], settings['options'])}",
        subtitle=_counted(study),
        notice=_unfinished(study),
        lead=lead,
        claims=claims,
        numbers=[*(blocks(verdict_table(study)) if study.verdicts else []), *_confirmation(study)],
        winner=cell_view(winner.cell, [f"trial {winner.number}", *winner.edits]),
        entrants=[],
        plots=[
            *curves(lines, task, settings["parameters"]),
            *course(study.records, candidates(study.records), baselines, task),
        ],
        lineage=[_step(each, study) for each in way],
        lineage_picture=lineage_svg(way, task.metric),
        ablation=[*_ablation(study)],
        tables=[search_trials(study)],
        paid=paid(study),
        failures=[*_failures(study)],
        commands=search_commands(study),
        facts=made_with(settings),
        looks=look_plots(seen) if (seen := load_look(study.path / LOOK, winner.identity)) else [],
    )


def _counted(study: Study) -> str:
    records = alive(study.records)
    ended = [r for r in records if r.role == "candidate" and r.state in ("complete", "pruned", "paused", "failed")]
    finals = sum(len(alive(each)) for each in study.finals.values())
    hours = sum(r.seconds or 0.0 for r in _everything(study)) / 3600
    return f"{len(ended):,} candidates, {finals:,} trainings of the finals, {hours:.1f} hours of training; {study.path}"


def _everything(study: Study) -> list[Record]:
    return alive([*study.records, *(record for each in study.finals.values() for record in each)])


def _unfinished(study: Study) -> str:
    """What is not there yet; empty where the study has come to its end."""
    open_ = sum(record.state in ("running", "waiting", "paused") for record in _everything(study))
    if open_:
        return f"Not finished when this page was written: {open_} trainings were under way, paused or waiting."
    return "" if study.verdicts else "No finals yet: nothing has been compared with fresh seeds."


def _confirmation(study: Study) -> Iterator[Block]:
    """What the finalists did on tasks that the search never saw."""
    if found := load_confirmation(study):
        for line in confirmation_statement(study, found).splitlines():
            yield Block(line)
        yield from blocks(tasks_table(found))


def _ablation(study: Study) -> Iterator[Block]:
    """What the winner's parts are good for, and the simplest cell beside it."""
    if found := load_ablation(study):
        for line in ablation_statement(found).splitlines():
            yield Block(line)
        yield from (Block(line) for line in equations(found.simplest.cell) if found.simplest is not found.whole)
        yield from blocks(ablation_table(found))


def _step(trial: Trial, study: Study) -> Step:
    record = trial.record
    facts = [] if record.score is None else [f"{record.score:.4f} {study.task.metric}"]
    facts += [] if record.parameters is None else [f"{record.parameters:,} parameters"]
    facts += [f"{trial.multiply_adds:,} multiply-adds a step"]
    crossed = [f"crossed with trial {', '.join(map(str, trial.others))}"] if trial.others else []
    return Step(
        name=record.cell.name,
        trial=record.number,
        edits=[*record.edits, *crossed],
        facts=facts,
        gain="" if trial.gain is None else f"{trial.gain:+.4f}",
        better=None if trial.gain is None else trial.gain > 0,
        equations=equations_in_brief(record.cell),
    )


def _failures(study: Study) -> Iterator[str]:
    """How trials ended that taught nothing or little."""
    records = _everything(study)
    pruned = sum(record.state == "pruned" for record in records)
    if pruned:
        yield f"{pruned:,} of {len(records):,} trainings were given up at a rung, where others were better."
    kinds, failed = failures_by_kind(records), sum(record.state == "failed" for record in records)
    if kinds:
        yield f"{failed:,} of {len(records):,} trainings failed:"
        yield from kinds
