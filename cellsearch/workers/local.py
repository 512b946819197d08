"""Evaluations in processes on this machine: started once, handed one job after another, replaced when they die.

A worker is a plain subprocess of its own and not a `multiprocessing.Process`, which would run the user's main script
or notebook again. The driver has no thread: all happens within the calls of the pool's methods.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe, connection
from types import TracebackType
from typing import Final, Self

from cellsearch.errors import CellsearchError
from cellsearch.training import Evaluation
from cellsearch.training.shared import FOLDER
from cellsearch.workers.interface import Ended, Event, Failed, Lost, Started
from cellsearch.workers.job import read_output, with_output
from cellsearch.workers.local_worker import READY
from cellsearch.workers.resources import VISIBLE, cards, cores

__all__ = ["LocalPool"]

GRACE: Final = 2.0
"""Seconds that a cancelled job has to stop by itself: as long as a new worker takes to start."""

START: Final = 120.0
"""Seconds that a worker has until it is ready, which takes a few, or half a minute where many begin at once."""

MOST_FAILED_STARTS: Final = 3
"""Workers in a row that may not become ready; after these the machine or the installation is at fault."""

SIGNAL: Final = "signal"
"""How the words for a process begin that was killed."""

POSIX: Final = ("fork", "killpg")
"""Functions of `os` that tell a system on which processes are started and ended as here."""

LAUNCH: Final = (
    "import sys; sys.path[:] = sys.argv[4:]; "
    "from cellsearch.workers.local_worker import serve; serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))"
)
"""A worker's program: it imports from the same places as its driver does."""


class LocalPool:
    """`size` worker processes on this machine, each with `threads` torch threads (default: its share of the cores).

    `timeout` is in seconds a job, which may take `memory` GiB, or any if that is 0. They share the driver's working
    directory and import path, and map what a task reads with `training.shared` from one file. POSIX only. Its methods
    raise CellsearchError if workers cannot start.
    """

    def __init__(self, size: int, timeout: float, threads: int | None = None, memory: float = 0.0) -> None:
        if missing := [name for name in POSIX if not hasattr(os, name)]:
            raise CellsearchError(
                f"local workers need a POSIX system such as Linux or macOS, and this one ({sys.platform}) has no "
                f"os.{missing[0]}; use the ray executor, or on Windows the Linux in it (WSL)"
            )
        self._timeout = timeout
        self._memory = memory
        self._threads = threads or max(1, cores() // size)
        self._queue: deque[tuple[int, Evaluation]] = deque()
        self._failed_starts = 0
        self._shared = tempfile.TemporaryDirectory(prefix="cellsearch-")
        self._cards = cards()
        self._workers = [self._new_worker(i) for i in range(size)]

    @property
    def size(self) -> int:
        return len(self._workers)

    @property
    def cluster(self) -> None:
        return None

    def submit(self, job: int, evaluation: Evaluation) -> None:
        self._queue.append((job, evaluation))
        self._hand_out()

    def wait(self, timeout: float) -> Sequence[Event]:
        until = time.monotonic() + timeout
        while True:
            earliest = min([until, *(worker.deadline for worker in self._workers)])
            connection.wait([worker.pipe for worker in self._workers], max(0.0, earliest - time.monotonic()))
            events = [event for i in range(self.size) for event in self._events_of(i)]
            self._hand_out()
            if events or time.monotonic() >= until:
                return events

    def cancel(self, job: int) -> None:
        self._queue = deque(entry for entry in self._queue if entry[0] != job)
        for worker in self._workers:
            if worker.job == job:
                worker.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # At once: an evaluation has nothing to put in order, and its worker holds nothing that is not also here.
        self._queue.clear()
        while self._workers:
            self._workers.pop().end()
        self._shared.cleanup()

    def _new_worker(self, i: int) -> _Worker:
        """Worker i; where there are several cards, one of them is its own or shared with every so manieth worker."""
        card = {VISIBLE: self._cards[i % len(self._cards)]} if len(self._cards) > 1 else {}
        return _Worker(self._threads, self._memory, {FOLDER: self._shared.name, **card})

    def _hand_out(self) -> None:
        for worker in self._workers:
            if self._queue and worker.ready and worker.job is None:
                worker.give(*self._queue.popleft())

    def _events_of(self, i: int) -> list[Event]:
        """What worker i has to tell; it is replaced if it is dead or past its deadline."""
        worker = self._workers[i]
        events = worker.receive(self._timeout)
        if worker.ready:
            self._failed_starts = 0
        late = time.monotonic() >= worker.deadline
        if worker.dead or late:
            death = worker.end()
            self._workers[i] = self._new_worker(i)
            if not worker.ready:
                self._failed_starts += 1
                if self._failed_starts >= MOST_FAILED_STARTS:
                    why = f"not ready in {START:g} s" if late else death
                    raise CellsearchError(f"worker processes do not start ({why}): {worker.last_words}")
            if worker.job is not None and not worker.cancelled:
                events.append(self._end_of(worker, late, death))
        return events

    def _end_of(self, worker: _Worker, late: bool, death: str) -> Event:
        """Whose fault it is that a job has ended with its process: an exit is the job's, a signal the machine's."""
        assert worker.job is not None
        if late:
            return Failed(worker.job, f"timed out after {self._timeout:g} s", worker.output, lasting=True)
        kind = Lost if death.startswith(SIGNAL) else Failed
        return kind(worker.job, f"its worker process died ({death})", worker.output)


class _Worker:
    """One process with some variables in its environment, its pipe, and the job it has."""

    def __init__(self, threads: int, memory: float, variables: Mapping[str, str]) -> None:
        self.pipe, far_end = Pipe()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, it is closed by end()
        with far_end:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-P", "-c", LAUNCH, str(far_end.fileno()), str(threads), str(memory), *sys.path],
                pass_fds=[far_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._file,
                stderr=self._file,
                env={**os.environ, **variables},
                process_group=0,  # to end it with all that a task started, and to keep the terminal's Ctrl-C from it
            )
        self.ready = False
        self.dead = False
        self.job: int | None = None
        self.cancelled = False
        self.deadline = time.monotonic() + START
        self.output = ""

    @property
    def last_words(self) -> str:
        """The last line that it printed before its end."""
        return self.output.rpartition("\n")[2] or "no message"

    def give(self, job: int, evaluation: Evaluation) -> None:
        self.job = job
        self._send(job, evaluation)

    def cancel(self) -> None:
        assert self.job is not None
        self.cancelled = True
        self.deadline = min(self.deadline, time.monotonic() + GRACE)
        self._send(self.job, None)

    def receive(self, timeout: float) -> list[Event]:
        """The events that have come by now, none of a cancelled job; finds out whether the process is dead."""
        events: list[Event] = []
        try:
            while self.pipe.poll():
                message = self.pipe.recv()
                if message == READY:
                    self.ready, self.deadline = True, math.inf
                    continue
                if not self.cancelled:
                    events.append(with_output(message, self._file.fileno()))
                    if isinstance(message, Started):
                        self.deadline = time.monotonic() + timeout
                if isinstance(message, Ended):
                    self.job, self.cancelled, self.deadline = None, False, math.inf
        except (EOFError, OSError):
            self.dead = True
        return events

    def end(self) -> str:
        """Kill the process with all that it started; says how it had ended, and reads what it had printed."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        self.pipe.close()
        with self._file:
            self.output = read_output(self._file.fileno())
        return f"{SIGNAL} {-code}" if code < 0 else f"exit code {code}"

    def _send(self, job: int, evaluation: Evaluation | None) -> None:
        with suppress(OSError):  # a process that is dead is found so when its pipe is read
            self.pipe.send((job, evaluation))
