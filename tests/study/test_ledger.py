"""The ledger: what is told is on disk, one process writes, and an interruption loses no trial."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy import Engine, event

from cellsearch.cell import from_equations, identity, load
from cellsearch.errors import StudyError
from cellsearch.study.folder import study_folders, weights_path
from cellsearch.study.ledger import STARTUP, Ledger, read_records, read_study
from cellsearch.study.record import SEARCH, Proposal, Record, alive
from cellsearch.training import Range, Report
from tests.helpers.project import ROOT

CELL = from_equations("elman", "h_next = tanh(linear(x, h))", states=["h"], output="h_next")
SETTINGS: dict[str, Any] = {"seed": 3, "steps": 10, "task": "adding"}
RATE = {"learning_rate": 0.02}
RANGES = {
    "learning_rate": Range(1e-3, 1e-1, log=True, first=1e-2),
    "dropout": Range(0.0, 0.5, log=False, first=0.0),
}


def opened(path: Path, seed: int = 3, lower_is_better: bool = True, **changes: Any) -> Ledger:
    return Ledger(path, SETTINGS | {"seed": seed, "lower_is_better": lower_is_better} | changes, RANGES)


def run_trial(ledger: Ledger, score: float = 1.0, stage: str = SEARCH, role: str = "candidate") -> int:
    """One trial with one report, complete."""
    ledger.queue(stage, Proposal(CELL, (0,), ("some edit",)), role, seed=7)
    number = ledger.begin(stage).number
    ledger.report(stage, number, report(10, score))
    ledger.finish(stage, number)
    return number


def report(step: int, score: float, **more: Any) -> Report:
    return Report(step, score, seconds=1.5, hidden_size=8, parameters=99, **more)


def test_what_is_told_is_there_after_opening_it_again(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.queue(SEARCH, Proposal(CELL, (4, 2), ("first", "second")), "candidate", seed=7)
        record = ledger.begin(SEARCH)
        ledger.report(SEARCH, 0, report(5, 2.0))
        ledger.report(SEARCH, 0, report(10, 1.0, test=1.25))
        ledger.finish(SEARCH, 0)
        written = ledger.records(SEARCH)
    with opened(tmp_path) as ledger:
        assert ledger.records(SEARCH) == written == read_records(tmp_path)
    (found,) = written
    assert found.began is not None and found.ended is not None and found.ended >= found.began
    expected = replace(
        record,
        state="complete",
        scores={5: 2.0, 10: 1.0},
        score=1.0,
        hidden_size=8,
        parameters=99,
        seconds=1.5,
        test=1.25,
        ended=found.ended,
    )
    assert found == expected
    assert (found.cell, found.identity, found.seed) == (CELL, identity(CELL), 7)
    assert (found.parents, found.edits, found.role) == ((4, 2), ("first", "second"), "candidate")
    assert load(tmp_path / "cells" / "0.json") == CELL


def test_every_way_to_end_is_kept_with_its_reason(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        for _ in range(4):
            ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=0)
            ledger.begin(SEARCH)
        ledger.report(SEARCH, 1, report(5, 2.0))
        ledger.finish(SEARCH, 0)
        ledger.prune(SEARCH, 1)
        ledger.fail(SEARCH, 2, "timed out after 1 s")
        ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=0)
        records = ledger.records(SEARCH)
    assert [r.state for r in records] == ["failed", "pruned", "failed", "running", "waiting"]
    assert [r.reason for r in records] == ["the evaluation reported nothing", "", "timed out after 1 s", "", ""]
    assert (records[1].score, records[1].scores, records[1].hidden_size) == (None, {5: 2.0}, 8)
    assert records[4].hyperparameters == {}


def test_weights_are_kept_where_weights_path_says(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.queue("final-a", Proposal(CELL), "fresh", seed=0)
        ledger.begin("final-a")
        ledger.report("final-a", 0, report(10, 1.0, weights=b"numbers"))
    assert weights_path(tmp_path, "final-a", 0).read_bytes() == b"numbers"


def paused(ledger: Ledger, steps: int = 5, score: float = 2.0) -> int:
    """A candidate that pauses after so many steps."""
    ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=7)
    number = ledger.begin(SEARCH).number
    ledger.report(SEARCH, number, report(steps - 1, score + 1))
    ledger.report(SEARCH, number, report(steps, score, checkpoint=b"half way"))
    ledger.finish(SEARCH, number)
    return number


def checkpoints(path: Path) -> list[str]:
    return sorted(file.name for file in path.glob("checkpoints/*"))


def test_a_trial_that_pauses_goes_on_from_its_checkpoint_in_any_process(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        paused(ledger)
        (before,) = ledger.records(SEARCH)
    assert (before.state, before.checkpoint, before.reached, before.score) == ("paused", 5, 5, None)
    assert (before.hidden_size, before.scores, checkpoints(tmp_path)) == (8, {4: 3.0, 5: 2.0}, ["0-5.safetensors"])
    with opened(tmp_path) as ledger:
        assert ledger.records(SEARCH) == [before]
        record = ledger.resume(0)
        assert (record.state, ledger.checkpoint(record)) == ("running", b"half way")
        ledger.report(SEARCH, 0, report(7, 1.5, checkpoint=b"further"))
        ledger.finish(SEARCH, 0)
        assert checkpoints(tmp_path) == ["0-7.safetensors"]
        assert ledger.checkpoint(ledger.resume(0)) == b"further"
        ledger.report(SEARCH, 0, report(10, 1.0))
        ledger.finish(SEARCH, 0)
    (after,) = read_records(tmp_path)
    assert (after.state, after.score, after.hyperparameters) == ("complete", 1.0, before.hyperparameters)
    assert checkpoints(tmp_path) == []


@pytest.mark.parametrize("how", ["prune", "fail"])
def test_a_paused_trial_may_be_given_up_or_fail_later(how: str, tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        number = paused(ledger)
    with opened(tmp_path) as ledger:
        if how == "fail":
            ledger.resume(number)
            ledger.fail(SEARCH, number, "the loss is nan at step 6", lasting=True)
        else:
            ledger.prune(SEARCH, number)
        (record,) = ledger.records(SEARCH)
    assert record.state == {"prune": "pruned", "fail": "failed"}[how] and checkpoints(tmp_path) == []


def test_a_trial_whose_driver_is_killed_after_a_rung_waits_there_again(tmp_path: Path) -> None:
    """Whether the kill comes before its pause is noted, when it goes on, or between two reports after that."""
    resume = "ledger.resume(2)"
    ways = {
        "before its pause is noted": ("", {4: 3.0, 5: 2.0}),
        "when it goes on": (f"ledger.finish(SEARCH, 2); {resume}", {4: 3.0, 5: 2.0}),
        "later": (f"ledger.finish(SEARCH, 2); {resume}; ledger.report(SEARCH, 2, report(6, 9.0))", {4: 3, 5: 2, 6: 9}),
    }
    for what, (code, scores) in ways.items():
        path = tmp_path / what
        begin = """ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=7); ledger.begin(SEARCH)
    ledger.report(SEARCH, 2, report(4, 3.0)); ledger.report(SEARCH, 2, report(5, 2.0, checkpoint=b"half way"))"""
        with other_process(path, f"{begin}\n    {code}\n    print('there', flush=True); input()") as other:
            assert other.stdout is not None and other.stdout.readline() == "there\n"
            other.kill()
        with opened(path) as ledger:
            record = ledger.records(SEARCH)[2]
            assert (record.state, record.reached, record.scores) == ("paused", 5, scores), what
            assert ledger.checkpoint(ledger.resume(2)) == b"half way"
            ledger.report(SEARCH, 2, report(6, 9.0))
            ledger.report(SEARCH, 2, report(10, 1.0))
            ledger.finish(SEARCH, 2)
        assert read_records(path)[2].scores == {4: 3.0, 5: 2.0, 6: 9.0, 10: 1.0}


def test_a_checkpoint_whose_rung_was_not_reported_yet_is_not_gone_on_from(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        paused(ledger)
        ledger.resume(0)
    (tmp_path / "checkpoints" / "0-8.safetensors").write_bytes(b"its report was lost")
    with opened(tmp_path) as ledger:
        assert ledger.records(SEARCH)[0].reached == 5 and ledger.checkpoint(ledger.resume(0)) == b"half way"
    assert checkpoints(tmp_path) == ["0-5.safetensors"]


def test_the_writer_sees_its_own_changes_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        assert not ledger.waiting(SEARCH) and ledger.records(SEARCH) == []
        ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=0)
        assert ledger.waiting(SEARCH) and ledger.records(SEARCH)[0].state == "waiting"
        ledger.begin(SEARCH)
        assert not ledger.waiting(SEARCH) and ledger.records(SEARCH)[0].state == "running"
        ledger.report(SEARCH, 0, report(5, 2.0))
        assert ledger.records(SEARCH)[0].scores == {5: 2.0}
        ledger.prune(SEARCH, 0)
        assert ledger.records(SEARCH)[0].state == "pruned"


def test_a_second_ledger_of_the_same_process_is_refused_until_the_first_is_closed(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StudyError, match="is being written by another process; wait for it"):
        opened(tmp_path)
    opened(tmp_path).__exit__(None, None, None)


def test_a_second_process_is_refused_in_one_line_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with other_process(tmp_path, "input()") as other:
        with pytest.raises(StudyError) as error, monkeypatch.context() as impatient:
            impatient.setattr(time, "sleep", lambda seconds: pytest.fail(f"it waits for {seconds} s"))
            opened(tmp_path)
        message = f"study {tmp_path} is being written by another process; wait for it or name another"
        assert str(error.value) == message
        assert len(read_records(tmp_path)) == 2, "anyone may read"
        other.kill()
    opened(tmp_path).__exit__(None, None, None)


@pytest.mark.slow
def test_a_study_can_be_read_while_another_process_writes_it(tmp_path: Path) -> None:
    with other_process(tmp_path, "for _ in range(20): run_trial(ledger)") as other:
        counts = []
        while other.poll() is None:
            counts.append(sum(r.state == "complete" for r in read_records(tmp_path)))
        assert other.wait() == 0
    assert counts == sorted(counts) and counts[0] < 21
    assert sum(r.state == "complete" for r in read_records(tmp_path)) == 21


def other_process(path: Path, code: str) -> subprocess.Popen[str]:
    """A process that has opened the ledger, run a trial and begun another, and then runs the code."""
    program = f"""
from pathlib import Path
from tests.study.test_ledger import CELL, SEARCH, Proposal, opened, report, run_trial
with opened(Path({str(path)!r})) as ledger:
    run_trial(ledger)
    ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=11)
    ledger.begin(SEARCH)
    ledger.report(SEARCH, 1, report(5, 2.0))
    print("ready", flush=True)
    {code}
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_what_was_running_when_the_writer_was_killed_is_queued_again(tmp_path: Path) -> None:
    with other_process(tmp_path, "input()") as other:
        before = read_records(tmp_path)
        other.kill()
    assert [r.state for r in before] == ["complete", "running"]
    with opened(tmp_path) as ledger:
        records = ledger.records(SEARCH)
        assert [r.state for r in records] == ["complete", "interrupted", "waiting"]
        assert records[0] == before[0]
        again = ledger.begin(SEARCH)
    assert _intended(again) == _intended(before[1])
    assert (again.number, again.scores, again.reason) == (2, {}, "")


def test_an_interruption_of_the_requeueing_itself_queues_nothing_twice(tmp_path: Path) -> None:
    for _ in range(3):
        ledger = opened(tmp_path)
        ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=0, hyperparameters=RATE)
        ledger.begin(SEARCH)
        ledger.__exit__(None, None, None)
    with opened(tmp_path) as ledger:
        before = ledger.records(SEARCH)
    with sqlite3.connect(tmp_path / "study.db") as database:  # as if it had been killed before the trials were told
        database.execute("update trials set state = 'RUNNING' where state = 'FAIL'")
    database.close()
    with opened(tmp_path) as ledger:
        after = ledger.records(SEARCH)
        assert after == [replace(old, ended=new.ended) for old, new in zip(before, after, strict=True)]
        rates = [ledger.begin(SEARCH).hyperparameters["learning_rate"] for _ in range(3)]
    assert rates == [0.02] * 3


def test_a_failure_that_may_be_mended_is_tried_again_and_keeps_its_reason(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        run_trial(ledger)
        for role, reason, lasting in (
            ("candidate", "OSError: No space left on device", False),
            ("candidate", "the loss is nan at step 1", True),
            ("baseline", "the loss is nan at step 2", True),
        ):
            ledger.queue(SEARCH, Proposal(CELL, (0,), ("some edit",)), role, seed=7)
            ledger.fail(SEARCH, ledger.begin(SEARCH).number, reason, lasting=lasting)
        failed = ledger.records(SEARCH)
    for _ in range(2):  # once, however often the study is opened before it goes on
        with opened(tmp_path) as ledger:
            records = ledger.records(SEARCH)
            assert [r.state for r in records] == ["complete", "repeated", "failed", "repeated", "waiting", "waiting"]
    assert [r.reason for r in records] == [r.reason for r in failed] + ["", ""]
    assert [r.number for r in alive(records)] == [0, 2, 4, 5]
    with opened(tmp_path) as ledger:
        for old in (1, 3):
            again = ledger.begin(SEARCH)
            intended = replace(_intended(failed[old]), reason="", ended=None, seconds=None, parameters=None)
            assert _intended(again) == intended, "with the same hyperparameters too"


def test_where_no_trial_came_to_its_end_all_are_tried_again(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        for stage in (SEARCH, "final-a"):
            ledger.queue(stage, Proposal(CELL), "fresh", seed=7)
            ledger.fail(stage, ledger.begin(stage).number, "timed out after 600 s", lasting=True)
    for stage in (SEARCH, "final-a"):
        with opened(tmp_path) as ledger:
            assert [r.state for r in ledger.records(stage)] == ["repeated", "waiting"]


def test_a_fixed_rate_outlives_an_interruption_before_it_was_drawn(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.queue(SEARCH, Proposal(CELL), "baseline", seed=0, hyperparameters=RATE)
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("update trials set state = 'RUNNING'")
    database.close()
    with opened(tmp_path) as ledger:
        assert ledger.begin(SEARCH).hyperparameters["learning_rate"] == 0.02


def test_the_first_draws_of_a_final_are_the_same_whichever_training_ends_first(tmp_path: Path) -> None:
    """The rates that were tried before are no draws, and however many there are, two begin side by side."""
    drawn = []
    for order in ("one after the other", "side by side"):
        with opened(tmp_path / order) as ledger:
            for score in range(STARTUP + 1):
                ledger.queue("final-a", Proposal(CELL), "rate", seed=7, hyperparameters=RATE | {"dropout": 0.0})
                _end(ledger, ledger.begin("final-a").number, float(score))
            ledger.queue("final-a", Proposal(CELL), "tuning", seed=7)
            first = ledger.begin("final-a")
            if order == "one after the other":
                _end(ledger, first.number, -1.0)
            ledger.queue("final-a", Proposal(CELL), "tuning", seed=7)
            drawn.append((first.hyperparameters, ledger.begin("final-a").hyperparameters))
    assert drawn[0] == drawn[1] and drawn[0][0] != drawn[0][1]


def _end(ledger: Ledger, number: int, score: float) -> None:
    ledger.report("final-a", number, report(10, score))
    ledger.finish("final-a", number)


@pytest.mark.parametrize("trials", [2, pytest.param(14, marks=pytest.mark.slow, id="with a model of what was seen")])
def test_draws_depend_on_the_seed_and_not_on_the_process_or_interruptions(trials: int, tmp_path: Path) -> None:
    def draws(path: Path, seed: int, restart: Callable[[int], bool]) -> list[tuple[float, ...]]:
        ledger = opened(path, seed)
        for i in range(trials):
            run_trial(ledger, score=1 / (1 + i))
            if restart(i):
                ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=0)
                ledger.begin(SEARCH)
                ledger.__exit__(None, None, None)
                ledger = opened(path, seed)
                number = ledger.begin(SEARCH).number
            else:
                ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=0)
                number = ledger.begin(SEARCH).number
            ledger.report(SEARCH, number, report(10, 0.5))
            ledger.finish(SEARCH, number)
        ledger.__exit__(None, None, None)
        found = [r.hyperparameters for r in read_records(path) if r.state == "complete"]
        return [tuple(each[name] for name in RANGES) for each in found]

    at_once = draws(tmp_path / "a", 3, lambda i: False)
    assert draws(tmp_path / "b", 3, lambda i: i % 4 == 0) == at_once
    assert draws(tmp_path / "c", 4, lambda i: False) != at_once
    assert len(set(at_once)) == len(at_once)
    for draw in at_once:
        assert all(each.low <= value <= each.high for value, each in zip(draw, RANGES.values(), strict=True))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 4}, "seed 3, now 4"),
        ({"steps": 11}, "steps 10, now 11"),
        ({"task": "chars"}, "task 'adding', now 'chars'"),
        ({"seeds": ["x" * 100]}, f"seeds not given, now ['{'x' * 58}...; continue"),
    ],
)
def test_settings_that_differ_are_one_clear_error(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    opened(tmp_path).__exit__(None, None, None)
    with pytest.raises(StudyError, match=f"was begun with {re.escape(named)}"):
        opened(tmp_path, **change)
    opened(tmp_path).__exit__(None, None, None)


def _text(path: Path) -> None:
    (path / "study.db").write_text("this is no database\n" * 100)


def _other_tables(path: Path) -> None:
    with sqlite3.connect(path / "study.db") as database:
        database.execute("create table version_info (something integer)")
    database.close()


def _newer_optuna(path: Path) -> None:
    opened(path).__exit__(None, None, None)
    with sqlite3.connect(path / "study.db") as database:
        database.execute("update alembic_version set version_num = 'v99'")
    database.close()


def _other_schema(path: Path) -> None:
    opened(path).__exit__(None, None, None)
    with sqlite3.connect(path / "study.db") as database:
        database.execute("""update study_user_attributes set value_json = replace(value_json, 'study/4', 'study/3')""")
    database.close()


def _study_of_optuna(path: Path) -> None:
    storage = optuna.storages.RDBStorage(f"sqlite:///{path / 'study.db'}")
    study = optuna.create_study(storage=storage, study_name=SEARCH)
    study.tell(study.ask(), 1.0)
    storage.remove_session()
    storage.engine.dispose()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_text, "study.db is no readable study: .*file is not a database"),
        (_other_tables, "study.db is no readable study: .*version_info"),
        (_newer_optuna, "study.db is no readable study: The runtime optuna version .* no longer compatible"),
        (
            _other_schema,
            "study.db has schema 'cellsearch.study/3'; this version reads 'cellsearch.study/4'; begin another",
        ),
        (_study_of_optuna, "study.db has schema None; this version reads 'cellsearch.study/4'; begin another"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_database_that_is_no_study_of_ours_is_one_clear_error(
    spoil: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    spoil(tmp_path)
    for use in (opened, read_study):
        with pytest.raises(StudyError, match=f"^study {re.escape(str(tmp_path))}: {reason}") as error:
            use(tmp_path)
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(("place", "reason"), [("file", "File exists"), ("file/sub", "Not a directory")])
def test_a_folder_that_cannot_be_written_is_one_clear_error(place: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=f"^study .*: {reason}; name a folder that can be written$"):
        opened(tmp_path / place)


def test_a_folder_without_room_is_one_clear_error_and_the_study_goes_on_when_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own limit of pages is that of a full disk: it raises the same."""
    path = tmp_path / "study"
    limited = event.listens_for(Engine, "connect")(
        lambda connection, _: connection.execute("pragma max_page_count = 80")
    )
    try:
        with pytest.raises(StudyError) as raised, opened(path) as ledger:
            run_trial(ledger)
            while True:
                ledger.queue(SEARCH, Proposal(CELL, (), ("x" * 100_000,)), "candidate", seed=0)
    finally:
        event.remove(Engine, "connect", limited)
    reason = "database or disk is full; mend that, and the same command continues it"
    assert str(raised.value) == f"study {path} cannot be written: {reason}"
    done = [record for record in read_records(path) if record.state == "complete"]
    with opened(path) as ledger:
        run_trial(ledger)
    assert done and sum(r.state == "complete" for r in read_records(path)) > len(done)


def test_weights_without_room_are_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    message = f"study {tmp_path} cannot be written: No space left on device; mend that"
    with pytest.raises(StudyError, match=message), opened(tmp_path) as ledger:
        ledger.queue(SEARCH, Proposal(CELL), "candidate", seed=0)
        ledger.begin(SEARCH)
        ledger.report(SEARCH, 0, report(5, 2.0, weights=b"numbers"))


def test_any_path_can_be_a_study(tmp_path: Path) -> None:
    path = tmp_path / "a b?c=d&e#f%20g'ü"
    with opened(path) as ledger:
        run_trial(ledger)
    assert len(read_records(path)) == 1
    assert study_folders(tmp_path) == [path]


def test_reading_where_no_study_is_says_how_to_begin_one(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=f"no study in {tmp_path}; begin one with: cellsearch search --study"):
        read_study(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _intended(record: Record) -> Record:
    """What a trial was meant to be."""
    return replace(record, number=0, scores={}, began=None, ended=None, state="running", hidden_size=None)
