"""The place of a study's trials: an SQLite file in its folder, or a database that others look at too."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from cellsearch.errors import StudyError
from cellsearch.study.folder import DATABASE, STORAGE

__all__ = ["Place", "choose_place", "place_of"]

LOCK_SECONDS: Final = 60.0
"""Seconds that a writer of an SQLite file waits for those who read, and they for it."""

CONNECT_SECONDS: Final = 5
SILENT_SECONDS: Final = 8
"""Seconds in which a server must answer at first, and may be silent later."""


@dataclass(frozen=True)
class Place:
    """A database by its address, and what the names of the study's stages begin with there."""

    address: str
    prefix: str = ""

    @property
    def shown(self) -> str:
        """What people are told of it: no password."""
        url = make_url(self.address)
        return DATABASE if url.drivername == "sqlite" and not self.prefix else url.render_as_string(hide_password=True)

    @property
    def options(self) -> dict[str, Any]:
        """How to connect to it, so that a server that is gone is found out within seconds."""
        kind = make_url(self.address).get_backend_name()
        if kind == "sqlite":
            return {"connect_args": {"timeout": LOCK_SECONDS}}
        if kind == "postgresql":
            silent = {"tcp_user_timeout": 1000 * SILENT_SECONDS, "keepalives_idle": SILENT_SECONDS}
            return {"connect_args": {"connect_timeout": CONNECT_SECONDS, **silent}}
        return {}


def place_of(path: Path) -> Place:
    """Where the study in a folder has its trials. Raises StudyError if its file does not say it."""
    file = path / STORAGE
    if not file.is_file():
        return Place(URL.create("sqlite", database=str((path / DATABASE).resolve())).render_as_string())
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Place(str(found["address"]), str(found["prefix"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"study {path}: {STORAGE} cannot be read: {error}; restore it from where it was") from None


def choose_place(path: Path, storage: str) -> Place:
    """Where the study in a folder has its trials, from now on at that address if it is a new one.

    Raises StudyError if the address is none, or the study has its trials elsewhere.
    """
    if not storage:
        return place_of(path)
    try:
        address = _with_driver(storage)
    except ArgumentError:
        raise StudyError(
            f"storage {storage!r} is no address of a database; write one as postgresql://USER@HOST/DATABASE"
        ) from None
    if (path / STORAGE).is_file() or (path / DATABASE).is_file():
        place = place_of(path)
        if place.address != address:
            raise StudyError(f"study {path} has its trials in {place.shown}; leave storage out, or name another study")
        return place
    place = Place(address, f"{path.resolve().name}-{uuid4().hex[:8]}/")
    # Addresses may have a password.
    with open(os.open(path / STORAGE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        json.dump({"address": place.address, "prefix": place.prefix}, stream)
    return place


def _with_driver(storage: str) -> str:
    """The address, of PostgreSQL with the driver that cellsearch brings."""
    url = make_url(storage)
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)
