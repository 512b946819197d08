"""What every worker pool offers: submit, wait, cancel. Evaluations go in as plain data, events come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from cellsearch.training import Evaluation, Report

__all__ = ["Event", "Failed", "Finished", "Reported", "Started", "WorkerPool"]


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
    """The job ended early, for a reason in one line: what it raised, its timeout, or its worker's death.

    A job whose worker dies at once may fail without having started. `details` are for who looks for the cause: the
    traceback, and what the job has printed. A `lasting` failure is the cell's own, as divergence is, or too dear to try
    again; any other may have a cause that is mended, such as a full disk.
    """

    job: int
    reason: str
    details: str = ""
    lasting: bool = False


Event = Started | Reported | Finished | Failed


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

    def submit(self, job: int, evaluation: Evaluation) -> None:
        """Start a job under a number of the caller's that no job had before."""

    def wait(self, timeout: float) -> Sequence[Event]:
        """The events since the last call, in order for each job; waits up to `timeout` seconds for the first."""

    def cancel(self, job: int) -> None:
        """Stop a job, soon and for good: no event of it comes after this call. A job that is over is left alone."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
