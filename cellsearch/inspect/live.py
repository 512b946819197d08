"""The live display of what runs: how far it is, and the best cell so far against LSTM and GRU."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cellsearch.study.forms import BASELINES
from cellsearch.study.progress import Progress

__all__ = ["Display", "in_a_line", "panel"]

LINES: Final = 10
"""Lines that a stage prints at most where the output is no terminal."""

WIDTH: Final = 80
"""Columns of such a line, at most."""

SHORTEST_STAGE: Final = 12
"""Characters of a long stage's name that are left, at least."""

MOST_BASELINES: Final = 6
"""Baselines that are shown at once."""


class Display:
    """Shows each Progress given to `observe`: redrawn in place on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        live = Live("starting", console=console, refresh_per_second=4, transient=True)
        self.live = live if console.is_terminal else None
        self.last: tuple[str, int] = ("", -1)
        self.announced = False
        self.compared = False

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()

    def observe(self, progress: Progress) -> None:
        """Show the progress."""
        if progress.first and not self.announced:
            self._print(_announcement(progress))
        self.announced = True
        if self.live:
            self.live.update(panel(progress))
            return
        if progress.best and progress.baselines and not self.compared:
            self._print(f"to beat: {_baselines(progress)} {progress.metric}, {_direction(progress)} is better")
            self.compared = True
        now = (progress.stage, _done(progress) * LINES // max(1, progress.total or 0))
        if now != self.last:
            self.last = now
            self._print(in_a_line(progress))

    def _print(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _announcement(progress: Progress) -> str:
    """What is trained before anything is tried, and how to have less of it where that is much."""
    many = " (fewer with --seeds lstm,gru)" if progress.first > MOST_BASELINES else ""
    return f"{progress.first} baselines are trained before the first candidate{many}"


def panel(progress: Progress) -> RenderableType:
    """What a terminal shows: how far it is, and scores."""
    known = progress.total is not None
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        escape(progress.stage),
        *([ProgressBar(total=max(1, progress.total or 0), completed=_done(progress), width=24)] if known else []),
        f"{_counted(progress)}{_left(progress)}",
    )
    counts = Text(f"{progress.running} running, {progress.pruned} pruned, {progress.failed} failed")
    rows = [counts, Text(_cluster(progress)), _scores(progress)] if progress.cluster else [counts, _scores(progress)]
    return Group(bar, *rows)


def _cluster(progress: Progress) -> str:
    """`3 machines, 24 places, 96 % busy, 12.5 trainings a minute, 2 lost to their machines`."""
    cluster = progress.cluster
    assert cluster is not None
    machines = "1 machine" if cluster.machines == 1 else f"{cluster.machines} machines"
    parts = [
        machines,
        f"{cluster.places} places",
        f"{cluster.busy / max(1, cluster.places):.0%} busy".replace("%", " %"),
    ]
    if progress.per_minute is not None:
        parts.append(f"{progress.per_minute:.3g} trainings a minute")
    if progress.lost:
        parts.append(f"{progress.lost} lost to their machines")
    return ", ".join(parts)


def _scores(progress: Progress) -> RenderableType:
    """The best candidate and the baselines, and how far it is from each."""
    scores = Table(box=None, padding=(0, 2, 0, 0))
    scores.add_column(f"{progress.metric}, {_direction(progress)} is better")
    scores.add_column("score", justify="right")
    scores.add_column("best - it", justify="right")
    best = progress.best.score if progress.best else None
    when = "so far" if progress.stage == "search" else "of the search"
    label = f"{escape(progress.best.cell.name)}, best {when}" if progress.best else "no candidate is complete yet"
    if progress.stage in ("search", "finals"):
        scores.add_row(label, "-" if best is None else f"{best:.4f}", style="bold")
    for baseline, score in _shown(progress).items():
        scores.add_row(escape(baseline), f"{score:.4f}", "-" if best is None else f"{best - score:+.4f}")
    if more := len(progress.baselines) - len(_shown(progress)):
        scores.add_row(f"and {more} more")
    return scores


def _shown(progress: Progress) -> Mapping[str, float]:
    """LSTM and GRU, and the best of the others."""
    first = [name for name in BASELINES if name in progress.baselines]
    names = [*dict.fromkeys([*first, *_ranked(progress)])]
    return {name: progress.baselines[name] for name in names[:MOST_BASELINES]}


def _ranked(progress: Progress) -> list[str]:
    """The baselines' names, the best first."""
    return sorted(progress.baselines, key=progress.baselines.__getitem__, reverse=not progress.lower_is_better)


def _baselines(progress: Progress) -> str:
    shown = [*_shown(progress).items()][: len(BASELINES)]
    return ", ".join(f"{name} {score:.4f}" for name, score in shown)


def in_a_line(progress: Progress) -> str:
    """What a file gets: one line that fits a terminal."""
    failed = f", {progress.failed} failed" if progress.failed else ""
    line = f"{_counted(progress)}{failed}{_left(progress)}"
    best = [(name, progress.baselines[name]) for name in _ranked(progress)[:1]]
    if progress.best and progress.best.score is not None:
        best = [(progress.best.cell.name, progress.best.score)]
    elif progress.stage in ("search", "finals"):
        best = []
    line += "".join(f"; best {name} {score:.4f}" for name, score in best)
    room = max(SHORTEST_STAGE, WIDTH - len(line) - 2)
    stage = progress.stage if len(progress.stage) <= room else progress.stage[: room - 3] + "..."
    return f"{stage}: {line}"


def _direction(progress: Progress) -> str:
    return "lower" if progress.lower_is_better else "higher"


def _done(progress: Progress) -> int:
    return progress.complete + progress.pruned + progress.failed


def _counted(progress: Progress) -> str:
    """How many are over, of how many if that is known."""
    return f"{_done(progress)} done" if progress.total is None else f"{_done(progress)} of {progress.total} done"


def _left(progress: Progress) -> str:
    return "" if progress.seconds_left is None else f", {_duration(progress.seconds_left)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
