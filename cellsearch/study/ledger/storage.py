"""The storage: where a study's trials are written, each once, and kept in memory so that none is read again.

One process writes a study at a time. So what it wrote is known to it, Optuna's samplers look at the trials in memory,
and what belongs together is one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any, Final, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from cellsearch.errors import StudyError
from cellsearch.study.ledger.place import Place

__all__ = ["Storage", "not_written", "one_line", "open_database", "reason_of"]

NOT_WRITTEN: Final = ("disk is full", "readonly database", "disk I/O error", "unable to open", "connection", "server")
"""Parts of what databases say where they themselves are whole and cannot be written, or not be reached."""


class _Session(Session):
    """A session that keeps what is written until all of it that belongs together is there."""

    held = False
    broken = False

    def commit(self) -> None:
        """As ever, but not while it is held."""
        if self.broken:
            raise SQLAlchemyError("what was written together has been rolled back")
        if self.held:
            self.flush()
        else:
            super().commit()

    def rollback(self) -> None:
        """As ever; what follows of what belongs together is not written either, however often it is tried."""
        self.broken = self.held
        super().rollback()

    def close(self) -> None:
        """As ever, but not while it is held."""
        if not self.held:
            super().close()


class Storage(BaseStorage):
    """Optuna's storage of a study that this process alone writes: a database, with all trials in memory.

    Trials that were handed out do not change; a changed trial is another object. Names of Optuna's studies begin with
    the place's prefix.
    """

    def __init__(self, place: Place) -> None:
        self._prefix = place.prefix
        self._database = database = open_database(place, create=True)
        self._sessions: Any = scoped_session(sessionmaker(bind=database.engine, class_=_Session))
        database.scoped_session = self._sessions
        self._directions: dict[int, list[StudyDirection]] = {}
        self._trials: dict[int, list[FrozenTrial]] = {}
        self._places: dict[int, tuple[int, int]] = {}
        self._distributions: dict[tuple[int, str], BaseDistribution] = {}
        self._news: dict[int, set[int]] = {}
        self._afterwards: list[Callable[[], object]] = []

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written within is written in one transaction, or not at all."""
        session: Any = self._sessions()
        if session.held:
            yield
            return
        session.held = True
        try:
            yield
            session.held = False
            session.commit()
        except BaseException:
            self._afterwards.clear()
            session.rollback()
            raise
        finally:
            session.held = session.broken = False
            session.close()
        while self._afterwards:
            self._afterwards.pop(0)()

    def afterwards(self, action: Callable[[], object]) -> None:
        """Do something once all that was written so far is on disk."""
        if self._sessions().held:
            self._afterwards.append(action)
        else:
            action()

    def close(self) -> None:
        """Let go of the database."""
        with suppress(SQLAlchemyError):  # of a server that is gone
            self._database.remove_session()
        self._database.engine.dispose()

    @property
    def engine(self) -> Engine:
        """The connections to the database."""
        return self._database.engine

    def stages(self) -> list[str]:
        """The study's stages."""
        names = (study.study_name for study in self._database.get_all_studies())
        return [name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)]

    def study(self, stage: str, direction: Literal["minimize", "maximize"]) -> optuna.Study:
        """Optuna's study of a stage, a new one if there is none."""
        name = self._prefix + stage
        return optuna.create_study(storage=self, study_name=name, direction=direction, load_if_exists=True)

    def trials(self, study: int) -> list[FrozenTrial]:
        """The trials of one of Optuna's studies, in order; read once."""
        if study not in self._trials:
            self._trials[study] = self._database.get_all_trials(study)
            self._places.update({trial._trial_id: (study, trial.number) for trial in self._trials[study]})
        return self._trials[study]

    def news(self, study: int) -> set[int]:
        """The numbers of the trials that have changed since this was asked last."""
        return self._news.pop(study, set())

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        return self._database.create_new_study(directions, study_name)

    def delete_study(self, study_id: int) -> None:
        raise NotImplementedError  # nobody deletes one

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._database.set_study_user_attr(study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._database.set_study_system_attr(study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._database.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._database.get_study_name_from_id(study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        if study_id not in self._directions:
            self._directions[study_id] = self._database.get_study_directions(study_id)
        return self._directions[study_id]

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._database.get_study_user_attrs(study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._database.get_study_system_attrs(study_id)

    def get_all_studies(self) -> list[Any]:
        return self._database.get_all_studies()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trials = self.trials(study_id)
        trial = self._database.get_trial(self._database.create_new_trial(study_id, template_trial))
        assert trial.number == len(trials), "another process writes this study"
        trials.append(trial)
        self._places[trial._trial_id] = study_id, trial.number
        self._news.setdefault(study_id, set()).add(trial.number)
        return trial._trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        known = (self._places[trial_id][0], param_name)
        self._database._set_trial_param(
            trial_id, param_name, param_value_internal, distribution, self._distributions.get(known)
        )
        self._distributions[known] = distribution
        trial = self._changed(trial_id)
        trial.params = {**trial.params, param_name: distribution.to_external_repr(param_value_internal)}
        trial.distributions = {**trial.distributions, param_name: distribution}

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        done = self._database.set_trial_state_values(trial_id, state, values)
        study, number = self._places[trial_id]
        self._trials[study][number] = self._database.get_trial(trial_id)  # with the times that the database has
        self._news.setdefault(study, set()).add(number)
        return done

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._database.set_trial_intermediate_value(trial_id, step, intermediate_value)
        trial = self._changed(trial_id)
        trial.intermediate_values = {**trial.intermediate_values, step: intermediate_value}

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._database.set_trial_user_attr(trial_id, key, value)
        trial = self._changed(trial_id)
        trial.user_attrs = {**trial.user_attrs, key: value}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._database.set_trial_system_attr(trial_id, key, value)
        trial = self._changed(trial_id)
        trial.system_attrs = {**trial.system_attrs, key: value}

    def get_trial(self, trial_id: int) -> FrozenTrial:
        study, number = self._places[trial_id]
        trial = copy(self._trials[study][number])
        trial.params, trial.distributions = {**trial.params}, {**trial.distributions}  # Optuna's handle adds to them
        return trial

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [trial for trial in self.trials(study_id) if states is None or trial.state in states]

    def _changed(self, trial_id: int) -> FrozenTrial:
        """A trial to be changed, which takes the place of the one that others may hold."""
        study, number = self._places[trial_id]
        self._trials[study][number] = copy(self._trials[study][number])
        self._news.setdefault(study, set()).add(number)
        return self._trials[study][number]


def open_database(place: Place, create: bool) -> RDBStorage:
    """The database with a study's trials. Raises StudyError if its driver is not installed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return RDBStorage(place.address, engine_kwargs=place.options, skip_table_creation=not create)
    except ImportError as error:
        raise StudyError(
            f"the driver of {place.shown} is not installed ({error}); pip install 'cellsearch[postgresql]'"
        ) from None


@contextmanager
def one_line(path: Path, place: Place) -> Iterator[None]:
    """Turn what the storage raises into a StudyError."""
    try:
        yield
    except (SQLAlchemyError, OptunaError, RuntimeError) as error:
        reason = reason_of(error)
        if any(part in reason for part in NOT_WRITTEN):
            raise StudyError(not_written(path, reason)) from error
        raise StudyError(f"study {path}: {place.shown} is no readable study: {reason}") from None


def not_written(path: Path, reason: str) -> str:
    """What is said where a study cannot be written."""
    return f"study {path} cannot be written: {reason}; mend that, and the same command continues it"


def reason_of(error: BaseException) -> str:
    """An error of the database in one line."""
    lines = str(error.__cause__ or error).splitlines() or [type(error).__name__]
    return re.sub(r"^\([\w.]+\) ", "", lines[0])
