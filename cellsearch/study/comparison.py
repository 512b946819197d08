"""A comparison to read: what each entrant's fresh seeds say, and how far each is from the first, on test data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final

from cellsearch.cell import Cell, from_json, identity
from cellsearch.errors import StudyError
from cellsearch.study.finals import FRESH, scored_fresh
from cellsearch.study.ledger import read_study
from cellsearch.study.record import Record, alive
from cellsearch.study.statistics import Interval, holm, interval, paired_p_value
from cellsearch.study.study import csv_text, tuned_names
from cellsearch.training import Task, load_task

__all__ = ["COMPARISON", "TRAININGS", "Comparison", "Difference", "Entrant", "entrant_stage", "load_comparison"]

COMPARISON: Final = "comparison.csv"
TRAININGS: Final = "trainings.csv"

SIGNIFICANCE: Final = 0.05


def entrant_stage(place: int) -> str:
    """The ledger's stage for the entrant at a place: two entrants may have the same cell."""
    return f"entrant-{place}"


@dataclass(frozen=True)
class Difference:
    """An entrant's test metric less the first one's over the seeds that both have.

    `p_value` is the paired test's, corrected for all the comparisons; None of a single seed.
    """

    interval: Interval
    seeds: int
    p_value: float | None

    @property
    def shown(self) -> bool:
        """Whether it is more than chance would make it."""
        return self.p_value is not None and self.p_value < SIGNIFICANCE


@dataclass(frozen=True)
class Entrant:
    """One cell of a comparison: its metric over fresh seeds on validation and test, and its times.

    `step_seconds` and `inference_seconds` are medians over the seeds: an optimizer step, and a forward pass over a
    batch. `details` are means of the task's further figures. `reason` says why trainings failed.
    """

    cell: Cell
    hyperparameters: Mapping[str, float]
    hidden_size: int | None
    parameters: int | None
    validation: Interval | None
    test: Interval | None
    tests: Mapping[int, float]
    difference: Difference | None
    step_seconds: float | None
    inference_seconds: float | None
    tokens_per_second: float | None
    details: Mapping[str, float]
    failed: int
    reason: str


@dataclass(frozen=True)
class Comparison:
    """What a comparison's folder holds, read once; `load_comparison` makes it."""

    path: Path
    settings: Mapping[str, Any]
    cells: Sequence[Cell]
    records: Sequence[Sequence[Record]]

    @cached_property
    def task(self) -> Task:
        """The task with the comparison's options."""
        return load_task(self.settings["task"], self.settings["options"])

    @cached_property
    def entrants(self) -> list[Entrant]:
        """What the trainings say of each entrant, in the order they were named."""
        tests = [{r.seed: r.test for r in scored_fresh(records) if r.test is not None} for records in self.records]
        differences = _differences(tests)
        everything = zip(self.cells, self.records, tests, differences, strict=True)
        return [_entrant(*each) for each in everything]

    def write_tables(self) -> None:
        """Write `comparison.csv`, a line an entrant, and `trainings.csv`, a line a training."""
        tuned = tuned_names(r for records in self.records for r in records)
        rows = [_entrant_row(entrant, tuned, self.entrants) for entrant in self.entrants]
        (self.path / COMPARISON).write_text(csv_text(rows), "utf-8")
        trainings = [
            _training_row(cell, record, tuned)
            for cell, records in zip(self.cells, self.records, strict=True)
            for record in alive(records)
        ]
        (self.path / TRAININGS).write_text(csv_text(trainings), "utf-8")


def load_comparison(study: str | Path) -> Comparison:
    """The comparison in a folder, which may be written meanwhile. Raises StudyError if there is none."""
    path = Path(study)
    settings, stages = read_study(path)
    if "entrants" not in settings:
        raise StudyError(f"study {path} is a search, no comparison; name the folder of a comparison")
    cells = [from_json(text) for text in settings["entrants"]]
    return Comparison(path, settings, cells, [stages.get(entrant_stage(i), []) for i in range(len(cells))])


def _differences(tests: Sequence[Mapping[int, float]]) -> list[Difference | None]:
    """Of each entrant to the first, paired by seed; the first has none."""
    first = tests[0]
    values = [[found[seed] - first[seed] for seed in found if seed in first] for found in tests[1:]]
    corrected = holm([paired_p_value(each) for each in values])
    found = [(interval(each), len(each), p) for each, p in zip(values, corrected, strict=True)]
    return [None, *(Difference(spread, count, p) if spread else None for spread, count, p in found)]


def _entrant(
    cell: Cell, records: Sequence[Record], tests: Mapping[int, float], difference: Difference | None
) -> Entrant:
    fresh = scored_fresh(records)
    failed = [r for r in records if r.state == "failed" and r.role == FRESH]
    reasons = [r.reason for r in failed or ([] if fresh else records) if r.reason]
    steps = [r.step_seconds for r in fresh if r.step_seconds is not None]
    passes = [r.inference_seconds for r in fresh if r.inference_seconds is not None]
    speeds = [r.tokens_per_second for r in fresh if r.tokens_per_second is not None]
    return Entrant(
        cell=cell,
        hyperparameters=fresh[0].hyperparameters if fresh else {},
        hidden_size=fresh[0].hidden_size if fresh else None,
        parameters=fresh[0].parameters if fresh else None,
        validation=interval([r.score for r in fresh if r.score is not None]),
        test=interval(list(tests.values())),
        tests=tests,
        difference=difference,
        step_seconds=median(steps) if steps else None,
        inference_seconds=median(passes) if passes else None,
        tokens_per_second=median(speeds) if speeds else None,
        details={name: fmean(r.details[name] for r in fresh) for name in (fresh[0].details if fresh else ())},
        failed=len(failed),
        reason=reasons[-1] if reasons else "" if fresh else "not trained yet",
    )


def _entrant_row(entrant: Entrant, tuned: Sequence[str], entrants: Sequence[Entrant]) -> dict[str, object]:
    difference = entrant.difference
    row: dict[str, object] = {
        "cell": entrant.cell.name,
        "identity": identity(entrant.cell),
        **{name: entrant.hyperparameters.get(name) for name in tuned},
        "hidden_size": entrant.hidden_size,
        "parameters": entrant.parameters,
        "fresh_seeds": len(entrant.tests),
        "failed": entrant.failed,
        "reason": entrant.reason,
    }
    columns = {"validation": entrant.validation, "test": entrant.test}
    columns["difference"] = difference.interval if difference else None
    for name, value in columns.items():
        for part in ("mean", "low", "high"):
            row[f"{name}_{part}"] = getattr(value, part) if value else None
    row["p_value"] = difference.p_value if difference else None
    for name in ("step_seconds", "inference_seconds", "tokens_per_second"):
        row[name] = getattr(entrant, name)
    names = dict.fromkeys(name for each in entrants for name in each.details)
    return row | {name: entrant.details.get(name) for name in names}


def _training_row(cell: Cell, record: Record, tuned: Sequence[str]) -> dict[str, object]:
    return {
        "cell": cell.name,
        "role": record.role,
        "state": record.state,
        "seed": record.seed,
        **{name: record.hyperparameters.get(name) for name in tuned},
        "score": record.score,
        "test": record.test,
        "seconds": record.seconds,
        "step_seconds": record.step_seconds,
        "inference_seconds": record.inference_seconds,
        "tokens_per_second": record.tokens_per_second,
        "reason": record.reason,
    }
