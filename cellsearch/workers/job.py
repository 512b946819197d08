"""What a worker of any pool does with a job: iterate its evaluation and tell what happens, event by event."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from traceback import format_exception
from typing import Final

import torch

from cellsearch.errors import CellsearchError, DivergenceError, one_line
from cellsearch.signals import will_fail
from cellsearch.training import Evaluation, evaluate
from cellsearch.training.joint import cell_of
from cellsearch.workers.interface import Event, Failed, Finished, Refused, Reported, Started
from cellsearch.workers.memory import lacks_memory, limit_memory

__all__ = ["read_output", "run", "warm_up", "with_output"]

MOST_OUTPUT: Final = 100_000
"""Bytes that are kept of what a failed job printed, the last ones."""


def run(job: int, evaluation: Evaluation, memory: float = 0.0) -> Iterator[Event]:
    """Started, a Reported for every report, then the job's end; whoever iterates may stop. Raises nothing.

    `memory` is what it may take, in GiB; 0 is no limit.
    """
    yield Started(job)
    limit_memory(memory)
    try:
        if evaluation.screened and (reason := _why_not(evaluation)):
            yield Refused(job, reason)
            return
        for report in evaluate(evaluation):
            yield Reported(job, report)
    except (Exception, SystemExit) as error:
        details = "" if _is_told(error) else _traceback(error)
        if memory and lacks_memory(error):
            yield Failed(job, f"it needs more than the {memory:g} GiB that it may take", details, lasting=True)
        else:
            yield Failed(job, one_line(error), details, lasting=isinstance(error, DivergenceError))
    else:
        yield Finished(job)


def _why_not(evaluation: Evaluation) -> str | None:
    """What speaks against training the cell."""
    cell = cell_of(evaluation)
    try:
        return will_fail(cell)
    except Exception:  # Whatever a user's own operation raises: the training will say it.
        return None


def warm_up(threads: int) -> None:
    """Make this process ready to train, alike for the same seed, with so many torch threads; takes a second, once."""
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic with this alone
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.optim.Adam([torch.zeros(1)])  # the first optimizer imports half of torch, which is no job's fault


def with_output(event: Event, output: int) -> Event:
    """The event, a failure with what its job has printed into the file of that descriptor."""
    if not isinstance(event, Failed):
        return event
    printed = read_output(output)
    return replace(event, details="\n".join(filter(None, (event.details, printed and f"Its output:\n{printed}"))))


def read_output(output: int) -> str:
    """What has been printed into the file of that descriptor, whose place stays where it is."""
    size = os.fstat(output).st_size
    return os.pread(output, MOST_OUTPUT, max(0, size - MOST_OUTPUT)).decode(errors="replace").strip()


def _is_told(error: BaseException) -> bool:
    """Whether the line says all: an error of ours that no other has caused."""
    return isinstance(error, CellsearchError) and error.__cause__ is None


def _traceback(error: BaseException) -> str:
    return "".join(format_exception(error))
