"""Workers: where evaluations run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cellsearch.errors import CellsearchError
from cellsearch.workers.interface import Event, Failed, Finished, Reported, Started, WorkerPool

__all__ = ["EXECUTORS", "Event", "Failed", "Finished", "Reported", "Started", "WorkerPool", "open_pool"]


def open_pool(
    executor: str, workers: int, timeout: float, address: str | None = None, cpus: float = 1, gpus: float = 0
) -> WorkerPool:
    """A pool of `workers` evaluations at once, each with `timeout` seconds; to be used in a `with` statement.

    `executor` is one of EXECUTORS. `address`, `cpus` and `gpus` are Ray's: the cluster to join (a Ray of our own if
    None) and what a candidate takes of a machine. Raises CellsearchError if the options make no pool.
    """
    if executor not in EXECUTORS:
        raise CellsearchError(f"unknown executor {executor!r}; use {' or '.join(EXECUTORS)}")
    if workers < 1 or not timeout > 0:
        raise CellsearchError(f"a pool needs at least 1 worker and a timeout above 0 s, got {workers} and {timeout:g}")
    if cpus < 0 or gpus < 0:
        raise CellsearchError(f"a candidate cannot take {cpus:g} CPUs and {gpus:g} GPUs; use numbers from 0")
    return EXECUTORS[executor](workers, timeout, address, cpus, gpus)


def _local(workers: int, timeout: float, address: str | None, cpus: float, gpus: float) -> WorkerPool:
    from cellsearch.workers.local import LocalPool

    if address is not None or cpus != 1 or gpus != 0:
        raise CellsearchError("an address, CPUs and GPUs a candidate belong to the ray executor, not to local")
    return LocalPool(workers, timeout)


def _ray(workers: int, timeout: float, address: str | None, cpus: float, gpus: float) -> WorkerPool:
    from cellsearch.workers.ray_pool import RayPool  # takes half a second

    return RayPool(workers, timeout, address, cpus, gpus)


EXECUTORS: Final[dict[str, Callable[[int, float, str | None, float, float], WorkerPool]]] = {
    "local": _local,
    "ray": _ray,
}
"""Every kind of pool by its name."""
