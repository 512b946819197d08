"""The lease: one process at a time writes a study, also where several machines see its trials.

Who writes says so beside the trials, with a heartbeat. Whoever comes finds its name there, and takes the lease over
once it has been silent for long, or is known to be dead: on the same machine at once.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from cellsearch.errors import StudyError

__all__ = ["Lease"]

BEAT: Final = 10.0
"""Seconds between two heartbeats."""

STALE: Final = 60.0
"""Seconds of silence after which a lease may be taken over."""

KEY: Final = "writer"

READ: Final = text("select value_json from study_system_attributes where study_id = :study and key = :key")
INSERT: Final = text("insert into study_system_attributes (study_id, key, value_json) values (:study, :key, :new)")
UPDATE: Final = text(
    "update study_system_attributes set value_json = :new where study_id = :study and key = :key and value_json = :old"
)
DELETE: Final = text("delete from study_system_attributes where study_id = :study and key = :key and value_json = :old")


class Lease:
    """The right to write a study, whose number in the database is `study`. Raises StudyError if another has it."""

    def __init__(self, path: Path, engine: Engine, study: int) -> None:
        self._path, self._engine, self._study = path, engine, study
        self._me = {"owner": f"{_user()}@{socket.gethostname()}", "process": os.getpid(), "token": uuid4().hex}
        self._own = self._text()
        held = self._read()
        if held and not _is_over(json.loads(held)):
            raise StudyError(f"study {path} is being written by {_words(held)}; wait for it or name another")
        if not self._put(held):
            raise StudyError(f"study {path} is being written by another process; wait for it or name another")
        self._beat = time.monotonic()

    def beat(self) -> None:
        """Say that this process is there, if that is due. Raises StudyError if another has taken the lease over."""
        if time.monotonic() - self._beat < BEAT:
            return
        before, self._own = self._own, self._text()
        if not self._put(before):
            raise StudyError(
                f"study {self._path} was taken over by {_words(self._read())}, for this process was silent for more "
                f"than {STALE:g} s; let one of them go on"
            )
        self._beat = time.monotonic()

    def release(self) -> None:
        """Let others write."""
        with suppress(SQLAlchemyError), self._engine.begin() as connection:  # it may be gone, and then goes stale
            connection.execute(DELETE, {"study": self._study, "key": KEY, "old": self._own})

    def _text(self) -> str:
        return json.dumps({**self._me, "beat": time.time()})

    def _read(self) -> str | None:
        with self._engine.connect() as connection:
            found: str | None = connection.execute(READ, {"study": self._study, "key": KEY}).scalar()
            return found

    def _put(self, before: str | None) -> bool:
        """Whether what stood there is replaced by what is our own: of two that try, one alone does."""
        values = {"study": self._study, "key": KEY, "new": self._own}
        try:
            with self._engine.begin() as connection:
                if before is None:
                    connection.execute(INSERT, values)
                    return True
                return connection.execute(UPDATE, {**values, "old": before}).rowcount == 1
        except IntegrityError:
            return False


def _is_over(held: dict[str, Any]) -> bool:
    """Whether nobody has the lease any more."""
    if time.time() - held["beat"] > STALE:
        return True
    if held["owner"].rpartition("@")[2] != socket.gethostname():
        return False
    try:
        os.kill(held["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(held["process"] == os.getpid())  # of a ledger of this process that was never closed


def _words(held: str | None) -> str:
    if held is None:
        return "another process"
    found = json.loads(held)
    return f"{found['owner']} (process {found['process']}), heard of {time.time() - found['beat']:.0f} s ago"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return str(os.getuid())
