"""The live display of a running search: how far it is, and the best cell so far against LSTM and GRU."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cellsearch.search.search import Progress

__all__ = ["Display"]

LINES = 10
"""Lines that a stage prints at most where the output is no terminal."""


class Display:
    """Shows each Progress given to `observe`: redrawn in place on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
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
        done = progress.complete + progress.pruned + progress.failed
        now = (progress.stage, done * LINES // max(1, progress.total))
        if now != self.last:
            self.last = now
            self.console.print(f"{_counts(progress)}; {_best(progress)}", highlight=False, soft_wrap=True)


def _panel(progress: Progress) -> RenderableType:
    done = progress.complete + progress.pruned + progress.failed
    bar = Table.grid(padding=(0, 1))
    bar.add_row(progress.stage, ProgressBar(total=max(1, progress.total), completed=done, width=40), _counts(progress))
    return Group(bar, Text(_best(progress)))


def _counts(progress: Progress) -> str:
    done = progress.complete + progress.pruned + progress.failed
    left = "" if progress.seconds_left is None else f", {_duration(progress.seconds_left)} left"
    return (
        f"{progress.stage}: {done} of {progress.total} done, {progress.running} running, {progress.pruned} pruned, "
        f"{progress.failed} failed{left}"
    )


def _best(progress: Progress) -> str:
    baselines = ", ".join(f"{name} {score:.4f}" for name, score in progress.baselines.items())
    if progress.best is None or progress.best.score is None:
        return f"best: none yet; {baselines or 'baselines are training'} ({progress.metric})"
    return f"best: {progress.best.cell.name} {progress.best.score:.4f}; {baselines} ({progress.metric})"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
