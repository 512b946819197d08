"""A comparison to read: what each entrant's fresh seeds say, and how far each is from the first, on test data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any, Final

from cellsearch.cell import Cell, from_json, identity
from cellsearch.errors import StudyError
from cellsearch.shown import Shown
from cellsearch.statistics.curves import LearningCurve, changed_order, unfinished
from cellsearch.statistics.differences import Difference, Interval, difference, interval
from cellsearch.study.finals import FRESH, scored_fresh
from cellsearch.study.folder import write_table
from cellsearch.study.ledger import read_study
from cellsearch.study.record import Record, TuningResult, alive
from cellsearch.study.study import measured, tuned_names
from cellsearch.study.verdict import learning_curve
from cellsearch.training import Measure

__all__ = ["COMPARISON", "TRAININGS", "Comparison", "Entrant", "entrant_place", "entrant_stage", "read_comparison"]

COMPARISON: Final = "comparison.csv"
TRAININGS: Final = "trainings.csv"


def entrant_stage(place: int, form: int = 0) -> str:
    """The ledger's stage for a form of the entrant at a place: two entrants may have the same cell."""
    return f"entrant-{place}" + (f"-{form}" if form else "")


def entrant_place(stage: str) -> int:
    """The place of the entrant whose stage it is."""
    return int(stage.split("-")[1])


@dataclass(frozen=True)
class Entrant:
    """One cell of a comparison: its metric over fresh seeds on validation and test, and its times.

    `spread` is the standard deviation of its test metric between seeds.

    `form` is the name of the usual form that stands for the cell, empty where it has one alone; `tuning` tells how it
    was tuned. `step_seconds` and `inference_seconds` are medians over the seeds: an optimizer step, and a forward pass
    over a batch. `details` are means of the task's further figures. `curve` is that of the fresh seeds, and `unsettled`
    says what of it was not settled at the end (see `statistics.curves`): of the first its own improvement, of the
    others their order beside the first; empty where nothing is open. `reason` says why trainings failed.
    """

    cell: Cell
    form: str
    tuning: TuningResult | None
    hyperparameters: Mapping[str, float]
    hidden_size: int | None
    parameters: int | None
    validation: Interval | None
    test: Interval | None
    tests: Mapping[int, float]
    spread: float | None
    difference: Difference | None
    step_seconds: float | None
    inference_seconds: float | None
    tokens_per_second: float | None
    details: Mapping[str, float]
    curve: LearningCurve | None
    unsettled: str
    failed: int
    reason: str

    @property
    def label(self) -> str:
        """Its name, with the form that stands for it if that is another cell."""
        name = self.cell.name
        return f"{name} ({self.form})" if self.form not in ("", name) else name

    @property
    def untuned(self) -> str:
        """Why its learning rate is not known to be its best; empty where it is."""
        return self.tuning.untuned if self.tuning else ""


@dataclass(frozen=True)
class Comparison(Shown):
    """What a comparison's folder holds, read once; `load_comparison` makes it.

    `forms` has the trials of each entrant by the forms of its cell, the one that was named first.
    """

    path: Path
    settings: Mapping[str, Any]
    forms: Sequence[Mapping[Cell, Sequence[Record]]]

    @property
    def cells(self) -> list[Cell]:
        """The entrants' cells as they were named."""
        return [next(iter(each)) for each in self.forms]

    @property
    def records(self) -> list[Sequence[Record]]:
        """The trials of each entrant's best form: the one with fresh trainings, the first before there are any."""
        return [each[_best_form(each)] for each in self.forms]

    @property
    def task(self) -> Measure:
        """What the scores are. The task itself is not loaded: it may be gone, or another's code."""
        return measured(self.settings)

    @cached_property
    def entrants(self) -> list[Entrant]:
        """What the trainings say of each entrant, in the order they were named."""
        tests = [{r.seed: r.test for r in scored_fresh(records) if r.test is not None} for records in self.records]
        differences = _differences(tests)
        curves = [learning_curve(records, self.task.lower_is_better) for records in self.records]
        everything = zip(self.forms, tests, differences, curves, _unsettled(self.cells, curves), strict=True)
        return [_entrant(*each) for each in everything]

    def write_tables(self) -> None:
        """Write `comparison.csv`, a line an entrant, and `trainings.csv`, a line a training."""
        tuned = tuned_names(r for each in self.forms for records in each.values() for r in records)
        rows = [_entrant_row(entrant, tuned, self.entrants) for entrant in self.entrants]
        write_table(self.path / COMPARISON, rows)
        trainings = [
            _training_row(cell, record, tuned)
            for each in self.forms
            for cell, records in each.items()
            for record in alive(records)
        ]
        write_table(self.path / TRAININGS, trainings)


def read_comparison(path: Path) -> Comparison:
    """The comparison on one task in a folder. Raises StudyError if there is none."""
    settings, stages = read_study(path)
    if "entrants" not in settings:
        raise StudyError(f"study {path} is a search, no comparison; name the folder of a comparison")
    forms = [
        {from_json(text): stages.get(entrant_stage(place, number), []) for number, text in enumerate(texts)}
        for place, texts in enumerate(settings["entrants"])
    ]
    return Comparison(path, settings, forms)


def _best_form(forms: Mapping[Cell, Sequence[Record]]) -> Cell:
    return next((cell for cell, records in forms.items() if any(r.role == FRESH for r in records)), next(iter(forms)))


def _differences(tests: Sequence[Mapping[int, float]]) -> list[Difference | None]:
    """Of each entrant to the first, paired by seed and corrected for their number; the first has none."""
    first = tests[0]
    return [None, *(difference(found, first, len(tests) - 1) for found in tests[1:])]


def _unsettled(cells: Sequence[Cell], curves: Sequence[LearningCurve | None]) -> list[str]:
    """What was not settled at the end: how the first still improved, and how others changed places with it."""
    first, name = curves[0], cells[0].name
    if first is None:
        return [""] * len(cells)
    others = [
        changed_order(cell.name, curve, name, first) if curve else ""
        for cell, curve in zip(cells[1:], curves[1:], strict=True)
    ]
    return [unfinished(name, first), *others]


def _entrant(
    forms: Mapping[Cell, Sequence[Record]],
    tests: Mapping[int, float],
    found: Difference | None,
    curve: LearningCurve | None,
    unsettled: str,
) -> Entrant:
    form = _best_form(forms)
    records = forms[form]
    fresh = scored_fresh(records)
    failed = [r for r in records if r.state == "failed" and r.role == FRESH]
    reasons = [r.reason for r in failed or ([] if fresh else records) if r.reason]
    steps = [r.step_seconds for r in fresh if r.step_seconds is not None]
    passes = [r.inference_seconds for r in fresh if r.inference_seconds is not None]
    speeds = [r.tokens_per_second for r in fresh if r.tokens_per_second is not None]
    return Entrant(
        cell=next(iter(forms)),
        form=form.name if len(forms) > 1 else "",
        tuning=fresh[0].tuning if fresh else None,
        hyperparameters=fresh[0].hyperparameters if fresh else {},
        hidden_size=fresh[0].hidden_size if fresh else None,
        parameters=fresh[0].parameters if fresh else None,
        validation=interval([r.score for r in fresh if r.score is not None]),
        test=interval(list(tests.values())),
        tests=tests,
        spread=stdev(tests.values()) if len(tests) > 1 else None,
        difference=found,
        step_seconds=median(steps) if steps else None,
        inference_seconds=median(passes) if passes else None,
        tokens_per_second=median(speeds) if speeds else None,
        details={name: fmean(r.details[name] for r in fresh) for name in (fresh[0].details if fresh else ())},
        curve=curve,
        unsettled=unsettled,
        failed=len(failed),
        reason=reasons[-1] if reasons else "" if fresh else "not trained yet",
    )


def _entrant_row(entrant: Entrant, tuned: Sequence[str], entrants: Sequence[Entrant]) -> dict[str, object]:
    found = entrant.difference
    row: dict[str, object] = {
        "cell": entrant.cell.name,
        "form": entrant.form,
        "tries": entrant.tuning.tries if entrant.tuning else None,
        "untuned": entrant.untuned,
        "unsettled": entrant.unsettled,
        "identity": identity(entrant.cell),
        **{name: entrant.hyperparameters.get(name) for name in tuned},
        "hidden_size": entrant.hidden_size,
        "parameters": entrant.parameters,
        "fresh_seeds": len(entrant.tests),
        "failed": entrant.failed,
        "reason": entrant.reason,
    }
    columns = {"validation": entrant.validation, "test": entrant.test}
    columns["difference"] = found.interval if found else None
    for name, value in columns.items():
        for part in ("mean", "low", "high"):
            row[f"{name}_{part}"] = getattr(value, part) if value else None
    row["p_value"] = found.p_value if found else None
    row["spread"] = found.spread if found else None
    row["detectable"] = found.detectable if found else None
    for name in ("step_seconds", "inference_seconds", "tokens_per_second"):
        row[name] = getattr(entrant, name)
    names = dict.fromkeys(name for each in entrants for name in each.details)
    return row | {name: entrant.details.get(name) for name in names}


def _training_row(cell: Cell, record: Record, tuned: Sequence[str]) -> dict[str, object]:
    return {
        "cell": cell.name,
        "role": record.role,
        "state": record.state,
        "steps": record.steps,
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
