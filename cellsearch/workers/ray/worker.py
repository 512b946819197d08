"""What a worker process of Ray does with a job: find what the driver finds, then tell the job's events as a stream."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress

from cellsearch.training import Evaluation
from cellsearch.workers.interface import Event
from cellsearch.workers.job import run, warm_up, with_output

__all__ = ["serve"]


def serve(job: int, evaluation: Evaluation, threads: int, directory: str, path: list[str]) -> Iterator[Event]:
    """The task that Ray runs, with so many torch threads, the driver's directory and its import path."""
    sys.path += [place for place in path if place not in sys.path]
    with suppress(OSError):
        os.chdir(directory)
    warm_up(threads)
    with tempfile.TemporaryFile("w+") as output, redirect_stdout(output), redirect_stderr(output):
        for event in run(job, evaluation):
            output.flush()
            yield with_output(event, output.fileno())
