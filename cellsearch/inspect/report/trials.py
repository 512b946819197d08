"""The tables of all trials, as data that the page's script sorts, filters and shows by pages."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from cellsearch.cell.notation.equations import equations_in_brief
from cellsearch.inspect.report.document import Column, TrialTable
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.record import Record, alive
from cellsearch.study.study import Study, tuned_names
from cellsearch.training import Measure

__all__ = ["comparison_trials", "search_trials"]


def search_trials(study: Study) -> TrialTable:
    """Every trial of a search: how it did beside its parent, and, for whoever opens it, its equations and edits."""
    records = alive(study.records)
    scores = {r.number: r.score for r in study.records}
    tuned = tuned_names(records)
    columns = [
        Column("trial", "number"),
        Column("cell"),
        Column("role"),
        Column("state"),
        Column("score", "number", 4),
        Column("gain", "number", 4),
        *(Column(name.replace("_", " "), "number", 6) for name in tuned),
        Column("parameters", "number"),
        Column("nodes", "number"),
        Column("seconds", "number", 1),
        Column("parents"),
    ]
    rows = [
        [
            record.number,
            record.cell.name,
            record.role,
            record.state,
            _finite(record.score),
            gain(record, scores, study.task),
            *(_finite(record.hyperparameters.get(name)) for name in tuned),
            record.parameters,
            len(record.cell.nodes),
            _finite(record.seconds),
            " ".join(map(str, record.parents)),
        ]
        for record in records
    ]
    return TrialTable("Trials of the search", columns, rows, [_details(r) for r in records], _states(records))


def comparison_trials(comparison: Comparison, title: str) -> TrialTable:
    """Every training of a comparison."""
    found = [(cell, record) for each in comparison.forms for cell, records in each.items() for record in alive(records)]
    tuned = tuned_names(record for _, record in found)
    columns = [
        Column("cell"),
        Column("role"),
        Column("state"),
        Column("seed", "number"),
        Column("steps", "number"),
        *(Column(name.replace("_", " "), "number", 6) for name in tuned),
        Column("validation", "number", 4),
        Column("test", "number", 4),
        Column("seconds", "number", 1),
    ]
    rows = [
        [
            cell.name,
            record.role,
            record.state,
            record.seed,
            record.steps,
            *(_finite(record.hyperparameters.get(name)) for name in tuned),
            _finite(record.score),
            _finite(record.test),
            _finite(record.seconds),
        ]
        for cell, record in found
    ]
    return TrialTable(title, columns, rows, [_details(r) for _, r in found], _states([r for _, r in found]))


def gain(record: Record, scores: dict[int, float | None], task: Measure) -> float | None:
    """The improvement on the first parent's score, above 0 where it is better; None where one of the two has none."""
    before = scores.get(record.parents[0]) if record.parents else None
    if before is None or record.score is None:
        return None
    return _finite(before - record.score if task.lower_is_better else record.score - before)


def _details(record: Record) -> list[str]:
    """What a reader sees who opens a row: how it failed, what was edited, what the cell computes."""
    lines = [f"failed: {record.reason}"] if record.state == "failed" else []
    return [*lines, *record.edits, equations_in_brief(record.cell)]


def _states(records: Sequence[Record]) -> list[str]:
    return sorted({record.state for record in records})


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
