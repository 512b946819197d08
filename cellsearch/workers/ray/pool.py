"""The pool of a Ray, on this machine or of a cluster: each evaluation is a task that streams its events.

Ray never retries a job: it would join the reports of the dead run and of the new one to one curve (ray#54583).
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import ray
from ray.exceptions import RayError, RayTaskError, WorkerCrashedError

from cellsearch.errors import CellsearchError, one_line
from cellsearch.training import Evaluation
from cellsearch.workers.interface import Event, Failed, Finished, Started
from cellsearch.workers.ray.start import join, start
from cellsearch.workers.ray.worker import serve

__all__ = ["RayPool"]

GRACE: Final = 2.0
"""Seconds that a cancelled job has to stop by itself; then its worker process is killed."""


class RayPool:
    """`size` evaluations at once on Ray, each with so many `cpus` and `gpus` (fractions too) of one machine.

    `timeout` is in seconds a job. Without an `address` it starts a Ray of its own on this machine and ends it again;
    with one (`host:port`) it joins that cluster, whose machines have the driver's packages at hand, and leaves it.
    There jobs wait for a machine with room, and start in the driver's working directory if the machine has it.
    Raises CellsearchError if Ray does not start, if the cluster cannot be joined, or if this process uses Ray already.
    """

    def __init__(
        self, size: int, timeout: float, address: str | None = None, cpus: float = 1, gpus: float = 0.0
    ) -> None:
        if ray.is_initialized():
            raise CellsearchError("this process is connected to a Ray already; call ray.shutdown() before")
        self._size = size
        self._timeout = timeout
        self._queue: deque[tuple[int, Evaluation]] = deque()
        self._running: list[_Running] = []
        self._folder = tempfile.mkdtemp(prefix="cs-ray-")
        threads = max(1, int(cpus))
        task = ray.remote(num_returns="streaming", max_retries=0, num_cpus=cpus, num_gpus=gpus)(serve)
        self._start: Callable[[int, Evaluation], Any] = lambda job, evaluation: task.remote(
            job, evaluation, threads, os.getcwd(), sys.path
        )
        try:
            if address:
                join(address)
            else:
                start(size, cpus, gpus, self._folder)
        except BaseException:
            self._leave()
            raise

    @property
    def size(self) -> int:
        return self._size

    def submit(self, job: int, evaluation: Evaluation) -> None:
        self._queue.append((job, evaluation))
        self._hand_out()

    def wait(self, timeout: float) -> Sequence[Event]:
        until = time.monotonic() + timeout
        while True:
            events = self._events(until) + self._late()
            self._hand_out()
            if events or time.monotonic() >= until:
                return events

    def cancel(self, job: int) -> None:
        self._queue = deque(entry for entry in self._queue if entry[0] != job)
        for running in self._running:
            if running.job == job and not running.cancelled:
                running.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.clear()
        for running in self._running:
            ray.cancel(running.stream, force=True)
        self._running.clear()
        self._leave()

    def _leave(self) -> None:
        """Disconnect, which ends a Ray that this process has started."""
        ray.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _hand_out(self) -> None:
        while self._queue and len(self._running) < self._size:
            job, evaluation = self._queue.popleft()
            self._running.append(_Running(job, self._start(job, evaluation)))

    def _events(self, until: float) -> list[Event]:
        """The next event of every job that has one; waits for the first, or until something is due."""
        awaited = {running.awaited: running for running in self._running}
        earliest = min([until, *(running.deadline for running in self._running)])
        left = max(0.0, earliest - time.monotonic())
        if not awaited:
            time.sleep(left)
            return []
        ready, _ = ray.wait(list(awaited), num_returns=1, timeout=left)
        if ready:
            ready, _ = ray.wait(list(awaited), num_returns=len(awaited), timeout=0)
        return [event for each in ready for event in self._next(awaited[each])]

    def _next(self, running: _Running) -> list[Event]:
        if running.cancelled:
            self._running.remove(running)
            return []
        event = _receive(running.stream, running.job)
        if isinstance(event, Finished | Failed):
            self._running.remove(running)
        elif isinstance(event, Started):
            running.deadline = time.monotonic() + self._timeout
        return [event]

    def _late(self) -> list[Event]:
        """Stop what is past its deadline: first by an exception in the job, then with its process."""
        events: list[Event] = []
        for running in self._running:
            if time.monotonic() < running.deadline:
                continue
            if running.cancelled:
                ray.cancel(running.stream, force=True)
                running.deadline = math.inf
            else:
                running.cancel()
                events.append(Failed(running.job, f"timed out after {self._timeout:g} s", lasting=True))
        return events


@dataclass(eq=False)
class _Running:
    """A job that Ray has, and the stream of its events. Once cancelled it keeps its place until Ray has ended it."""

    job: int
    stream: Any
    deadline: float = math.inf
    cancelled: bool = False

    @property
    def awaited(self) -> Any:
        # A cancelled stream counts as ready, yet blocks its reader until the task is over.
        return self.stream.completed() if self.cancelled else self.stream

    def cancel(self) -> None:
        self.cancelled = True
        self.deadline = time.monotonic() + GRACE
        ray.cancel(self.stream)


def _receive(stream: Any, job: int) -> Event:
    """The stream's next event, which is ready; a Failed when Ray has none to give."""
    try:
        event: Event = ray.get(next(stream))
    except StopIteration:
        return Failed(job, "its stream of reports broke off")
    except RayTaskError as error:
        return Failed(job, one_line(error.cause or error))
    except WorkerCrashedError:  # whose message only says where to look for the signal
        return Failed(job, "its worker process died")
    except RayError as error:
        return Failed(job, f"its worker process died ({one_line(error)})")
    return event
