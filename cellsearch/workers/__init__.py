"""Workers: where evaluations run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellsearch.workers.interface import (
    Cluster,
    Ended,
    Event,
    Failed,
    Finished,
    Lost,
    Refused,
    Reported,
    Started,
    WorkerPool,
)
from cellsearch.workers.resources import AUTO, EXECUTORS, Resources, expect_resources

__all__ = [
    "AUTO",
    "EXECUTORS",
    "Cluster",
    "Ended",
    "Event",
    "Failed",
    "Finished",
    "Lost",
    "Refused",
    "Reported",
    "Resources",
    "Started",
    "WorkerPool",
    "expect_resources",
    "open_pool",
]


def open_pool(resources: Resources, sources: Sequence[Path] = ()) -> WorkerPool:
    """A pool for these resources, to be used in a `with` statement.

    `sources` are files and packages that evaluations need beside cellsearch (`plugins.sources`); a cluster's machines
    are sent them. Raises CellsearchError if the pool cannot start.
    """
    if resources.executor == "ray":
        from cellsearch.workers.ray.pool import RayPool  # takes half a second

        return RayPool(resources, sources)
    from cellsearch.workers.local import LocalPool

    return LocalPool(resources.size, resources.timeout, memory=resources.memory)
