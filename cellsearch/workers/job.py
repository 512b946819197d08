"""What a worker of any pool does with a job: iterate its evaluation and tell what happens, event by event."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import torch

from cellsearch.errors import CellsearchError
from cellsearch.training import Evaluation, evaluate
from cellsearch.workers.interface import Event, Failed, Finished, Reported, Started

__all__ = ["one_line", "run", "warm_up"]

LONGEST_REASON: Final = 500
"""Characters of a failure's reason, at most; it is stored with the candidate."""


def run(job: int, evaluation: Evaluation) -> Iterator[Event]:
    """Started, a Reported for every report, then Finished or Failed; whoever iterates may stop. Raises nothing."""
    yield Started(job)
    try:
        for report in evaluate(evaluation):
            yield Reported(job, report)
    except (Exception, SystemExit) as error:
        yield Failed(job, one_line(error))
    else:
        yield Finished(job)


def warm_up(threads: int) -> None:
    """Make this process ready to train, alike for the same seed, with so many torch threads; takes a second, once."""
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic with this alone
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.optim.Adam([torch.zeros(1)])  # the first optimizer imports half of torch, which is no job's fault


def one_line(error: BaseException) -> str:
    """The error in one line: our own errors by their message, any other as `TypeName: message`."""
    message = " ".join(str(error).split())
    text = message if isinstance(error, CellsearchError) else f"{type(error).__name__}: {message}".removesuffix(": ")
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."
