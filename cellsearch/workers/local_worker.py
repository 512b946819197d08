"""A worker process of the local pool: it is handed jobs through a pipe and tells their events through the same."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Final

from torch.optim.optimizer import register_optimizer_step_pre_hook

from cellsearch.training import Evaluation
from cellsearch.workers.interface import Finished
from cellsearch.workers.job import run, warm_up

__all__ = ["READY", "serve"]

MOST_OUTPUT: Final = 1_000_000
"""Bytes that a job may print from one report to the next before they are forgotten."""

READY: Final = "ready"
"""A worker's first message: everything is imported, jobs may come."""

Order = tuple[int, Evaluation | None]
"""A job's number and its evaluation, or None to cancel that job."""


def serve(pipe: int, threads: int, memory: float) -> None:
    """Run jobs from the pipe (a file descriptor) one by one, for as long as the driver lives.

    Each may take `memory` GiB, 0 is no limit. After the last event of a job, a cancelled one's too, the worker waits
    for the next. It must lead a process group of its own, for it ends its whole group.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the driver
    os.set_inheritable(pipe, False)
    connection = Connection(pipe)
    # A child that a task forks must not keep the pipe open: its end is how the driver sees this process' death.
    os.register_at_fork(after_in_child=connection.close)
    warm_up(threads)
    inbox = _Inbox(connection)
    register_optimizer_step_pre_hook(lambda *_: inbox.stop_if_cancelled())
    connection.send(READY)
    for job, evaluation in inbox:
        _forget_output(0)
        for event in run(job, evaluation, memory):
            _forget_output(MOST_OUTPUT)
            if inbox.cancelled(job):
                connection.send(Finished(job))
                break
            connection.send(event)


def _forget_output(most: int) -> None:
    """Empty the file that is standard output and standard error, once it has more bytes than that."""
    if os.fstat(1).st_size > most:
        os.ftruncate(1, 0)
        os.lseek(1, 0, os.SEEK_SET)


class _CancelledError(Exception):
    """Unwinds a cancelled training from within an optimizer step; the driver never looks at it."""


class _Inbox:
    """Reads the pipe in a thread, so that a cancellation and the driver's death are seen in the middle of a training.

    Iterates over the jobs as they come.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs: queue.SimpleQueue[tuple[int, Evaluation]] = queue.SimpleQueue()
        self._current: int | None = None
        self._cancelled: int | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[tuple[int, Evaluation]]:
        while True:
            job, evaluation = self._jobs.get()
            self._current = job
            yield job, evaluation

    def cancelled(self, job: int) -> bool:
        """Whether the driver has cancelled the job."""
        return job == self._cancelled

    def stop_if_cancelled(self) -> None:
        """Raise if the job that is running has been cancelled."""
        if self._current is not None and self.cancelled(self._current):
            raise _CancelledError

    def _read(self) -> None:
        try:
            while True:
                job, evaluation = self._connection.recv()
                if evaluation is None:
                    self._cancelled = job
                else:
                    self._jobs.put((job, evaluation))
        finally:
            # The pipe has ended, so the driver has: nobody is left to hear of this job, or to end it.
            os.killpg(0, signal.SIGKILL)
