"""A study to read: its trials, its best cell, the verdict of its finals, and trained modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellsearch.cell import Cell
from cellsearch.errors import CellsearchError, StudyError
from cellsearch.recurrence import RNN
from cellsearch.shown import Shown
from cellsearch.statistics.curves import LearningCurve
from cellsearch.study.failures import remedy
from cellsearch.study.finals import best_candidates, scored_fresh
from cellsearch.study.folder import study_folders, weights_path, write_table
from cellsearch.study.forms import BASELINES
from cellsearch.study.ledger import read_study
from cellsearch.study.record import SEARCH, Record, best_first
from cellsearch.study.verdict import Verdict, learning_curve, unsettled, verdicts
from cellsearch.training import Measure, MeasuredTask
from cellsearch.training.weights import trained_rnn

if TYPE_CHECKING:
    import pandas

__all__ = ["REPORT", "VERDICT", "Study", "load_studies", "load_study", "measured", "tuned_names"]

REPORT = "report.csv"
VERDICT = "verdict.csv"


@dataclass(frozen=True)
class Study(Shown):
    """What a study's folder holds, read once; `load_study` makes it."""

    path: Path
    settings: Mapping[str, Any]
    records: Sequence[Record]
    finals: Mapping[Cell, Sequence[Record]]

    @property
    def task(self) -> Measure:
        """What the study's scores are. The task itself is not loaded: it may be gone, or another's code."""
        return measured(self.settings)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """What the finals say of each finalist, baselines first; empty before them."""
        return verdicts(self.finals)

    @cached_property
    def curves(self) -> dict[Cell, LearningCurve]:
        """The learning curves of all finalists with fresh seeds."""
        found = {v.cell: learning_curve(self.finals[v.cell], self.task.lower_is_better) for v in self.verdicts}
        return {cell: curve for cell, curve in found.items() if curve}

    @cached_property
    def unsettled(self) -> dict[Cell, str]:
        """By finalist what was not settled when training ended; empty where nothing is open."""
        return unsettled(self.verdicts, self.curves)

    @property
    def best(self) -> Record:
        """The best candidate: by the best score of its tuning once the finals are done, by its score before.

        The fresh seeds have no part in this choice, so that their interval is that of a cell which was chosen
        before. Raises StudyError if no candidate is complete.
        """
        judged = [v for v in self.verdicts if v.role == "candidate" and v.validation and v.tuning]
        most = max((v.fresh_seeds for v in judged), default=0)
        tuned = {v.cell: v.tuning.loss for v in judged if v.fresh_seeds == most and v.tuning}
        if tuned:
            chosen = min(tuned, key=tuned.__getitem__)
            return next(record for record in self.records if record.cell == chosen)
        complete = best_candidates(self.records, self.task.lower_is_better)
        if not complete:
            raise StudyError(f"study {self.path} has no complete candidate: {remedy(self.records)}")
        return complete[0]

    def record(self, which: str | int) -> Record:
        """The trial of a number, or the best. Raises StudyError if there is no such trial."""
        if which == "best":
            return self.best
        if not str(which).isdecimal() or int(which) >= len(self.records):
            some = f"use best or a number up to {len(self.records) - 1}" if self.records else "it has none yet"
            raise StudyError(f"study {self.path} has no trial {which!r}; {some}")
        return self.records[int(which)]

    def cell(self, which: str | int = "best") -> Cell:
        """The cell of a trial."""
        return self.record(which).cell

    def trained(self, which: str | int = "best") -> RNN | None:
        """The recurrent module of the trial's cell with the weights of its best fresh training; None without one."""
        if self.untrained(which):
            return None
        fresh = self._best_fresh(which)
        assert fresh is not None
        return trained_rnn(fresh.cell, self._weights(fresh))

    def untrained(self, which: str | int = "best") -> str:
        """Why there are no trained weights of the trial's cell; empty where there are."""
        fresh = self._best_fresh(which)
        if fresh is None:
            return f"{self.cell(which).name} has had no training with a fresh seed"
        path = self._weights(fresh)
        return "" if path.is_file() else f"its trained weights are gone ({path})"

    def trained_file(self, which: str | int) -> tuple[Path, int]:
        """The file with the weights of the whole model of that training, and its hidden size. See `untrained`."""
        fresh = self._best_fresh(which)
        assert fresh is not None and fresh.hidden_size is not None
        return self._weights(fresh), fresh.hidden_size

    def _best_fresh(self, which: str | int) -> Record | None:
        records = self.finals.get(self.cell(which), ())
        return next(iter(best_first(scored_fresh(records), self.task.lower_is_better)), None)

    def _weights(self, fresh: Record) -> Path:
        return weights_path(self.path, fresh.stage, fresh.number)

    def frame(self) -> pandas.DataFrame:
        """A row a trial, by its number: cell, role, state, score, hyperparameters, sizes, seconds, parents, edits."""
        import pandas

        tuned = tuned_names(self.records)
        return pandas.DataFrame([_trial_row(record, tuned) for record in self.records]).set_index("trial")

    def write_tables(self) -> None:
        """Write `report.csv`, a line a trial, and `verdict.csv`, a line a finalist."""
        tuned = tuned_names(self.records)
        write_table(self.path / REPORT, [_trial_row(record, tuned) for record in self.records])
        if self.verdicts:
            baselines = [*dict.fromkeys((*BASELINES, *(v.baseline for v in self.verdicts if v.baseline)))]
            rows = [_verdict_row(v, tuned, self.unsettled[v.cell], baselines) for v in self.verdicts]
            write_table(self.path / VERDICT, rows)


def load_study(study: str | Path) -> Study:
    """The study in a folder, which may be written meanwhile. Raises StudyError if there is none."""
    path = Path(study)
    settings, stages = read_study(path)
    if not _is_search(settings):
        kind = "comparison" if "entrants" in settings else "profile's exercise"
        raise StudyError(f"study {path} is a {kind}, no search; its results are the tables and the plot in there")
    finals = {each[0].cell: each for stage, each in stages.items() if stage != SEARCH and each}
    return Study(path, settings, stages[SEARCH], finals)


def load_studies(root: Path) -> tuple[list[Study], dict[Path, str]]:
    """The searches at or under a folder; and the reasons of those that cannot be read, by their folders."""
    studies, unreadable = [], {}
    for path in study_folders(root):
        try:
            if _is_search(read_study(path)[0]):
                studies.append(load_study(path))
        except CellsearchError as error:
            unreadable[path] = str(error)
    return studies, unreadable


def _is_search(settings: Mapping[str, Any]) -> bool:
    return not {"entrants", "exercise"} & settings.keys()


def measured(settings: Mapping[str, Any]) -> MeasuredTask:
    """What the scores of a study with these settings are."""
    return MeasuredTask(settings["task_name"], settings["metric"], settings["lower_is_better"])


def tuned_names(records: Iterable[Record]) -> list[str]:
    """The hyperparameters that were drawn for some of the trials."""
    return list(dict.fromkeys(name for record in records for name in record.hyperparameters))


def _trial_row(record: Record, hyperparameters: Sequence[str]) -> dict[str, object]:
    return {
        "trial": record.number,
        "cell": record.cell.name,
        "identity": record.identity,
        "role": record.role,
        "state": record.state,
        "score": record.score,
        **{name: record.hyperparameters.get(name) for name in hyperparameters},
        "hidden_size": record.hidden_size,
        "parameters": record.parameters,
        "nodes": len(record.cell.nodes),
        "states": len(record.cell.states),
        "seconds": record.seconds,
        "parents": " ".join(map(str, record.parents)),
        "edits": "; ".join(record.edits),
        "reason": record.reason,
    }


def _verdict_row(
    verdict: Verdict, hyperparameters: Sequence[str], unsettled: str, baselines: Sequence[str]
) -> dict[str, object]:
    row: dict[str, object] = {
        "cell": verdict.cell.name,
        "identity": verdict.identity,
        "role": verdict.role,
        "baseline": verdict.baseline,
        "tries": verdict.tuning.tries if verdict.tuning else None,
        "untuned": verdict.untuned,
        "unsettled": unsettled,
        **{name: verdict.hyperparameters.get(name) for name in hyperparameters},
        "hidden_size": verdict.hidden_size,
        "parameters": verdict.parameters,
        "fresh_seeds": verdict.fresh_seeds,
        "reason": verdict.reason,
    }
    columns = {"validation": verdict.validation, "test": verdict.test}
    columns |= {f"minus_{name}": d.interval if (d := verdict.differences.get(name)) else None for name in baselines}
    for name, value in columns.items():
        for part in ("mean", "low", "high"):
            row[f"{name}_{part}"] = getattr(value, part) if value else None
    return row
