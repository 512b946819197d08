"""The resources: which machines train the cells of a study, how many at once, and what each training may take."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import torch

from cellsearch.errors import BudgetError, UnknownNameError
from cellsearch.training import whole_number

__all__ = ["AUTO", "EXECUTORS", "VISIBLE", "Resources", "cards", "cores", "expect_resources"]

EXECUTORS: Final = ("local", "ray")
"""Every kind of pool: processes on this machine, and a Ray cluster."""

AUTO: Final = "auto"
"""The number of workers that is as large as there is room for."""

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
"""The environment variable that names the cards of a process."""

QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""In a container, microseconds of all cores together that it may use, in each so many microseconds."""


@dataclass(frozen=True)
class Resources:
    """Where trainings run. `workers` of them run at once; "auto" is one a core that this process may use.

    `executor` is one of EXECUTORS; `timeout` is in seconds a training, and `memory` the GiB that it may take, 0 for
    any. The others are Ray's. `address` is the cluster to join (a Ray of our own if None), of which "auto" uses all
    that there is while machines join and leave it. A training takes so many `cpus` and `gpus` (or a fraction of one)
    of one machine. With `send_cellsearch` the cluster's machines get this installation's code, beside a task's and a
    space's own. Raises UnknownNameError and BudgetError.
    """

    executor: str = "local"
    workers: int | str = AUTO
    timeout: float = 600.0
    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    memory: float = 0.0
    send_cellsearch: bool = False

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise UnknownNameError(f"unknown executor {self.executor!r}; use {' or '.join(EXECUTORS)}")
        if self.workers != AUTO:
            object.__setattr__(self, "workers", whole_number("workers", self.workers, 1))
        for name in ("timeout", "cpus", "gpus", "memory"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not self.timeout > 0:
            raise BudgetError(f"timeout must be above 0, in seconds a training, got {self.timeout:g}")
        if not (self.cpus >= 0 and self.gpus >= 0 and self.memory >= 0):
            raise BudgetError(f"a training cannot take {self.taken}; use numbers from 0")
        if self.gpus > 1 and self.gpus % 1:
            raise BudgetError(f"a training takes a fraction of one GPU or whole ones, got {self.gpus:g}")
        if self.workers == AUTO and not (self.cpus or self.gpus or self.memory):
            raise BudgetError("a training that takes nothing has room without end; give a number of workers")
        if self.executor == "local" and (given := [name for name in OF_RAY if getattr(self, name) != DEFAULT[name]]):
            raise BudgetError(
                f"only the ray executor has {', '.join(given)}; choose it with executor, or leave that out"
            )
        if self.send_cellsearch and self.address is None:
            raise BudgetError("only the machines of a cluster are sent cellsearch; give its address too")

    @property
    def size(self) -> int:
        """Trainings at once, as far as this process can tell."""
        return self.workers if isinstance(self.workers, int) else cores()

    @property
    def taken(self) -> str:
        """What a training takes, as `1 CPU, 0.25 GPU, 2 GiB`."""
        parts = [(self.cpus, "CPU"), (self.gpus, "GPU"), (self.memory, "GiB")]
        return ", ".join(f"{count:g} {what}" for count, what in parts if count) or "nothing"


OF_RAY: Final = ("address", "cpus", "gpus", "send_cellsearch")
"""The fields that have no meaning for processes on this machine."""

DEFAULT: Final = {field.name: field.default for field in fields(Resources)}


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
