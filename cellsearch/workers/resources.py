"""The resources: which machines train the cells of a study, how many at once, and what each training may take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from cellsearch.errors import BudgetError, UnknownNameError
from cellsearch.training import whole_number

__all__ = ["EXECUTORS", "VISIBLE", "Resources", "cards", "cores", "expect_resources"]

EXECUTORS: Final = ("local", "ray")
"""Every kind of pool: processes on this machine, and a Ray cluster."""

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
"""The environment variable that names the cards of a process."""

QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""In a container, microseconds of all cores together that it may use, in each so many microseconds."""


@dataclass(frozen=True)
class Resources:
    """Where trainings run. `workers` of them run at once, by default one a core that this process may use.

    `executor` is one of EXECUTORS; `timeout` is in seconds a training. `address`, `cpus` and `gpus` are Ray's: the
    cluster to join (a Ray of our own if None), and the cores and the GPUs, or fraction of one, that a training takes
    of it. Raises UnknownNameError and BudgetError.
    """

    executor: str = "local"
    workers: int | None = None
    timeout: float = 600.0
    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise UnknownNameError(f"unknown executor {self.executor!r}; use {' or '.join(EXECUTORS)}")
        if self.workers is not None:
            object.__setattr__(self, "workers", whole_number("workers", self.workers, 1))
        for name in ("timeout", "cpus", "gpus"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not self.timeout > 0:
            raise BudgetError(f"timeout must be above 0, in seconds a training, got {self.timeout:g}")
        if self.cpus < 0 or self.gpus < 0:
            raise BudgetError(f"a training cannot take {self.cpus:g} CPUs and {self.gpus:g} GPUs; use numbers from 0")
        if self.executor == "local" and (self.address is not None or self.cpus != 1 or self.gpus != 0):
            raise BudgetError("an address, CPUs and GPUs a training belong to the ray executor, not to local")

    @property
    def size(self) -> int:
        """Trainings at once."""
        return cores() if self.workers is None else self.workers


def expect_resources(given: object) -> None:
    """Raise BudgetError, which tells how to make resources, if something else is given."""
    if not isinstance(given, Resources):
        raise BudgetError(f"Resources are expected, got {given!r:.60}; write cellsearch.Resources(workers=2)")


def cores() -> int:
    """The cores that this process may use: those of its affinity, or fewer if its container has a quota."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text("ascii").split()
        return max(1, min(own, int(quota) // int(period)))
    except (OSError, ValueError):  # no container, or one without a quota
        return own


def cards() -> list[str]:
    """The NVIDIA cards that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    given = os.environ.get(VISIBLE)
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    return [str(i) for i in range(torch.cuda.device_count())]
