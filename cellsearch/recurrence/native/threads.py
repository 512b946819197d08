"""How many threads a recurrence runs in: slices of its batch, none of which waits for another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["alone_after_fork", "slices"]


def slices(batch: int) -> int:
    """Slices of a batch: one a thread of torch."""
    return max(1, min(torch.get_num_threads(), batch))


@contextmanager
def alone_after_fork() -> Iterator[None]:
    """One thread in a process that was forked, whose pool of threads is gone; torch's DataLoader does so too."""
    threads = torch.get_num_threads()
    if not _forked or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


_forked = False


def _remember_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(after_in_child=_remember_fork)
