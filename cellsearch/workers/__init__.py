"""Workers: where evaluations run."""

from __future__ import annotations

from cellsearch.workers.interface import Event, Failed, Finished, Reported, Started, WorkerPool
from cellsearch.workers.resources import EXECUTORS, Resources, expect_resources

__all__ = [
    "EXECUTORS",
    "Event",
    "Failed",
    "Finished",
    "Reported",
    "Resources",
    "Started",
    "WorkerPool",
    "expect_resources",
    "open_pool",
]


def open_pool(resources: Resources) -> WorkerPool:
    """A pool for these resources, to be used in a `with` statement. Raises CellsearchError if it cannot start."""
    if resources.executor == "ray":
        from cellsearch.workers.ray.pool import RayPool  # takes half a second

        return RayPool(resources.size, resources.timeout, resources.address, resources.cpus, resources.gpus)
    from cellsearch.workers.local import LocalPool

    return LocalPool(resources.size, resources.timeout)
