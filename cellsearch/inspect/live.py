"""The live display of a running search: how far it is, and the best cell so far against LSTM and GRU."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cellsearch.study.progress import Progress

__all__ = ["Display"]

LINES = 10
"""Lines that a stage prints at most where the output is no terminal."""


class Display:
    """Shows each Progress given to `observe`: redrawn in place on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        live = Live("starting", console=console, refresh_per_second=4, transient=True)
        self.live = live if console.is_terminal else None
        self.last: tuple[str, int] = ("", -1)

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
        if self.live:
            self.live.update(_panel(progress))
            return
        now = (progress.stage, _done(progress) * LINES // max(1, progress.total))
        if now != self.last:
            self.last = now
            self.console.print(_line(progress), highlight=False, markup=False, soft_wrap=True)


def _panel(progress: Progress) -> RenderableType:
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        escape(progress.stage),
        ProgressBar(total=max(1, progress.total), completed=_done(progress), width=24),
        f"{_done(progress)} of {progress.total} done{_left(progress)}",
    )
    counts = Text(f"{progress.running} running, {progress.pruned} pruned, {progress.failed} failed")
    return Group(bar, counts, _scores(progress))


def _scores(progress: Progress) -> RenderableType:
    """The best candidate and the baselines, and how far it is from each."""
    direction = "lower" if progress.lower_is_better else "higher"
    scores = Table(box=None, padding=(0, 2, 0, 0))
    scores.add_column(f"{progress.metric}, {direction} is better")
    scores.add_column("score", justify="right")
    scores.add_column("best less it", justify="right")
    best = progress.best.score if progress.best else None
    when = "so far" if progress.stage == "search" else "of the search"
    label = f"{escape(progress.best.cell.name)}, best {when}" if progress.best else "no candidate is complete yet"
    if not progress.stage.startswith("comparison"):
        scores.add_row(label, "-" if best is None else f"{best:.4f}", style="bold")
    for baseline, score in progress.baselines.items():
        scores.add_row(escape(baseline), f"{score:.4f}", "-" if best is None else f"{best - score:+.4f}")
    return scores


def _line(progress: Progress) -> str:
    counts = (
        f"{progress.stage}: {_done(progress)} of {progress.total} done, {progress.running} running, "
        f"{progress.pruned} pruned, {progress.failed} failed{_left(progress)}"
    )
    baselines = ", ".join(f"{name} {score:.4f}" for name, score in progress.baselines.items())
    if progress.best is None or progress.best.score is None:
        return f"{counts}; {baselines or 'baselines are training'} ({progress.metric})"
    best = progress.best.score
    held = ", ".join(f"{name} {score:.4f} ({best - score:+.4f})" for name, score in progress.baselines.items())
    return f"{counts}; best {progress.best.cell.name} {best:.4f} {progress.metric}, held against {held}"


def _done(progress: Progress) -> int:
    return progress.complete + progress.pruned + progress.failed


def _left(progress: Progress) -> str:
    return "" if progress.seconds_left is None else f", {_duration(progress.seconds_left)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
