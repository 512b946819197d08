"""What every worker pool offers: submit, wait, cancel. Evaluations go in as plain data, events come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from cellsearch.training import Evaluation, Report

__all__ = ["Cluster", "Ended", "Event", "Failed", "Finished", "Lost", "Refused", "Reported", "Started", "WorkerPool"]


@dataclass(frozen=True)
class Started:
    """A worker has begun the job; its deadline counts from here."""

    job: int


@dataclass(frozen=True)
class Reported:
    """The job's evaluation yielded a report."""

    job: int
    report: Report


@dataclass(frozen=True)
class Finished:
    """The job's evaluation came to its end; every report has been handed out before."""

    job: int


@dataclass(frozen=True)
class Failed:
    """The job ended early by its own fault, for a reason in one line: what it raised, its timeout, an exit.

    `details` are for who looks for the cause: the traceback, and what the job has printed. A `lasting` failure is the
    cell's own, as divergence is, or too dear to try again; any other may have a cause that is mended, such as a full
    disk.
    """

    job: int
    reason: str
    details: str = ""
    lasting: bool = False


@dataclass(frozen=True)
class Refused:
    """Of a job that was to be screened first: why its cell is not worth training, in one line. The job is over."""

    job: int
    reason: str


@dataclass(frozen=True)
class Lost:
    """The job is gone by no fault of its own, for a reason in one line: its machine or its worker process died.

    It may be submitted again, under another number. `details` are what it has printed, as far as that is known.
    """

    job: int
    reason: str
    details: str = ""


Ended = Finished | Failed | Refused | Lost
"""What is the last of a job."""

Event = Started | Reported | Ended


@dataclass(frozen=True)
class Cluster:
    """What a cluster has and does: machines that train, trainings that have room at once, those that are under way."""

    machines: int
    places: int
    busy: int


class WorkerPool(Protocol):
    """Runs `training.evaluate` for up to `size` jobs at once; used as a context manager, which ends every worker.

    A pool is made with a timeout in seconds a job, after which the job has failed; its worker is replaced. Nothing
    that a job does (raising, hanging, dying) ends the pool. Only the process that made a pool may use it.
    """

    @property
    def size(self) -> int:
        """Jobs that run at once by now, at least 1; more may be submitted and wait for their turn.

        On a cluster that machines join and leave it changes from one `wait` to the next.
        """

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that jobs run on; None where that is this machine alone."""

    def submit(self, job: int, evaluation: Evaluation) -> None:
        """Start a job under a number of the caller's that no job had before."""

    def wait(self, timeout: float) -> Sequence[Event]:
        """The events since the last call, in order for each job; waits up to `timeout` seconds for the first.

        Raises CellsearchError, in one line, where the pool itself is gone, as a cluster is without its head.
        """

    def cancel(self, job: int) -> None:
        """Stop a job, soon and for good: no event of it comes after this call. A job that is over is left alone."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
