"""The ledger: every trial of a study on disk, in Optuna's storage. Nothing else in cellsearch knows Optuna.

A study is a folder: `study.db` (SQLite) with one Optuna study a stage ("search", and one for each finalist), cell
files in `cells/`, weights in `weights/`, tracebacks in `failures/`, and in `checkpoints/` the state of trainings that
pause. One process writes at a time and holds `lock`; anyone may read. What is told is on disk before the next trial
starts, so that killing the writer loses no finished trial and no rung; opening the ledger again lets go on what has a
checkpoint, and queues anew what else was running, and what failed for a cause that may be mended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import optuna
from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import OptunaError
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from cellsearch.cell import IDENTITY_VERSION, Cell, from_json, identity, save, to_json
from cellsearch.cell.untrusted import short
from cellsearch.errors import StudyError
from cellsearch.recurrence.custom import declare
from cellsearch.study.checkpoints import Checkpoints
from cellsearch.study.conditions import changed
from cellsearch.study.folder import DATABASE, failure_path, weights_path
from cellsearch.study.record import SEARCH, Proposal, Record, State, TuningResult, alive
from cellsearch.training import Range, Report

__all__ = ["STARTUP", "Ledger", "importances", "read_records", "read_settings", "read_study"]

SCHEMA: Final = "cellsearch.study/4"

OPERATIONS: Final = "operations"
"""The setting with the operations of the cells that are no rows of ours, and how many operands each takes."""

INTERRUPTED: Final = "interrupted"

CHECKPOINT: Final = "checkpoint"
TURN: Final = "turn"
"""Notes of a trial that has paused: the step of its last checkpoint; and 0 while it waits there, how many trials there
were when it went on, and less the same once an interruption has brought it back."""

STATES: Final[Mapping[TrialState, State]] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}

LOCK_SECONDS: Final = 60.0
"""Seconds that a writer waits for those who read, and they for it."""

PROPOSED: Final = ("cell", "identity", "role", "seed", "steps", "parents", "edits", "place", "tuning", "baseline")
"""What the ledger knows of a trial before it begins; `place` counts the stage's trials before it, without those that
are there again, so that a search draws the same hyperparameters whether it was interrupted or not."""

RESULT: Final = (
    "hidden_size",
    "parameters",
    "seconds",
    "test",
    "tokens_per_second",
    "step_seconds",
    "inference_seconds",
    "details",
)
"""What the ledger keeps of a trial's last report beside its score."""

FULL: Final = "disk is full"
"""In SQLite's words for a lack of room."""

STARTUP_SEARCH: Final = 10
STARTUP: Final = 5
"""Trials whose hyperparameters are drawn at random before the sampler models what it has seen: of the search, where
each has another cell, more than of a final, where those that its rates were tried with do not count."""


class Ledger:
    """A study opened for writing; a context manager that holds the study's lock.

    `settings` are plain data that must be the same each time the study is opened, and all that reading it takes: no
    task or space is loaded for that. `ranges` are what the sampler draws each trial's hyperparameters from,
    `final_ranges`, if given, in stages other than the search. Raises StudyError, in one line, if another process is
    writing the study, its settings differ, or the folder holds no readable study.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        ranges: Mapping[str, Range],
        final_ranges: Mapping[str, Range] | None = None,
    ) -> None:
        self.path = path
        self._direction: Literal["minimize", "maximize"] = "minimize" if settings["lower_is_better"] else "maximize"
        self._distributions = _distributions(ranges)
        self._final_distributions = _distributions(ranges if final_ranges is None else final_ranges)
        self._seed = int(settings["seed"])
        self._steps = int(settings["steps"])
        self._lock = _locked(path)
        self._studies: dict[str, optuna.Study] = {}
        self._trials: dict[tuple[str, int], Trial] = {}
        self._last: dict[tuple[str, int], Report] = {}
        self._finished: dict[tuple[str, int], Record] = {}
        self._seen: dict[str, Sequence[FrozenTrial]] = {}
        self._checkpoints = Checkpoints(path)
        self._told: dict[tuple[str, int], int] = {}
        try:
            with _one_line(path):
                self._storage = _storage(path, create=True)
                self._check_settings(settings)
                for stage in _stages(self._storage):
                    self._requeue(stage)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()
        self._lock.release()
        if isinstance(error, SQLAlchemyError | OptunaError):  # a disk without room, most often
            raise StudyError(_not_written(self.path, _reason(error))) from error

    def records(self, stage: str) -> list[Record]:
        """Every trial of a stage, in order."""
        records, trials = [], self._all(stage)
        again = _again(trials)
        for trial in trials:
            key = (stage, trial.number)
            if trial.state.is_finished() and key not in self._finished:
                self._finished[key] = _record(stage, trial, again)
            records.append(self._finished.get(key) or _record(stage, trial, again))
        return records

    def waiting(self, stage: str) -> bool:
        """Whether the stage has a trial that was queued and never begun."""
        return any(trial.state is TrialState.WAITING for trial in self._all(stage))

    def queue(
        self,
        stage: str,
        proposal: Proposal,
        role: str,
        seed: int,
        hyperparameters: Mapping[str, float] | None = None,
        steps: int | None = None,
        tuning: TuningResult | None = None,
        baseline: str = "",
    ) -> None:
        """Put a trial on disk that `begin` starts; `hyperparameters` fixes those that the sampler would suggest.

        `steps` are those of the study's budget if not given; `tuning` is where a fresh training's values come from,
        `baseline` the one that a finalist is a form of.
        """
        attributes = {
            "cell": to_json(proposal.cell),
            "identity": identity(proposal.cell),
            "role": role,
            "seed": seed,
            "steps": self._steps if steps is None else steps,
            "tuning": asdict(tuning) if tuning else None,
            "baseline": baseline,
            "parents": list(proposal.parents),
            "edits": list(proposal.edits),
            "place": len(alive(self.records(stage))),
        }
        self._study(stage).enqueue_trial(dict(hyperparameters or {}), user_attrs=attributes)
        self._changed(stage)

    def begin(self, stage: str) -> Record:
        """Begin the first waiting trial of the stage, with its hyperparameters."""
        study = self._study(stage)
        first = next(trial for trial in self._all(stage) if trial.state is TrialState.WAITING)
        study.sampler = self._sampler(stage, first)
        trial = study.ask(fixed_distributions=self._distributions if stage == SEARCH else self._final_distributions)
        self._trials[stage, trial.number] = trial
        self._changed(stage)
        return _record(stage, self._all(stage)[trial.number], ())

    def _sampler(self, stage: str, trial: FrozenTrial) -> optuna.samplers.BaseSampler:
        """A sampler of its own for each trial: draws depend on seed, place and history, not on this process' past.

        A final's first draws depend on no other trial, so that they are the same whichever ends first.
        """
        place, role = trial.user_attrs["place"], trial.user_attrs["role"]
        seed = (self._seed * 1_000_003 + place) % 2**32
        if stage == SEARCH:
            return optuna.samplers.TPESampler(n_startup_trials=STARTUP_SEARCH, seed=seed)
        alike = {each.user_attrs["place"] for each in self._all(stage) if each.user_attrs["role"] == role}
        if sum(other < place for other in alike) < STARTUP:
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(n_startup_trials=0, seed=seed)

    def report(self, stage: str, number: int, report: Report) -> None:
        """Note a report. A checkpoint is on disk before it, so that a rung that was reported is never trained again."""
        trial = self._trial(stage, number)
        if report.checkpoint is not None:
            self._keep(self._checkpoints.path(number, report.step), report.checkpoint)
        # It may go on from before what an interruption left.
        if report.step > self._told.get((stage, number), 0):
            trial.report(report.score, report.step)
            self._changed(stage)
        self._last[stage, number] = report
        if report.weights is not None:
            self._keep(weights_path(self.path, stage, number), report.weights)

    def finish(self, stage: str, number: int) -> None:
        """The training did what it was to do: it paused, or it ended and its best report is its score."""
        last = self._last.get((stage, number))
        if last is not None and last.checkpoint is not None:
            self._pause(stage, number, last)
        else:
            self._complete(stage, number)

    def brought_back(self) -> int | None:
        """The trial of the search that was going on when the last writer ended, if none that waits was begun before."""
        trials = self._all(SEARCH)
        back = {-t.user_attrs[TURN]: t for t in trials if not t.state.is_finished() and t.user_attrs.get(TURN, 0) < 0}
        if not back:
            return None
        turn, first = min(back.items())
        begun = [trial.user_attrs.get("again", trial.number) for trial in trials if trial.state is TrialState.WAITING]
        return first.number if turn <= min(begun, default=turn) else None

    def resume(self, number: int) -> Record:
        """Let a paused trial of the search go on."""
        self._told[SEARCH, number] = max(self._all(SEARCH)[number].intermediate_values)
        self._trial(SEARCH, number).set_user_attr(TURN, len(self._all(SEARCH)))
        self._changed(SEARCH)
        return _record(SEARCH, self._all(SEARCH)[number], ())

    def checkpoint(self, record: Record) -> bytes | None:
        """What a trial goes on from; None where it begins."""
        path = self._checkpoints.path(record.number, record.checkpoint)
        return path.read_bytes() if record.checkpoint else None

    def _pause(self, stage: str, number: int, last: Report) -> None:
        trial = self._trials.pop((stage, number))
        del self._last[stage, number]
        _note_result(trial, last)
        trial.set_user_attr(CHECKPOINT, last.step)
        trial.set_user_attr(TURN, 0)
        self._checkpoints.drop(number, keep=last.step)
        self._changed(stage)

    def _complete(self, stage: str, number: int) -> None:
        scores = self._all(stage)[number].intermediate_values.values()
        if not scores:
            self.fail(stage, number, "the evaluation reported nothing")
            return
        if stage == SEARCH:
            self._keep_cell(number, from_json(self._trial(stage, number).user_attrs["cell"]))
        self._end(
            stage, number, TrialState.COMPLETE, value=min(scores) if self._direction == "minimize" else max(scores)
        )

    def prune(self, stage: str, number: int) -> None:
        """The trial is given up."""
        self._end(stage, number, TrialState.PRUNED)

    def fail(self, stage: str, number: int, reason: str, details: str = "", lasting: bool = False) -> None:
        """The trial ended without a score, for a reason in one line; `details` are kept in a file of their own.

        When the ledger is opened again it is tried again, if the failure is not `lasting` (see `workers.Failed`), the
        trial is a baseline's, or none of its stage came to its end.
        """
        if details:
            self._keep(failure_path(self.path, stage, number), f"{reason}\n\n{details}\n".encode())
        self._trial(stage, number).set_user_attr("reason", reason)
        self._trial(stage, number).set_user_attr("lasting", lasting)
        self._end(stage, number, TrialState.FAIL)

    def _end(self, stage: str, number: int, state: TrialState, value: float | None = None) -> None:
        trial, last = self._trial(stage, number), self._last.pop((stage, number), None)
        del self._trials[stage, number]
        if last is not None:
            _note_result(trial, last)
        self._study(stage).tell(trial, value, state)
        if stage == SEARCH:
            self._checkpoints.drop(number)
        self._changed(stage)

    def _trial(self, stage: str, number: int) -> Trial:
        """Optuna's handle of a trial that is running or paused."""
        if (stage, number) not in self._trials:
            self._trials[stage, number] = Trial(self._study(stage), self._all(stage)[number]._trial_id)
        return self._trials[stage, number]

    def _all(self, stage: str) -> Sequence[FrozenTrial]:
        """The stage's trials. Nobody else writes, so that they are read once for each change of ours."""
        if stage not in self._seen:
            self._seen[stage] = self._study(stage).get_trials(deepcopy=False)
        return self._seen[stage]

    def _changed(self, stage: str) -> None:
        self._seen.pop(stage, None)

    def _study(self, stage: str) -> optuna.Study:
        if stage not in self._studies:
            self._studies[stage] = optuna.create_study(
                storage=self._storage,
                study_name=stage,
                direction=self._direction,
                load_if_exists=True,
            )
        return self._studies[stage]

    def _requeue(self, stage: str) -> None:
        """Let go on what was running when the last writer ended; queue it again, where it had no checkpoint.

        Failures that may be mended too, each once, should this be interrupted as well.
        """
        study, trials = self._study(stage), self._all(stage)
        queued = _again(trials)
        fruitless = not any(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials)
        for trial in trials:
            running = trial.state is TrialState.RUNNING
            if running and stage == SEARCH and self._waits_again(trial):
                continue
            if trial.number not in queued and (running or _may_be_mended(trial, fruitless)):
                notes = {name: trial.user_attrs[name] for name in PROPOSED} | {"again": trial.number}
                study.enqueue_trial(trial.system_attrs.get("fixed_params", {}) | trial.params, user_attrs=notes)
            if running:
                self._storage.set_trial_user_attr(trial._trial_id, "reason", INTERRUPTED)
                study.tell(trial.number, state=TrialState.FAIL)
        self._changed(stage)

    def _waits_again(self, trial: FrozenTrial) -> bool:
        """Whether a trial of the search waits at its last checkpoint, as it is noted: of a rung that was reported."""
        reported = [step for step in self._checkpoints.steps(trial.number) if step in trial.intermediate_values]
        if not reported:
            return False
        turn = trial.user_attrs.get(TURN)
        if turn is None or trial.user_attrs[CHECKPOINT] != reported[-1]:  # it had come to a rung, which was not noted
            self._storage.set_trial_user_attr(trial._trial_id, CHECKPOINT, reported[-1])
            self._storage.set_trial_user_attr(trial._trial_id, TURN, 0)
        elif turn > 0:
            self._storage.set_trial_user_attr(trial._trial_id, TURN, -turn)
        self._checkpoints.drop(trial.number, keep=reported[-1])
        return True

    def _check_settings(self, settings: Mapping[str, Any]) -> None:
        study = self._study(SEARCH)
        wanted = {"schema": SCHEMA, "identity_version": IDENTITY_VERSION, **settings}
        known = study.user_attrs.get("settings")
        if known is None and not self._all(SEARCH):
            study.set_user_attr("settings", wanted)
            return
        known = _of_our_schema(self.path, known)
        before = known.get(OPERATIONS, {})
        # Cells that join later may bring operations of their own.
        wanted[OPERATIONS] = {**before, **settings.get(OPERATIONS, {})}
        for name in wanted:
            if name != OPERATIONS and known.get(name) != wanted[name]:
                what, was, now = changed(name, known.get(name), wanted[name])
                raise StudyError(
                    f"study {self.path} was begun with {what} {was}, now {now}; continue with the same, or name "
                    "another study"
                )
        if wanted[OPERATIONS] != before:
            study.set_user_attr("settings", wanted)

    def _keep_cell(self, number: int, cell: Cell) -> None:
        folder = self.path / "cells"
        folder.mkdir(exist_ok=True)
        save(cell, folder / f"{number}.json")

    def _keep(self, path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise StudyError(_not_written(self.path, error.strerror or str(error))) from error


def read_records(path: Path, stage: str = SEARCH) -> list[Record]:
    """Every trial of a stage of the study in a folder. Raises StudyError if there is none."""
    return read_study(path)[1].get(stage, [])


def read_settings(path: Path) -> dict[str, Any]:
    """The settings that a study was begun with. Raises StudyError if there is no study."""
    with _opened(path) as (_, settings, _):
        return settings


def read_study(path: Path) -> tuple[dict[str, Any], dict[str, list[Record]]]:
    """The settings that a study was begun with, and its trials by stage. Raises StudyError if there is no study."""
    with _opened(path) as (storage, settings, stages):
        trials = {stage: storage.get_all_trials(number) for stage, number in stages.items()}
    for name, operands in settings.get(OPERATIONS, {}).items():
        declare(name, operands)
    return settings, {
        stage: [_record(stage, trial, again) for trial in each]
        for stage, each in trials.items()
        for again in [_again(each)]
    }


def importances(records: Sequence[Record], lower_is_better: bool) -> dict[str, float]:
    """How much each hyperparameter has to do with being among the best tenth, in shares of 1 (PED-ANOVA, IJCAI 2023).

    Of the complete trials; nothing where fewer than two hyperparameters were drawn, or all scores are equal.
    """
    scored = [r for r in records if r.score is not None and isfinite(r.score)]
    names = scored[0].hyperparameters if scored else {}
    alike = [r for r in scored if r.hyperparameters.keys() == names.keys()]
    values = {name: [r.hyperparameters[name] for r in alike] for name in names}
    drawn = {name: FloatDistribution(min(each), max(each)) for name, each in values.items() if len({*each}) > 1}
    if len(drawn) < 2 or len({r.score for r in alike}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize" if lower_is_better else "maximize")
    trials = [
        optuna.create_trial(params={n: r.hyperparameters[n] for n in drawn}, distributions={**drawn}, value=r.score)
        for r in alike
    ]
    study.add_trials(trials)
    return optuna.importance.get_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())


def _note_result(trial: Trial, last: Report) -> None:
    trial.set_user_attr("result", {name: getattr(last, name) for name in RESULT})


def _state(trial: FrozenTrial, again: Collection[int | None]) -> State:
    if trial.user_attrs.get("reason") == INTERRUPTED:
        return "interrupted"
    if trial.state is TrialState.RUNNING and trial.user_attrs.get(TURN, 1) <= 0:
        return "paused"
    return "repeated" if trial.number in again else STATES[trial.state]


def _may_be_mended(trial: FrozenTrial, fruitless: bool) -> bool:
    """Whether a trial failed and is worth another try; `fruitless` is a stage of which none came to its end."""
    notes = trial.user_attrs
    failed = trial.state is TrialState.FAIL and notes.get("reason") != INTERRUPTED
    return failed and (fruitless or notes["role"] == "baseline" or not notes.get("lasting"))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[optuna.storages.RDBStorage, dict[str, Any], dict[str, int]]]:
    """The storage to read, the study's settings, and the number of each stage in the storage."""
    if not (path / DATABASE).is_file():
        raise StudyError(f"no study in {path}; begin one with: cellsearch search --study {path}")
    with _one_line(path):
        storage = _storage(path, create=False)
        try:
            studies = {study.study_name: study for study in storage.get_all_studies()}
            settings = studies[SEARCH].user_attrs.get("settings") if SEARCH in studies else None
            yield storage, _of_our_schema(path, settings), {name: each._study_id for name, each in studies.items()}
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _stages(storage: optuna.storages.RDBStorage) -> list[str]:
    return [study.study_name for study in storage.get_all_studies()]


def _storage(path: Path, create: bool) -> optuna.storages.RDBStorage:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = URL.create("sqlite", database=str((path / DATABASE).resolve())).render_as_string()
    options = {"connect_args": {"timeout": LOCK_SECONDS}}
    return optuna.storages.RDBStorage(url, engine_kwargs=options, skip_table_creation=not create)


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turn what the storage raises into a StudyError."""
    try:
        yield
    except (SQLAlchemyError, OptunaError, RuntimeError) as error:
        reason = _reason(error)
        if FULL in reason:
            raise StudyError(_not_written(path, reason)) from error
        raise StudyError(f"study {path}: {DATABASE} is no readable study: {reason}") from None


def _not_written(path: Path, reason: str) -> str:
    return f"study {path} cannot be written: {reason}; mend that, and the same command continues it"


def _reason(error: BaseException) -> str:
    return str(error.__cause__ or error).splitlines()[0].removeprefix("(sqlite3.OperationalError) ")


def _of_our_schema(path: Path, settings: Any) -> dict[str, Any]:
    if not isinstance(settings, dict) or settings.get("schema") != SCHEMA:
        schema = settings.get("schema") if isinstance(settings, dict) else None
        raise StudyError(
            f"study {path}: {DATABASE} has schema {short(schema)}; this version reads {SCHEMA!r}; begin another"
        )
    return settings


def _distributions(ranges: Mapping[str, Range]) -> dict[str, BaseDistribution]:
    return {name: FloatDistribution(r.low, r.high, log=r.log) for name, r in ranges.items()}


def _locked(path: Path) -> FileLock:
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / "lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise StudyError(f"study {path} is being written by another process; wait for it or name another") from None
    except OSError as error:
        raise StudyError(f"study {path}: {error.strerror}; name a folder that can be written") from None
    return lock


def _again(trials: Iterable[FrozenTrial]) -> set[int | None]:
    """The numbers of the trials that are there again under a later number."""
    return {trial.user_attrs.get("again") for trial in trials}


def _record(stage: str, trial: FrozenTrial, again: Collection[int | None]) -> Record:
    notes = trial.user_attrs
    result = notes.get("result", {})
    reason = notes.get("reason", "")
    cell = from_json(notes["cell"])
    return Record(
        number=trial.number,
        state=_state(trial, again),
        cell=cell,
        identity=notes["identity"],
        role=notes["role"],
        seed=notes["seed"],
        steps=notes["steps"],
        parents=tuple(notes["parents"]),
        edits=tuple(notes["edits"]),
        hyperparameters=trial.params or trial.system_attrs.get("fixed_params", {}),
        scores=trial.intermediate_values,
        score=trial.value if trial.state is TrialState.COMPLETE else None,
        reason=reason,
        **({name: result.get(name) for name in RESULT} | {"details": result.get("details", {})}),
        began=trial.datetime_start,
        ended=trial.datetime_complete,
        tuning=TuningResult(**notes["tuning"]) if notes["tuning"] else None,
        stage=stage,
        baseline=notes["baseline"],
        checkpoint=notes.get(CHECKPOINT, 0),
    )
