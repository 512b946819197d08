"""What a worker process of Ray does with a job: find what the driver finds, then tell the job's events as a stream."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import ray

from cellsearch.training import Evaluation
from cellsearch.training.shared import FOLDER
from cellsearch.workers.interface import Event
from cellsearch.workers.job import run, warm_up, with_output

__all__ = ["serve", "shared_folder"]


def serve(
    job: int, evaluation: Evaluation, threads: int, memory: float, directory: str, path: list[str]
) -> Iterator[Event]:
    """The task that Ray runs, with so many torch threads and GiB, the driver's directory and its import path."""
    sys.path += [place for place in path if place not in sys.path]
    with suppress(OSError):
        os.chdir(directory)
    os.environ[FOLDER] = shared_folder()
    warm_up(threads)
    with tempfile.TemporaryFile("w+") as output, redirect_stdout(output), redirect_stderr(output):
        for event in run(job, evaluation, memory):
            output.flush()
            yield with_output(event, output.fileno())


def shared_folder() -> str:
    """The folder on this machine for data that its workers hold once: this driver's own, in that of Ray's session.

    Those that other drivers have left, who are over by now, are taken away.
    """
    own = ray.get_runtime_context().get_job_id()
    node: Any = ray._private.worker._global_node
    folder = Path(node.get_session_dir_path()) / "cellsearch"
    place = folder / own
    if not place.is_dir():
        over = {job["JobID"] for job in ray._private.state.jobs() if job["IsDead"]}  # type: ignore[no-untyped-call]
        for other in [each for each in folder.glob("*") if each.name in over]:
            shutil.rmtree(other, ignore_errors=True)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(place)
