"""The verdict: what the finals say of each finalist, with intervals, and of its differences to LSTM and GRU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cellsearch.cell import Cell
from cellsearch.statistics.curves import LearningCurve, changed_order, unfinished
from cellsearch.statistics.differences import Difference, Interval, difference, interval
from cellsearch.study.finals import FRESH, scored_fresh
from cellsearch.study.forms import BASELINES
from cellsearch.study.record import Record, TuningResult

__all__ = ["Verdict", "learning_curve", "unsettled", "verdicts"]


@dataclass(frozen=True)
class Verdict:
    """One finalist: its metric over fresh seeds on validation and on test, and its differences to the baselines.

    `baseline` names the one that it is the best form of, empty for a candidate; `tuning` tells how it was tuned.
    `differences` has, by a baseline's name, its test metric less that of the baseline's best form at the same seed: on
    test, since finalists were chosen for their validation, and corrected for all candidates and baselines that are
    held against each other. `reason` says why a finalist has no result.
    """

    cell: Cell
    identity: str
    baseline: str
    tuning: TuningResult | None
    hyperparameters: Mapping[str, float]
    hidden_size: int | None
    parameters: int | None
    fresh_seeds: int
    validation: Interval | None
    test: Interval | None
    differences: Mapping[str, Difference]
    reason: str

    @property
    def label(self) -> str:
        """Its name, that of a baseline with the form that stands for it."""
        form = self.cell.name
        return f"{self.baseline} ({form})" if self.baseline not in ("", form) else form

    @property
    def role(self) -> str:
        """ "baseline" or "candidate"."""
        return "baseline" if self.baseline else "candidate"

    @property
    def untuned(self) -> str:
        """Why its learning rate is not known to be its best; empty where it is."""
        return self.tuning.untuned if self.tuning else ""


def verdicts(finals: Mapping[Cell, Sequence[Record]]) -> list[Verdict]:
    """A verdict for each finalist that got fresh seeds or failed; each is held against every baseline among them.

    Whom halving cut, and forms of a baseline that another form stands for, have none.
    """
    judged = {cell: records for cell, records in finals.items() if _is_judged(records, finals)}
    baselines = {cell: records[0].baseline for cell, records in judged.items()}
    references = {baselines[cell]: _by_seed(records) for cell, records in judged.items() if baselines[cell]}
    comparisons = max(1, sum(len(references) for name in baselines.values() if not name))
    return [_verdict(cell, baselines[cell], judged[cell], references, comparisons) for cell in judged]


def learning_curve(records: Sequence[Record], lower_is_better: bool) -> LearningCurve | None:
    """The learning curve of the fresh seeds among a cell's trials; None without any."""
    fresh = scored_fresh(records)
    return LearningCurve(fresh[0].steps, lower_is_better, {r.seed: r.scores for r in fresh}) if fresh else None


def unsettled(found: Sequence[Verdict], curves: Mapping[Cell, LearningCurve]) -> dict[Cell, str]:
    """By finalist what was not settled when training ended, empty where nothing is open (see `statistics.curves`).

    Of a candidate it is its order beside the baselines, of the LSTM its own improvement.
    """
    judged = [verdict for verdict in found if verdict.baseline and verdict.fresh_seeds]
    baselines = {verdict.baseline: curves[verdict.cell] for verdict in judged}
    notes = {verdict.cell: "" for verdict in found}
    for verdict in found:
        name, curve = verdict.cell.name, curves.get(verdict.cell)
        if curve and not verdict.baseline:
            notes[verdict.cell] = "; ".join(filter(None, (changed_order(name, curve, *b) for b in baselines.items())))
        elif curve and verdict.baseline == BASELINES[0]:
            notes[verdict.cell] = unfinished(verdict.baseline, curve)
    return notes


def _is_judged(records: Sequence[Record], finals: Mapping[Cell, Sequence[Record]]) -> bool:
    begun = any(r.role == FRESH for each in finals.values() for r in each)
    return any(r.role == FRESH for r in records) or not begun or all(r.score is None for r in records)


def _verdict(
    cell: Cell,
    baseline: str,
    records: Sequence[Record],
    references: Mapping[str, Mapping[int, float]],
    comparisons: int,
) -> Verdict:
    fresh = scored_fresh(records)
    scores = _by_seed(records)
    some = fresh[0] if fresh else None
    differences = {
        name: difference(scores, theirs, comparisons) for name, theirs in references.items() if name != baseline
    }
    return Verdict(
        cell=cell,
        identity=records[0].identity,
        baseline=baseline,
        tuning=some.tuning if some else None,
        hyperparameters=some.hyperparameters if some else {},
        hidden_size=some.hidden_size if some else None,
        parameters=some.parameters if some else None,
        fresh_seeds=len(fresh),
        validation=interval([r.score for r in fresh if r.score is not None]),
        test=interval([r.test for r in fresh if r.test is not None]),
        differences={name: found for name, found in differences.items() if found},
        reason="" if fresh else next((r.reason for r in records if r.reason), "not trained yet"),
    )


def _by_seed(records: Sequence[Record]) -> dict[int, float]:
    return {r.seed: r.test for r in scored_fresh(records) if r.test is not None}
