"""Claims: one sentence on a difference between two cells, that says no more than its test does."""

from __future__ import annotations

from collections.abc import Iterable

from cellsearch.statistics.differences import FEWEST_SEEDS, Difference
from cellsearch.statistics.ranks import Ranking, fewest_tasks
from cellsearch.study.comparing.comparison import Entrant
from cellsearch.study.verdict import Verdict
from cellsearch.training import Measure

__all__ = ["claim", "p_text", "rank_claim", "settling_note", "untuned_note"]


def claim(name: str, other: str, difference: Difference, task: Measure, untuned: str = "") -> str:
    """Who is better and by how much; or that no difference is shown, and how small a one would have been.

    Bounds of a claim are sizes, in the direction of the claim; otherwise the signed difference is `name - other`.
    Nothing is claimed of a cell whose tuning is open, for the reason `untuned`.
    """
    low, high, mean = difference.interval.low, difference.interval.high, difference.interval.mean
    signed = f"{name} - {other} is {mean:+.4g} {task.metric} on test"
    direction = "lower is better" if task.lower_is_better else "higher is better"
    if difference.seeds == 1:
        return f"{signed} with one seed, which shows nothing ({direction})."
    if low is None or high is None:
        if not mean:
            return f"{name} and {other} have the same score on test with each of {difference.seeds} seeds: a tie."
        return f"{signed} with each of {difference.seeds} seeds alike, whose spread is therefore unknown ({direction})."
    seeds = f"{difference.seeds} seeds"
    if untuned:
        return f"{signed} ({low:+.4g} to {high:+.4g}, {direction}), which claims nothing: {untuned}."
    if difference.seeds < FEWEST_SEEDS:
        return f"{signed} ({low:+.4g} to {high:+.4g}, {direction}); {seeds} are too few to claim a difference."
    if difference.shown:
        better = (mean < 0) == task.lower_is_better
        least, most = sorted((abs(low), abs(high)))
        return (
            f"{name} is {'better' if better else 'worse'} than {other} by {abs(mean):.4g} {task.metric} on test "
            f"(99 % interval {least:.4g} to {most:.4g}, corrected p {p_text(difference.p_value)}, {seeds})."
        )
    return (
        f"no difference between {name} and {other} is shown: {signed} ({low:+.4g} to {high:+.4g}, {direction}); "
        f"{seeds} would have shown one of {difference.detectable:.2g}."
    )


def untuned_note(*judged: Verdict | Entrant) -> str:
    """Whose learning rate is not known to be its best, and why; empty where all are tuned."""
    return "; ".join(f"{each.cell.name} is not tuned, {each.untuned}" for each in judged if each.untuned)


def settling_note(reasons: Iterable[str]) -> list[str]:
    """A line that says what was not settled at the end of training; none where everything was."""
    found = "; ".join(filter(None, reasons))
    return [f"not settled: {found}."] if found else []


def rank_claim(name: str, other: str, ranking: Ranking, untuned: str = "") -> str:
    """Who is better over several tasks by its ranks; or that none is shown to be. `other` is the ranking's first."""
    own, first = ranking.ranks[name].mean, ranking.ranks[other].mean
    means = f"mean ranks {own:.2f} and {first:.2f} over {ranking.tasks} tasks"
    if ranking.tasks == 1:
        return f"{name} has rank {own:g} and {other} {first:g} on one task, which shows nothing of others."
    means += f" (corrected p {p_text(ranking.p_values[name])})"
    if untuned:
        return f"{name} and {other} have {means}, which claims nothing: {untuned}."
    if ranking.differs(name):
        return f"{name} is {'better' if own < first else 'worse'} than {other} over the tasks: {means}."
    least, cells = fewest_tasks(len(ranking.ranks)), len(ranking.ranks)
    few = f"; of {cells} cells, {ranking.tasks} tasks can show none, {least} could" if ranking.tasks < least else ""
    return f"no difference between {name} and {other} over the tasks is shown: {means}{few}."


def p_text(p_value: float | None) -> str:
    """A p-value in three decimals, `-` of none."""
    return "-" if p_value is None else "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"
