"""Progress: how far a search or a comparison is, for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from cellsearch.study.record import Record
from cellsearch.training import Task
from cellsearch.workers import Cluster

__all__ = ["Observer", "Progress", "Watch"]


@dataclass(frozen=True)
class Progress:
    """How far a stage is: "search" or "finals" of a search, "comparison", of several tasks "comparison on" one.

    `first` are the baselines that a search trains before its candidates, none in other stages. `best` and `baselines`
    are of the search's trials; a comparison has each entrant's best score so far as a baseline. `total` is None
    where whoever looks does not know it.
    `seconds_left` is an estimate for the stage from the trials that ended since this process began, None before the
    first. Candidates that paused count as pruned, which most of them are in the end. `per_minute` are the trials that
    ended in a minute, `cluster` is what trains them if it is one, and `lost` counts those that its machines have failed
    and that were begun again.
    """

    stage: str
    total: int | None
    complete: int
    running: int
    pruned: int
    failed: int
    best: Record | None
    baselines: Mapping[str, float]
    metric: str
    lower_is_better: bool
    seconds_left: float | None
    first: int = 0
    per_minute: float | None = None
    cluster: Cluster | None = None
    lost: int = 0


Observer = Callable[[Progress], None]


class Watch:
    """Counts a stage's trials as they end and tells an observer."""

    def __init__(
        self,
        stage: str,
        total: Callable[[], int],
        records: Callable[[], list[Record]],
        task: Task,
        observe: Observer | None,
        first: int = 0,
    ) -> None:
        self._stage, self._total, self._records, self._task = stage, total, records, task
        self._observe, self._first = observe, first
        self._began, self._ended_before = monotonic(), _ended(records())

    def tell(
        self,
        running: int,
        best: Record | None,
        baselines: Mapping[str, float],
        cluster: Cluster | None = None,
        lost: int = 0,
    ) -> None:
        """Tell the observer, if there is one, how far the stage is."""
        if self._observe is None:
            return
        records = self._records()
        states = [("pruned" if record.state == "paused" else record.state) for record in records]
        count = {state: states.count(state) for state in ("complete", "pruned", "failed")}
        ended = _ended(records) - self._ended_before
        total = max(self._total(), _ended(records))  # a study that goes on may be asked for fewer than it has
        left = max(0, total - _ended(records))
        self._observe(
            Progress(
                stage=self._stage,
                total=total,
                running=running,
                **count,
                best=best,
                baselines=baselines,
                metric=self._task.metric,
                lower_is_better=self._task.lower_is_better,
                first=self._first,
                per_minute=60 * ended / max(1e-9, monotonic() - self._began) if ended else None,
                cluster=cluster,
                lost=lost,
                seconds_left=(monotonic() - self._began) / ended * left if ended else None,
            )
        )


def _ended(records: Sequence[Record]) -> int:
    return sum(record.state in ("complete", "pruned", "paused", "failed") for record in records)
