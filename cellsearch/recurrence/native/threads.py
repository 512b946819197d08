"""How many threads a recurrence runs in: slices of its batch, none of which waits for another."""

from __future__ import annotations

import os

import torch

__all__ = ["slices"]


def slices(batch: int) -> int:
    """Slices of a batch: one a thread of torch, one alone in a process that was forked, since its pool is gone."""
    return 1 if _forked else max(1, min(torch.get_num_threads(), batch))


_forked = False


def _remember_fork() -> None:
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_remember_fork)
