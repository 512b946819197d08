"""Workers: where evaluations run."""

from cellsearch.workers.interface import Event, Failed, Finished, Reported, Started, WorkerPool

__all__ = ["Event", "Failed", "Finished", "Reported", "Started", "WorkerPool"]
