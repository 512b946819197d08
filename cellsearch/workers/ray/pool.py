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
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import ray
from ray.exceptions import RayError, RayTaskError, WorkerCrashedError

from cellsearch.errors import CellsearchError, one_line
from cellsearch.training import Evaluation
from cellsearch.workers.interface import Cluster, Ended, Event, Failed, Lost, Started
from cellsearch.workers.ray.environment import environment
from cellsearch.workers.ray.nodes import Nodes, taken
from cellsearch.workers.ray.start import join, start
from cellsearch.workers.ray.worker import serve
from cellsearch.workers.resources import AUTO, Resources

__all__ = ["RayPool"]

GRACE: Final = 2.0
"""Seconds that a cancelled job has to stop by itself; then its worker process is killed."""


class RayPool:
    """Evaluations on Ray, each of which takes of one machine what `resources` say, as many at once as they say.

    Without an address it starts a Ray of its own on this machine and ends it again. With one (`host:port`) it joins
    that cluster and leaves it; its machines are sent `sources`, files and packages, and need the driver's Python, torch
    and cellsearch. Jobs start in the driver's working directory where a machine has it. Raises CellsearchError if Ray
    does not start, if the cluster cannot be joined, or if this process uses Ray already.
    """

    def __init__(self, resources: Resources, sources: Sequence[Path] = ()) -> None:
        if ray.is_initialized():
            raise CellsearchError("this process is connected to a Ray already; call ray.shutdown() before")
        self._resources = resources
        self._queue: deque[tuple[int, Evaluation]] = deque()
        self._running: list[_Running] = []
        self._folder = tempfile.mkdtemp(prefix="cs-ray-")
        self._task = ray.remote(num_returns="streaming", max_retries=0, **taken(resources))(serve)
        try:
            if resources.address:
                join(resources.address, environment(sources, resources.send_cellsearch))
            else:
                start(resources, self._folder)
            self._nodes = Nodes(resources, check=resources.address is not None)
        except BaseException:
            self._leave()
            raise

    @property
    def size(self) -> int:
        if self._resources.workers == AUTO and self._resources.address:
            return max(1, self._nodes.places)
        return self._resources.size

    @property
    def cluster(self) -> Cluster | None:
        busy = sum(running.deadline < math.inf and not running.cancelled for running in self._running)
        return Cluster(self._nodes.count, self._nodes.places, busy) if self._resources.address else None

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
        with suppress(RayError):
            self._nodes.want(0)
        self._leave()

    def _leave(self) -> None:
        """Disconnect, which ends a Ray that this process has started."""
        ray.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _hand_out(self) -> None:
        """Give Ray as many jobs as there is room for, and no more: it has none waiting that some new machine might get
        before that has told its versions."""
        self._nodes.look()
        while self._queue and len(self._running) < min(self.size, self._nodes.places):
            self._running.append(self._begun(*self._queue.popleft()))
        if self._resources.address:
            self._nodes.want(self._wanted())

    def _begun(self, job: int, evaluation: Evaluation) -> _Running:
        task = self._task.options(name=evaluation.label or evaluation.task, label_selector=self._nodes.selector)
        threads = max(1, int(self._resources.cpus))
        return _Running(job, task.remote(job, evaluation, threads, self._resources.memory, os.getcwd(), sys.path))

    def _wanted(self) -> int:
        """The jobs that there is work for: all that are here, and where the cluster may grow without end one more."""
        jobs = len(self._running) + len(self._queue)
        is_full = self._resources.workers == AUTO and jobs >= self.size
        return jobs + is_full

    def _events(self, until: float) -> list[Event]:
        """The next event of every job that has one; waits for the first, or until something is due."""
        awaited = {running.awaited: running for running in self._running}
        earliest = min([until, self._nodes.due, *(running.deadline for running in self._running)])
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
        if isinstance(event, Ended):
            self._running.remove(running)
        elif isinstance(event, Started):
            running.deadline = time.monotonic() + self._resources.timeout
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
                events.append(Failed(running.job, f"timed out after {self._resources.timeout:g} s", lasting=True))
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
    """The stream's next event, which is ready; where Ray has none to give, why the job is over."""
    try:
        event: Event = ray.get(next(stream))
    except StopIteration:
        return Lost(job, "its stream of reports broke off")
    except RayTaskError as error:
        return Failed(job, one_line(error.cause or error))
    except WorkerCrashedError:  # whose message only says where to look for the signal
        return Lost(job, "its worker process died")
    except RayError as error:
        return Lost(job, f"its worker process died ({type(error).__name__})")
    return event
