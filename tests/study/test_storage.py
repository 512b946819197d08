"""Where a study's trials are: a database of others too, one writer, and what is said when it cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cellsearch.errors import StudyError
from cellsearch.study.folder import study_folders
from cellsearch.study.ledger import Ledger, read_records, read_settings
from cellsearch.study.ledger.lease import STALE
from cellsearch.study.record import SEARCH, Proposal
from tests.study.test_ledger import CELL, RANGES, SETTINGS, opened, paused, report, run_trial

BIN = Path("/usr/lib/postgresql/15/bin") if Path("/usr/lib/postgresql/15/bin").is_dir() else None


class Server:
    """A PostgreSQL server on the loopback, without a password."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.run("initdb", "-D", "data", "-U", "cellsearch", "--auth=trust", "--no-sync")
        self.start()
        self.address = f"postgresql://cellsearch@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def kill(self) -> None:
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def run(self, program: str, *arguments: str) -> None:
        assert BIN is not None
        user = {"user": "postgres"} if os.getuid() == 0 else {}  # it refuses to be root's
        subprocess.run([BIN / program, *arguments], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **user)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if BIN is None:
        pytest.skip("no PostgreSQL server on this machine")
    folder = Path(tempfile.mkdtemp(prefix="cs-postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    server = Server(folder)
    yield server
    server.kill()
    shutil.rmtree(folder)


def elsewhere(path: Path, server: Server, **changes: Any) -> Ledger:
    return Ledger(path, SETTINGS | {"lower_is_better": True} | changes, RANGES, storage=server.address)


@pytest.mark.slow
def test_postgresql_may_be_killed_and_restarted_in_the_middle(server: Server, tmp_path: Path) -> None:
    """One line within 10 s; what was told is there, and the same command continues."""
    path = tmp_path / "study"
    with pytest.raises(StudyError) as told, elsewhere(path, server) as ledger:
        run_trial(ledger)
        paused(ledger)
        ledger.resume(1)
        before = ledger.records(SEARCH)
        server.kill()
        begun = time.monotonic()
        run_trial(ledger)
    assert time.monotonic() - begun < 10
    assert str(told.value).startswith(f"study {path} cannot be written: ") and "\n" not in str(told.value)
    with pytest.raises(StudyError, match="cannot be written: connection failed"):
        elsewhere(path, server)
    server.start()
    with opened(path) as ledger:
        found = ledger.records(SEARCH)
        assert found[0] == before[0] and [each.state for each in found] == ["complete", "paused"]
        assert ledger.checkpoint(ledger.resume(1)) == b"half way"
        run_trial(ledger)
    assert len(read_records(path)) == 3


@pytest.mark.slow
def test_two_studies_share_a_database_and_are_found_by_their_folders(server: Server, tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 4)):
        with elsewhere(tmp_path / name, server, seed=seed) as ledger:
            run_trial(ledger)
            ledger.queue("final-a", Proposal(CELL), "fresh", seed=0)
    assert study_folders(tmp_path) == [tmp_path / "one", tmp_path / "two"]
    assert [read_settings(tmp_path / name)["seed"] for name in ("one", "two")] == [3, 4]
    assert len(read_records(tmp_path / "one")) == len(read_records(tmp_path / "two", "final-a")) == 1
    assert not (tmp_path / "one" / "study.db").exists()
    assert (tmp_path / "one" / "storage.json").stat().st_mode & 0o077 == 0, "an address may have a password"
    with pytest.raises(StudyError, match=r"has its trials in postgresql\+psycopg://.*; leave storage out, or name"):
        Ledger(tmp_path / "one", SETTINGS | {"lower_is_better": True}, RANGES, storage="postgresql://x:secret@y/z")


def test_an_address_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="storage 'nonsense' is no address of a database; write one as postgresql"):
        Ledger(tmp_path, SETTINGS | {"lower_is_better": True}, RANGES, storage="nonsense")
    opened(tmp_path).__exit__(None, None, None)


@pytest.mark.parametrize(("silent", "taken"), [(5.0, False), (STALE + 5, True)])
def test_a_writer_on_another_machine_is_waited_for_until_it_has_been_silent_for_long(
    silent: float, taken: bool, tmp_path: Path
) -> None:
    opened(tmp_path).__exit__(None, None, None)
    other = {"owner": "ann@elsewhere", "process": 17, "token": "abc", "beat": time.time() - silent}
    _writer(tmp_path, other)
    if taken:
        with opened(tmp_path) as ledger:
            run_trial(ledger)
        return
    with pytest.raises(StudyError, match=r"is being written by ann@elsewhere \(process 17\), heard of \d+ s ago; wait"):
        opened(tmp_path)


def test_a_writer_whose_lease_was_taken_over_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellsearch.study.ledger.lease.BEAT", 0.0)
    with pytest.raises(StudyError, match=r"was taken over by ann@elsewhere \(process 17\)"), opened(tmp_path) as ledger:
        ledger.beat()
        _writer(tmp_path, {"owner": "ann@elsewhere", "process": 17, "token": "abc", "beat": time.time()})
        ledger.beat()


def _writer(path: Path, other: dict[str, Any]) -> None:
    """Say that another writes a study."""
    with sqlite3.connect(path / "study.db") as database:
        database.execute("delete from study_system_attributes where key = 'writer'")
        database.execute(
            "insert into study_system_attributes (study_id, key, value_json) "
            "select study_id, 'writer', ? from studies where study_name = 'search'",
            [json.dumps(other)],
        )
    database.close()


def test_a_database_that_is_cut_off_is_one_clear_error_and_its_copy_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        run_trial(ledger)
    copy = (tmp_path / "study.db").read_bytes()
    with pytest.raises(StudyError) as told, opened(tmp_path) as ledger:
        os.truncate(tmp_path / "study.db", 5000)
        for _ in range(3):
            run_trial(ledger)
    assert str(told.value).startswith(f"study {tmp_path} cannot be written: database disk image is malformed; mend")
    with pytest.raises(StudyError, match=r"study\.db is no readable study: "):
        opened(tmp_path)
    (tmp_path / "study.db").write_bytes(copy)
    with opened(tmp_path) as ledger:
        run_trial(ledger)
    assert [each.state for each in read_records(tmp_path)] == ["complete", "complete"]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_disk_that_is_full_or_read_only_is_one_clear_error(how: str, tmp_path: Path) -> None:
    """A small disk in memory; the study goes on once it has room or may be written again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    try:
        with pytest.raises(StudyError) as told, opened(disk / "study") as ledger:
            run_trial(ledger)
            if how == "read-only":
                subprocess.run(["mount", "--bind", disk, disk], check=True)
                subprocess.run(["mount", "-o", "remount,ro,bind", disk], check=True)
            for number in range(1, 50):
                ledger.queue("final-a", Proposal(CELL), "fresh", seed=0)
                ledger.begin("final-a")
                ledger.report("final-a", number - 1, report(5, 1.0, weights=b"x" * 100_000))
        line = str(told.value)
        assert line.startswith(f"study {disk / 'study'} cannot be written: ") and "\n" not in line
        if how == "read-only":
            with pytest.raises(StudyError):
                opened(disk / "study")
            subprocess.run(["umount", disk], check=True)
        subprocess.run(["mount", "-o", "remount,size=5m", disk], check=True)
        with opened(disk / "study") as ledger:
            assert ledger.records(SEARCH)[0].state == "complete"
            run_trial(ledger)
    finally:
        while disk.is_mount():
            subprocess.run(["umount", "-l", disk], check=True)
