"""The ledger: every trial of a study on disk, in Optuna's storage.

A study is a folder: `study.db` (SQLite) with one Optuna study a stage ("search", and one for each finalist), cell
files in `cells/`, weights in `weights/`, tracebacks in `failures/`, and in `checkpoints/` the state of trainings that
pause. One process writes at a time and holds `lock`; anyone may read. What is told is on disk before the next trial
starts, so that killing the writer loses no finished trial and no rung; opening the ledger again lets go on what has a
checkpoint, and queues anew what else was running, and what failed for a cause that may be mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import optuna
from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import OptunaError
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from cellsearch.cell import IDENTITY_VERSION, family, identity, to_json
from cellsearch.errors import StudyError
from cellsearch.study.checkpoints import Checkpoints
from cellsearch.study.conditions import changed
from cellsearch.study.folder import failure_path, weights_path
from cellsearch.study.ledger.dashboard import describe
from cellsearch.study.ledger.lease import Lease
from cellsearch.study.ledger.place import Place, choose_place
from cellsearch.study.ledger.reading import OPERATIONS, SCHEMA, of_our_schema
from cellsearch.study.ledger.storage import Storage, not_written, one_line, reason_of
from cellsearch.study.ledger.trials import (
    CHECKPOINT,
    INTERRUPTED,
    PROPOSED,
    RESULT,
    TURN,
    again,
    may_be_mended,
    record_of,
)
from cellsearch.study.record import SEARCH, Proposal, Record, TuningResult, alive
from cellsearch.training import Range, Report

__all__ = ["STARTUP", "Ledger"]

STARTUP_SEARCH: Final = 10
STARTUP: Final = 5
"""Trials whose hyperparameters are drawn at random before the sampler models what it has seen: of the search, where
each has another cell, more than of a final, where those that its rates were tried with do not count."""


class Ledger:
    """A study opened for writing; a context manager that holds the study's lock.

    `settings` are plain data that must be the same each time the study is opened, and all that reading it takes: no
    task or space is loaded for that. `ranges` are what the sampler draws each trial's hyperparameters from,
    `final_ranges`, if given, in stages other than the search. `storage` is the address of the database that a new study
    has its trials in, by default an SQLite file in the folder. Raises StudyError, in one line, if another process is
    writing the study, its settings differ, or the folder holds no readable study.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        ranges: Mapping[str, Range],
        final_ranges: Mapping[str, Range] | None = None,
        storage: str = "",
    ) -> None:
        self.path = path
        self._direction: Literal["minimize", "maximize"] = "minimize" if settings["lower_is_better"] else "maximize"
        self._distributions = _distributions(ranges)
        self._final_distributions = _distributions(ranges if final_ranges is None else final_ranges)
        self._settings = settings
        self._seed = int(settings["seed"])
        self._steps = int(settings["steps"])
        self._open = ExitStack()
        self._open.callback(_locked(path).release)
        self._studies: dict[str, optuna.Study] = {}
        self._trials: dict[tuple[str, int], Trial] = {}
        self._last: dict[tuple[str, int], Report] = {}
        self._records: dict[str, list[Record]] = {}
        self._repeated: dict[str, set[int | None]] = {}
        self._checkpoints = Checkpoints(path)
        try:
            place = choose_place(path, storage)
            with one_line(path, place):
                self._storage = Storage(place)
                self._open.callback(self._storage.close)
                self._lease = Lease(path, self._storage.engine, self._study(SEARCH)._study_id)
                self._open.callback(self._lease.release)
                self._check_settings(settings, place)
                for stage in self._storage.stages():
                    self._requeue(stage)
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        if isinstance(error, SQLAlchemyError | OptunaError):  # a disk without room, most often
            raise StudyError(not_written(self.path, reason_of(error))) from error
        if isinstance(error, OSError) and str(error.filename).startswith(str(self.path)):
            raise StudyError(not_written(self.path, error.strerror or str(error))) from error

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is told within is on disk at its end, all of it or nothing."""
        with self._storage.together():
            yield

    def beat(self) -> None:
        """To be called again and again, so that other machines know that the study is being written.

        Raises StudyError if one of them has taken it over.
        """
        self._lease.beat()

    def records(self, stage: str) -> list[Record]:
        """Every trial of a stage, in order."""
        trials, records = self._all(stage), self._records.setdefault(stage, [])
        changed = self._storage.news(self._study(stage)._study_id)
        for number in sorted(
            {number for number in changed if number < len(records)} | {*range(len(records), len(trials))}
        ):
            records[number : number + 1] = [record_of(stage, trials[number], self._repeated.get(stage, ()))]
        return [*records]

    def record(self, stage: str, number: int) -> Record:
        """A trial of a stage."""
        return record_of(stage, self._all(stage)[number])

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
            **_of_proposal(proposal),
            "role": role,
            "seed": seed,
            "steps": self._steps if steps is None else steps,
            "tuning": asdict(tuning) if tuning else None,
            "baseline": baseline,
            "place": len(alive(self.records(stage))),
        }
        if not self._all(stage):
            describe(self._study(stage), stage, self._settings, proposal.cell)
        self._study(stage).enqueue_trial(dict(hyperparameters or {}), user_attrs=attributes)

    def begin(self, stage: str) -> Record:
        """Begin the first waiting trial of the stage, with its hyperparameters."""
        study = self._study(stage)
        first = next(trial for trial in self._all(stage) if trial.state is TrialState.WAITING)
        study.sampler = self._sampler(stage, first)
        with self.together():
            trial = study.ask(fixed_distributions=self._distributions if stage == SEARCH else self._final_distributions)
        self._trials[stage, trial.number] = trial
        return self.record(stage, trial.number)

    def replace(self, stage: str, number: int, proposal: Proposal) -> Record:
        """Give a trial that runs and has told nothing yet another cell."""
        with self.together():
            for name, value in _of_proposal(proposal).items():
                self._trial(stage, number).set_user_attr(name, value)
        return self.record(stage, number)

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
        if report.checkpoint is not None:
            self._keep(self._checkpoints.path(number, report.step), report.checkpoint)
        # It may go on from before what an interruption left, and then says the same again.
        self._storage.set_trial_intermediate_value(self._id(stage, number), report.step, report.score)
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
        self._trial(SEARCH, number).set_user_attr(TURN, len(self._all(SEARCH)))
        return self.record(SEARCH, number)

    def checkpoint(self, record: Record) -> bytes | None:
        """What a trial goes on from; None where it begins."""
        path = self._checkpoints.path(record.number, record.checkpoint)
        return path.read_bytes() if record.checkpoint else None

    def _pause(self, stage: str, number: int, last: Report) -> None:
        trial = self._trials.pop((stage, number))
        del self._last[stage, number]
        with self.together():
            _note_result(trial, last)
            trial.set_user_attr(CHECKPOINT, last.step)
            trial.set_user_attr(TURN, 0)
        self._storage.afterwards(lambda: self._checkpoints.drop(number, keep=last.step))

    def _complete(self, stage: str, number: int) -> None:
        scores = self._all(stage)[number].intermediate_values.values()
        if not scores:
            self.fail(stage, number, "the evaluation reported nothing")
            return
        if stage == SEARCH:
            text = to_json(self.record(stage, number).cell, indent=1) + "\n"
            self._keep(self.path / "cells" / f"{number}.json", text.encode())
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
        with self.together():
            self._trial(stage, number).set_user_attr("reason", reason)
            self._trial(stage, number).set_user_attr("lasting", lasting)
            self._end(stage, number, TrialState.FAIL)

    def lose(self, stage: str, number: int, reason: str) -> int:
        """A machine failed the trial, which goes on from where it began; says how often that has happened."""
        self._last.pop((stage, number), None)
        lost = [*self._all(stage)[number].user_attrs.get("lost", ()), reason]
        self._trial(stage, number).set_user_attr("lost", lost)
        return len(lost)

    def _end(self, stage: str, number: int, state: TrialState, value: float | None = None) -> None:
        trial, last = self._trial(stage, number), self._last.pop((stage, number), None)
        del self._trials[stage, number]
        with self.together():
            if last is not None:
                _note_result(trial, last)
            self._study(stage).tell(trial, value, state)
        if stage == SEARCH:
            self._storage.afterwards(lambda: self._checkpoints.drop(number))

    def _trial(self, stage: str, number: int) -> Trial:
        """Optuna's handle of a trial that is running or paused."""
        if (stage, number) not in self._trials:
            self._trials[stage, number] = Trial(self._study(stage), self._id(stage, number))
        return self._trials[stage, number]

    def _id(self, stage: str, number: int) -> int:
        return self._all(stage)[number]._trial_id

    def _all(self, stage: str) -> list[FrozenTrial]:
        """The stage's trials."""
        return self._storage.trials(self._study(stage)._study_id)

    def _study(self, stage: str) -> optuna.Study:
        if stage not in self._studies:
            self._studies[stage] = self._storage.study(stage, self._direction)
        return self._studies[stage]

    def _requeue(self, stage: str) -> None:
        """Let go on what was running when the last writer ended; queue it again, where it had no checkpoint.

        Failures that may be mended too, each once, should this be interrupted as well.
        """
        study, trials = self._study(stage), [*self._all(stage)]
        queued = again(trials)
        fruitless = not any(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials)
        for trial in trials:
            running = trial.state is TrialState.RUNNING
            if running and stage == SEARCH and self._waits_again(trial):
                continue
            if trial.number not in queued and (running or may_be_mended(trial, fruitless)):
                notes: dict[str, Any] = {n: trial.user_attrs[n] for n in PROPOSED if n in trial.user_attrs}
                notes["again"] = trial.number
                study.enqueue_trial(trial.system_attrs.get("fixed_params", {}) | trial.params, user_attrs=notes)
            if running:
                self._storage.set_trial_user_attr(trial._trial_id, "reason", INTERRUPTED)
                study.tell(trial.number, state=TrialState.FAIL)
        self._repeated[stage] = again(self._all(stage))

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

    def _check_settings(self, settings: Mapping[str, Any], place: Place) -> None:
        study = self._study(SEARCH)
        wanted = {"schema": SCHEMA, "identity_version": IDENTITY_VERSION, **settings}
        known = study.user_attrs.get("settings")
        if known is None and not self._all(SEARCH):
            study.set_user_attr("settings", wanted)
            return
        known = of_our_schema(self.path, place, known)
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

    def _keep(self, path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise StudyError(not_written(self.path, error.strerror or str(error))) from error


def _of_proposal(proposal: Proposal) -> dict[str, Any]:
    """What the ledger keeps of a proposal."""
    cell = proposal.cell
    return {
        "name": cell.name,
        "cell": to_json(cell),
        "identity": identity(cell),
        "family": family(cell),
        "parents": list(proposal.parents),
        "edits": list(proposal.edits),
        "attempt": proposal.attempt,
    }


def _note_result(trial: Trial, last: Report) -> None:
    trial.set_user_attr("result", {name: getattr(last, name) for name in RESULT})


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
