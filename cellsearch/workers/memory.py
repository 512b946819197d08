"""The memory of a training: a limit that it runs into itself, and not the machine with all that is on it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import torch

__all__ = ["lacks_memory", "limit_memory"]

GIB: Final = 2**30

STATUS: Final = Path("/proc/self/status")

WORDS: Final = ("can't allocate memory", "not enough memory", "out of memory")
"""Parts of what torch says where an allocation fails."""


def limit_memory(gib: float) -> None:
    """Let this process take so many GiB more than it had when this was called first; 0 is no limit.

    What counts is what it writes to, not what it maps from files. Linux only; with a card there is none, for its driver
    reserves more than it takes.
    """
    if gib and STATUS.exists() and not torch.cuda.is_available():
        import resource  # which Windows has not

        resource.setrlimit(resource.RLIMIT_DATA, (_before() + int(gib * GIB), resource.RLIM_INFINITY))


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that there was no more memory to be had."""
    told = isinstance(error, RuntimeError) and any(part in str(error) for part in WORDS)
    return told or isinstance(error, MemoryError)


@cache
def _before() -> int:
    """Bytes that the process had before its first job."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text("ascii").splitlines())
    return 1024 * int(lines["VmData"].split()[0])
