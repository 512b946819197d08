"""The loop: ask -> evaluate -> report -> tell, with as many trials under way as the pool has workers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Final

from cellsearch.study.callback import Callback
from cellsearch.study.ledger import Ledger
from cellsearch.study.record import Record
from cellsearch.training import Evaluation, Report
from cellsearch.workers import Ended, Event, Failed, Finished, Lost, Refused, Reported, WorkerPool

__all__ = ["Begun", "Loop"]

LOG: Final = logging.getLogger("cellsearch")

LOOK_SECONDS: Final = 0.5
"""Seconds between two looks by the observer."""

MOST_LOST: Final = 3
"""Times that a trial is begun, where machines keep failing it."""

Begun = tuple[str, Record]
"""A stage and its trial that the ledger has just begun."""


@dataclass
class Loop:
    """Runs trials on a pool and writes what they say into the ledger.

    `evaluation` turns a stage and its begun trial into what a worker trains; `observe` is told at the beginning, twice
    a second and at the end how many trials are running. `in_order` makes several workers give the same trials each
    time: what a trial says is heard once all that began before it are over, so that what is begun next depends on how
    many workers there are and not on who is quick; workers wait for the slowest of them instead. `callbacks` hear of
    each report and each end, once the ledger has it. `lost` counts what machines have failed.
    """

    pool: WorkerPool
    ledger: Ledger
    evaluation: Callable[[str, Record], Evaluation]
    observe: Callable[[int], None]
    in_order: bool = False
    replace: Callable[[Record], Record | None] = lambda record: None
    callbacks: Sequence[Callback] = ()
    running: dict[int, Begun] = field(default_factory=dict)
    lost: int = 0
    _told: list[tuple[Begun, Report | None]] = field(default_factory=list)
    _heard: deque[Event] = field(default_factory=deque)
    _numbers: count[int] = field(default_factory=count)

    def run(self, next_trial: Callable[[], Begun | None]) -> None:
        """Submit trials as workers come free, until there is no next one and none is running.

        One trial more than there are workers is begun ahead, while they are busy, so that a free worker does not
        wait for the strategy, the sampler and the disk.
        """
        ahead: Begun | None = None
        self.observe(0)
        looked = monotonic()
        while True:
            ahead = ahead or next_trial()
            while ahead and len(self.running) < self.pool.size:
                self._submit(ahead)
                ahead = next_trial()
            if not self.running:
                break
            self._hear()
            self.ledger.beat()
            if monotonic() - looked > LOOK_SECONDS:
                self.observe(len(self.running))
                looked = monotonic()
        self.observe(0)

    def _hear(self) -> None:
        """Handle what may be heard now, up to the end of a trial."""
        if not any(map(self._is_due, self._heard)):
            self._heard.extend(self.pool.wait(LOOK_SECONDS))
        with self.ledger.together():
            for event in [each for each in self._heard if self._is_due(each)]:
                self._heard.remove(event)
                self._handle(event)
                if isinstance(event, Ended):
                    break
        self._call_back()

    def _call_back(self) -> None:
        """Tell the callbacks what the ledger was told."""
        told, self._told = self._told, []
        for (stage, record), report in told if self.callbacks else ():
            ended = self.ledger.record(stage, record.number) if report is None else record
            for callback in self.callbacks:
                if report is None:
                    callback.end(ended)
                else:
                    callback.report(record, report)

    def _is_due(self, event: Event) -> bool:
        return not self.in_order or event.job == min(self.running, default=event.job)

    def _submit(self, begun: Begun) -> None:
        job = next(self._numbers)
        self.running[job] = begun
        LOG.info("%s: trial %d begins, %s", begun[0], begun[1].number, begun[1].cell.name)
        self.pool.submit(job, self.evaluation(*begun))

    def _handle(self, event: Event) -> None:
        if event.job not in self.running:
            return
        stage, record = self.running[event.job]
        if isinstance(event, Ended):
            del self.running[event.job]
        match event:
            case Reported(_, report):
                self.ledger.report(stage, record.number, report)
                self._told.append(((stage, record), report))
            case Finished():
                LOG.info("%s: trial %d ends", stage, record.number)
                self.ledger.finish(stage, record.number)
                self._told.append(((stage, record), None))
            case Refused(_, reason):
                LOG.info("%s: trial %d, %s is refused: %s", stage, record.number, record.cell.name, reason)
                other = self.replace(record)
                if other is None:
                    self.ledger.fail(stage, record.number, reason, lasting=True)
                    self._told.append(((stage, record), None))
                else:
                    self._submit((stage, other))
            case Lost(_, reason, details):
                LOG.info("%s: trial %d is lost: %s", stage, record.number, reason)
                self.lost += 1
                lost = self.ledger.lose(stage, record.number, reason)
                if lost < MOST_LOST:
                    self._submit((stage, self.ledger.record(stage, record.number)))
                else:
                    self._fail(stage, record, f"lost {lost} times: {reason}", details)
            case Failed(_, reason, details, lasting):
                self._fail(stage, record, reason, details, lasting)

    def _fail(self, stage: str, record: Record, reason: str, details: str, lasting: bool = False) -> None:
        LOG.info("%s: trial %d failed: %s", stage, record.number, "\n".join(filter(None, (reason, details))))
        self.ledger.fail(stage, record.number, reason, details, lasting)
        self._told.append(((stage, record), None))
