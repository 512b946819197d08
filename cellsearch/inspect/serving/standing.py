"""How a study stands, told from its trials alone: whoever watches is another process than the one that writes."""

from __future__ import annotations

from collections.abc import Sequence

from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.finals import best_candidates
from cellsearch.study.progress import Progress
from cellsearch.study.record import Record, alive, best_first
from cellsearch.study.study import Study

__all__ = ["is_open", "progress_of"]

OPEN = ("running", "waiting", "paused")


def is_open(found: Study | Comparison | SeveralTasks) -> bool:
    """Whether a training is under way, waits or has paused, or none was begun yet."""
    records = [record for each in _trials(found) for record in each]
    return not records or any(record.state in OPEN for record in records)


def progress_of(found: Study | Comparison | SeveralTasks) -> Progress:
    """How far it is; how many trainings there will be is not known."""
    first, *_ = [found] if not isinstance(found, SeveralTasks) else [*found.comparisons.values()]
    records = alive(record for each in _trials(found) for record in each)
    states = ["pruned" if record.state == "paused" else record.state for record in records]
    return Progress(
        stage="comparison" if not isinstance(found, Study) else "finals" if found.finals else "search",
        total=None,
        complete=states.count("complete"),
        running=states.count("running"),
        pruned=states.count("pruned"),
        failed=states.count("failed"),
        best=_best(found),
        baselines=_baselines(found),
        metric=first.task.metric,
        lower_is_better=first.task.lower_is_better,
        seconds_left=None,
    )


def _trials(found: Study | Comparison | SeveralTasks) -> list[Sequence[Record]]:
    """All trials, by stage."""
    if isinstance(found, Study):
        return [found.records, *found.finals.values()]
    comparisons = [found] if isinstance(found, Comparison) else [*found.comparisons.values()]
    return [records for each in comparisons for form in each.forms for records in form.values()]


def _best(found: Study | Comparison | SeveralTasks) -> Record | None:
    """The best candidate of a search."""
    ranked = best_candidates(found.records, found.task.lower_is_better) if isinstance(found, Study) else []
    return ranked[0] if ranked else None


def _baselines(found: Study | Comparison | SeveralTasks) -> dict[str, float]:
    """The baselines' scores in the search; of a comparison on one task the best of each entrant."""
    if isinstance(found, Study):
        return {r.cell.name: r.score for r in found.records if r.role == "baseline" and r.score is not None}
    if isinstance(found, SeveralTasks):
        return {}
    scored = [best_first(records, found.task.lower_is_better) for records in found.records]
    return {each[0].cell.name: each[0].score for each in scored if each and each[0].score is not None}
