"""Reading: a study's settings and trials, by anyone, while another process may write them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from optuna.storages import RDBStorage

from cellsearch.cell.untrusted import short
from cellsearch.errors import StudyError
from cellsearch.recurrence.custom import declare
from cellsearch.study.folder import is_study
from cellsearch.study.ledger.place import Place, place_of
from cellsearch.study.ledger.storage import one_line, open_database
from cellsearch.study.ledger.trials import again, record_of
from cellsearch.study.record import SEARCH, Record

__all__ = ["OPERATIONS", "SCHEMA", "of_our_schema", "read_records", "read_settings", "read_study"]

SCHEMA: Final = "cellsearch.study/4"

OPERATIONS: Final = "operations"
"""The setting with the operations of the cells that are no rows of ours, and how many operands each takes."""


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
        stage: [record_of(stage, trial, repeated) for trial in each]
        for stage, each in trials.items()
        for repeated in [again(each)]
    }


def of_our_schema(path: Path, place: Place, settings: Any) -> dict[str, Any]:
    if not isinstance(settings, dict) or settings.get("schema") != SCHEMA:
        schema = settings.get("schema") if isinstance(settings, dict) else None
        raise StudyError(
            f"study {path}: {place.shown} has schema {short(schema)}; this version reads {SCHEMA!r}; begin another"
        )
    return settings


@contextmanager
def _opened(path: Path) -> Iterator[tuple[RDBStorage, dict[str, Any], dict[str, int]]]:
    """The storage to read, the study's settings, and the number of each stage in the storage."""
    if not is_study(path):
        raise StudyError(f"no study in {path}; begin one with: cellsearch search --study {path}")
    place = place_of(path)
    with one_line(path, place):
        storage = open_database(place, create=False)
        try:
            studies = {
                study.study_name.removeprefix(place.prefix): study
                for study in storage.get_all_studies()
                if study.study_name.startswith(place.prefix)
            }
            settings = studies[SEARCH].user_attrs.get("settings") if SEARCH in studies else None
            yield (
                storage,
                of_our_schema(path, place, settings),
                {name: each._study_id for name, each in studies.items()},
            )
        finally:
            storage.remove_session()
            storage.engine.dispose()
