"""The page that says what is in the table of truth, read off its trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, quantiles, stdev

from scipy.stats import spearmanr

from cellsearch.testing.table import Table, Training
from cellsearch_search_spaces.small import GENES, KNOWN, cell_of

__all__ = ["write_page"]

BEST = 20
"""Cells that the page lists."""

Kept = Mapping[str, Sequence[Training]]
"""The trainings of each cell by its name."""


def write_page(table: Table, path: Path) -> None:
    """Write it from the cells that are trained at every rate."""
    kept = {name: found for name, found in table.kept.items() if len(found) >= len(table.learning_rates)}
    quality = {name: value for name in kept if (value := table.quality(table.cells[name])) is not None}
    parts = [
        _head(table, kept, quality),
        _cells(table, quality),
        _rates(table, kept),
        _noise(kept),
        _rungs(table, kept),
    ]
    path.write_text("\n".join(parts), encoding="utf-8")


def _head(table: Table, kept: Kept, quality: Mapping[str, float]) -> str:
    options = ",".join(f"{name}={value}" for name, value in table.options.items())
    genes = "\n".join(f"| {gene} | {', '.join(choices)} |" for gene, choices in GENES.items())
    deciles = " ".join(f"{each:.3f}" for each in quantiles(quality.values(), n=10))
    return f"""# The table of truth

Written by `scripts/make_table` from [trainings.csv](../cellsearch/testing/small/trainings.csv); loaded by
`cellsearch.testing.table.load()`. The space `small` has {len(table.cells):,} distinct cells, of which {len(kept):,} are
trained here, at the learning rates {", ".join(map(str, table.learning_rates))} with one seed, the best tenth with
three seeds at its best rate, and a random hundredth with three at every rate: {sum(map(len, kept.values())):,}
trainings of `{table.task}@{options}`, {table.parameters:,} parameters, {table.steps} steps, with the share of right
answers on validation at {", ".join(map(str, table.rungs))} steps and on test at the end.

| gene | choices |
|---|---|
{genes}

A cell's quality is its share of right answers on test, a mean over its seeds at the rate that is best on validation.
Its deciles over the cells: {deciles}. In {len(kept) - len(quality)} cells every training diverged.
"""


def _cells(table: Table, quality: Mapping[str, float]) -> str:
    order = sorted(quality, key=lambda name: -quality[name])
    lines = ["## Cells", "", "| place | cell | quality |", "|---|---|---|"]
    lines += [f"| {place} | {name} | {quality[name]:.3f} |" for place, name in enumerate(order[:BEST], 1)]
    for called, genes in KNOWN.items():
        name = table.name(cell_of(called, genes))
        if name in quality:  # it may not be trained yet
            lines.append(f"| {1 + order.index(name)} | {called}, {name} | {quality[name]:.3f} |")
    return "\n".join(lines) + "\n"


def _rates(table: Table, kept: Kept) -> str:
    """How often each rate is the best one."""
    best = [max(found, key=_last).learning_rate for found in kept.values()]
    shares = ", ".join(f"{rate:g} for {best.count(rate) / len(best):.0%}" for rate in table.learning_rates)
    return f"## Learning rates\n\nThe best of the three is {shares} of the cells.\n"


def _noise(kept: Kept) -> str:
    """The spread between seeds at one rate."""
    alike = [
        [_last(t) for t in found if t.learning_rate == rate and t.scores]
        for found in kept.values()
        for rate in {t.learning_rate for t in found}
    ]
    spreads = [stdev(scores) for scores in alike if len(scores) > 1]
    if not spreads:
        return ""
    between = stdev(max(map(_last, found)) for found in kept.values())
    return (
        "## Noise\n\n"
        f"At one rate, scores on validation differ between seeds by a standard deviation of {fmean(spreads):.3f} "
        f"({len(spreads)} cells and rates, three seeds each); between cells it is {between:.3f}.\n"
    )


def _rungs(table: Table, kept: Kept) -> str:
    """How well a score on the way tells the order at the end."""
    lines = ["## Fidelity", "", "| steps | rank correlation with the end |", "|---|---|"]
    whole = [t for found in kept.values() for t in found if t.seed == 0 and len(t.scores) == len(table.rungs)]
    for rung in table.rungs[:-1]:
        told = spearmanr([t.scores[rung] for t in whole], [t.scores[table.steps] for t in whole]).statistic
        lines.append(f"| {rung} | {told:.2f} |")
    return "\n".join(lines) + "\n"


def _last(training: Training) -> float:
    return max(training.scores.values(), default=0.0)
