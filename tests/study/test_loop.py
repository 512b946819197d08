"""The loop with several workers: in order, a search does not depend on which of them is quick."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import pytest

from cellsearch.study.callback import Callback
from cellsearch.study.ledger import Ledger, read_records
from cellsearch.study.loop import Begun, Loop
from cellsearch.study.record import SEARCH, Proposal, Record, State
from cellsearch.testing.strategy import SEEDS
from cellsearch.training import Evaluation, Range, Report
from cellsearch.workers import Event, Failed, Finished, Lost, Refused, Reported

SETTINGS: dict[str, Any] = {"seed": 3, "steps": 10, "task": "adding", "lower_is_better": True}
RANGES = {"learning_rate": Range(1e-3, 1e-1, log=True, first=1e-2)}


class Moods:
    """A pool whose jobs say what they say in an order that is drawn: each two reports and its end, job 5 a failure."""

    size = 3

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.left: dict[int, list[Event]] = {}

    def submit(self, job: int, evaluation: Evaluation) -> None:
        reports: list[Event] = [Reported(job, Report(step, job + 1 / step, 0.1, 8, 100)) for step in (5, 10)]
        self.left[job] = [reports[0], Failed(job, "it broke")] if job == 5 else [*reports, Finished(job)]

    def wait(self, timeout: float) -> Sequence[Event]:
        told: list[Event] = []
        for _ in range(self.random.randint(1, 4)):
            busy = [job for job, events in self.left.items() if events]
            if busy:
                told.append(self.left[self.random.choice(busy)].pop(0))
        return told

    def cancel(self, job: int) -> None:
        raise AssertionError(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def searched(path: Path, seed: int, in_order: bool) -> list[tuple[int, ...]]:
    """What was known to have ended whenever a trial was begun."""
    known: list[tuple[int, ...]] = []
    with Ledger(path, SETTINGS, RANGES) as ledger:

        def next_trial() -> Begun | None:
            records = ledger.records(SEARCH)
            if len(records) == 12:
                return None
            known.append(tuple(r.number for r in records if r.state in ("complete", "failed")))
            ledger.queue(SEARCH, Proposal(SEEDS[0]), "candidate", seed=0, hyperparameters={"learning_rate": 0.01})
            return SEARCH, ledger.begin(SEARCH)

        Loop(Moods(seed), ledger, _evaluation, lambda running: None, in_order).run(next_trial)
        ended: list[Record] = ledger.records(SEARCH)
    assert [r.state for r in ended] == ["failed" if r.number == 5 else "complete" for r in ended]
    return known


def _evaluation(stage: str, record: Record) -> Any:
    return None


def test_in_order_what_is_known_at_each_beginning_is_the_same_whoever_is_quick(tmp_path: Path) -> None:
    found = {tuple(searched(tmp_path / str(seed), seed, in_order=True)) for seed in range(8)}
    (known,) = found
    assert known == tuple(tuple(range(max(0, number - 3))) for number in range(12))


def test_otherwise_it_depends_on_them(tmp_path: Path) -> None:
    assert len({tuple(searched(tmp_path / str(seed), seed, in_order=False)) for seed in range(3)}) > 1


@pytest.mark.parametrize("in_order", [True, False])
def test_every_trial_comes_to_its_end(in_order: bool, tmp_path: Path) -> None:
    assert len(searched(tmp_path, 100, in_order)) == 12


class Told(Moods):
    """A pool of one worker whose jobs end as they are told, one after the other, after a report of their number."""

    size = 1

    def __init__(self, ends: Sequence[type[Refused | Lost | Finished]]) -> None:
        super().__init__(0)
        self.ends = [*ends]

    def submit(self, job: int, evaluation: Evaluation) -> None:
        kind = self.ends.pop(0)
        report = Reported(job, Report(5, float(job), 0.1, 8, 100))
        self.left[job] = [Refused(job, "deaf")] if kind is Refused else [report, _end(kind, job)]


def _end(kind: type[Event], job: int) -> Event:
    return Lost(job, "its node died", "last words") if kind is Lost else Finished(job)


def one_trial(path: Path, *ends: type[Refused | Lost | Finished]) -> tuple[Record, list[str]]:
    """A trial whose jobs end like that, and the cells that took the place of a refused one."""
    others = [Proposal(SEEDS[0].renamed(name), attempt=i) for i, name in enumerate(("second", "third"), start=1)]
    with Ledger(path, SETTINGS, RANGES) as ledger:

        def begin() -> Begun | None:
            if ledger.records(SEARCH):
                return None
            ledger.queue(SEARCH, Proposal(SEEDS[0]), "candidate", seed=0, hyperparameters={"learning_rate": 0.01})
            return SEARCH, ledger.begin(SEARCH)

        def replace(record: Record) -> Record | None:
            return ledger.replace(SEARCH, record.number, others.pop(0)) if others else None

        Loop(Told(ends), ledger, _evaluation, lambda running: None, replace=replace).run(begin)
    (record,) = read_records(path)
    return record, [other.cell.name for other in others]


def test_a_trial_whose_cell_is_refused_gets_another_cell_in_its_place(tmp_path: Path) -> None:
    record, left = one_trial(tmp_path, Refused, Refused, Finished)
    assert (record.number, record.state, record.cell.name, record.attempt) == (0, "complete", "third", 2)
    assert not left and record.hyperparameters == {"learning_rate": 0.01}


def test_where_there_is_no_other_cell_the_reason_stands(tmp_path: Path) -> None:
    record, _ = one_trial(tmp_path, Refused, Refused, Refused)
    assert (record.state, record.reason) == ("failed", "deaf")


@pytest.mark.parametrize(
    ("losses", "state", "reason"), [(2, "complete", ""), (3, "failed", "lost 3 times: its node died")]
)
def test_what_a_machine_loses_is_tried_again_up_to_three_times(
    losses: int, state: State, reason: str, tmp_path: Path
) -> None:
    record, _ = one_trial(tmp_path, *[Lost] * losses, Finished)
    assert (record.number, record.state, record.reason) == (0, state, reason)
    assert record.scores == {5: min(losses, 2.0)}, "as its last attempt told it"
    assert (tmp_path / "failures" / "0.txt").exists() == (state == "failed")


class Diary(Callback):
    """Writes down what it hears, and what the study has of it by then."""

    def __init__(self, study: Path) -> None:
        self.study, self.lines = study, list[str]()

    def report(self, record: Record, report: Report) -> None:
        assert report.step in read_records(self.study)[record.number].scores
        self.lines.append(f"{record.number} reports {report.score:g}")

    def end(self, record: Record) -> None:
        assert read_records(self.study)[record.number].state == record.state
        self.lines.append(f"{record.number} {record.state} {record.reason}".strip())


def test_a_callback_hears_of_each_report_and_each_end_once_the_study_has_it(tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    with Ledger(tmp_path, SETTINGS, RANGES) as ledger:

        def begin() -> Begun | None:
            if len(ledger.records(SEARCH)) == 2:
                return None
            ledger.queue(SEARCH, Proposal(SEEDS[0]), "candidate", seed=0, hyperparameters={"learning_rate": 0.01})
            return SEARCH, ledger.begin(SEARCH)

        loop = Loop(Told([Lost, Finished, Refused]), ledger, _evaluation, lambda running: None, callbacks=[diary])
        loop.run(begin)
    assert diary.lines == ["0 reports 0", "0 reports 1", "0 complete", "1 failed deaf"]
    assert loop.lost == 1
