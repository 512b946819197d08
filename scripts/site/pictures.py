"""The pictures of docs/concepts.md, drawn from the code and from what was measured."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from random import Random

from matplotlib import rc_context
from matplotlib.figure import Figure

from cellsearch import plugins
from cellsearch.cell import Cell
from cellsearch.inspect.picture.picture import svg
from cellsearch.statistics.differences import difference, interval
from cellsearch.study.schedule.halving import GOES_ON, halving
from cellsearch.study.strategies import make_strategy

__all__ = ["PICTURES"]

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "published.csv"

FRESH = 1000
"""The first of the seeds that judge, in published.csv."""

SPACE = plugins.load(plugins.SPACES, "gated")
GRU: Cell = SPACE.seeds["gru"]
DARK, LIGHT, STRONG = "#333333", "#9fc5e8", "#2f6db5"


def candidate() -> str:
    """What evolution makes of the GRU at its first draw, the same as in docs/internals.md."""
    return svg(make_strategy("evolution", [GRU], SPACE).propose([], True, Random(5)).cell)


def rungs() -> bytes:
    """How far 27 candidates are trained, where the best third of those at a rung goes on."""
    ends = (*halving(900).rungs, 900)
    steps = sorted((end for place, end in enumerate(ends) for _ in range(_ending(place, len(ends)))), reverse=True)
    with _figure(7, 3) as (figure, drawn):
        axes = figure.subplots()
        axes.barh(range(len(steps)), steps, color=[STRONG if step == 900 else LIGHT for step in steps])
        axes.set_xticks(ends)
        axes.set_yticks([])
        axes.invert_yaxis()
        axes.set_xlabel(f"steps that each of 27 candidates is trained: {sum(steps):,} instead of {27 * 900:,}")
    return drawn.getvalue()


def verdict() -> bytes:
    """Two cells on fresh seeds, from docs/published.csv: a claim needs the interval of the difference."""
    tests = {name: _tests(name) for name in ("mut1", "lstm")}
    found = difference(tests["mut1"], tests["lstm"])
    assert found and found.interval.low and found.interval.high
    with _figure(7, 2.4) as (figure, drawn):
        scores, differences = figure.subplots(1, 2)
        for row, (name, by_seed) in enumerate(tests.items()):
            mean = interval(list(by_seed.values()))
            assert mean and mean.low and mean.high
            scores.plot(list(by_seed.values()), [row + 0.2] * len(by_seed), "o", color=LIGHT, markersize=4)
            scores.plot([mean.low, mean.high], [row, row], color=STRONG)
            scores.plot(mean.mean, row, "o", color=STRONG, label=name)
        scores.set_yticks([0, 1], list(tests))
        scores.set_ylim(1.6, -0.6)
        scores.set_xlabel("bits per character, test")
        differences.axvline(0, color=DARK, linewidth=0.8)
        differences.plot([found.interval.low, found.interval.high], [0, 0], color=STRONG)
        differences.plot(found.interval.mean, 0, "o", color=STRONG)
        differences.set_yticks([])
        differences.set_xlabel("mut1 less lstm, interval of 99 %")
    return drawn.getvalue()


PICTURES: Mapping[str, Callable[[], str | bytes]] = {
    "gru": lambda: svg(GRU),
    "lstm": lambda: svg(SPACE.seeds["lstm"]),
    "candidate": candidate,
    "rungs": rungs,
    "verdict": verdict,
}
"""What each picture is drawn by."""


def _ending(place: int, rungs: int) -> int:
    """How many of 27 candidates end at a rung."""
    there = int(27 / GOES_ON**place)
    return there if place == rungs - 1 else there - there // GOES_ON


def _tests(cell: str) -> dict[int, float]:
    """The test scores on `chars` by fresh seed."""
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["setting"], row["cell"]) == ("chars", cell)]
    return {int(row["seed"]): float(row["test"]) for row in rows if int(row["seed"]) >= FRESH}


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Figure, BytesIO]]:
    """A figure that is drawn into the buffer at the end, the same each time."""
    drawn = BytesIO()
    with rc_context({"svg.hashsalt": "cellsearch", "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, drawn
        figure.savefig(drawn, format="svg", metadata={"Date": None})
