"""What is shown of an ablation: each part with the loss that its absence brings, dead weight, and the simplest cell."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from cellsearch.cell import complexity
from cellsearch.inspect.claims import untuned_note
from cellsearch.inspect.columns import right_aligned
from cellsearch.statistics.differences import FEWEST_SEEDS, Interval
from cellsearch.study.comparing.ablation import Ablation, Parts, could_show, loss, shown_worse

__all__ = ["ablation_statement", "ablation_table", "parts_list"]

SIZE = 128
"""Input and hidden size at which matrix products are counted."""


def parts_list(parts: Parts) -> RenderableType:
    """What an ablation would train, and the dead weight, which takes no training."""
    lines = [Text(f"{parts.whole.name}, and {len(parts.lesser)} cells with a part less:", style="bold")]
    lines += [Text(f"  {cell.name}") for cell in parts.lesser]
    return Group(*_dead(parts.dead), *lines)


def ablation_table(ablation: Ablation) -> RenderableType:
    """Each cell with a part less: its test score, its loss to the whole with interval, and what it saves."""
    task, whole = ablation.comparison.task, ablation.whole
    table = right_aligned("cell", "test", "worse by", "from", "to", "multiply-adds", "nodes")
    for entrant in (whole, *ablation.lesser):
        found, cost = loss(ablation, entrant), complexity(entrant.cell, SIZE, SIZE)
        table.add_row(
            escape(entrant.cell.name),
            "-" if entrant.test is None else str(entrant.test),
            *_bounds(found),
            f"{cost.multiply_adds:,}",
            str(len(entrant.cell.nodes)),
            style="bold" if entrant is whole or shown_worse(ablation, entrant) else "",
        )
    direction = "lower" if task.lower_is_better else "higher"
    title = Text(
        f"test {task.metric}, {direction} is better, {_budget(ablation)}; worse by: the paired difference to "
        f"{whole.cell.name} with its interval of 99 %, corrected for {len(ablation.comparison.entrants) - 1} cells; "
        "bold where it is shown"
    )
    failed = [Text(f"{e.cell.name} has no result: {e.reason}") for e in (whole, *ablation.lesser) if not e.test]
    return Group(*_dead(ablation.dead), title, table, *failed)


def ablation_statement(ablation: Ablation) -> str:
    """Which parts are shown to matter, and the simplest cell that is not shown to be worse."""
    whole, simplest = ablation.whole, ablation.simplest
    worse = [each for each in ablation.lesser if shown_worse(ablation, each)]
    judged = [each for each in ablation.lesser if each.difference]
    first = f"{len(worse)} of {len(judged)} cells with a part less are shown to be worse than {whole.cell.name}, "
    first += f"{_budget(ablation)}."
    if why := _nothing_shown(ablation):
        return f"{first} {why}, so that no simpler cell is offered."
    if simplest is whole:
        return f"{first}\n{whole.cell.name} is itself the simplest that is not shown to be worse."
    return f"{first}\nThe simplest: {whole.cell.name}, {simplest.cell.name}: {_saved(ablation)}, {_unseen(ablation)}."


def _nothing_shown(ablation: Ablation) -> str:
    """Why no difference could have been shown; empty where one could."""
    if any(could_show(ablation, each) for each in ablation.lesser):
        return ""
    seeds = [each.difference.seeds for each in ablation.lesser if each.difference]
    if seeds and max(seeds) < FEWEST_SEEDS:
        return f"Fewer than {FEWEST_SEEDS} seeds show nothing"
    return f"Nothing can be shown: {untuned_note(ablation.whole) or 'no cell was tuned and trained'}"


def _saved(ablation: Ablation) -> str:
    now, before = (complexity(e.cell, SIZE, SIZE).multiply_adds for e in (ablation.simplest, ablation.whole))
    return f"{now:,} multiply-adds a step at sizes of {SIZE} in place of {before:,}"


def _unseen(ablation: Ablation) -> str:
    """What is not shown of the simplest cell, and how large a loss would have been."""
    simplest = ablation.simplest
    least = simplest.difference.detectable if simplest.difference else None
    mean, low, high = _bounds(loss(ablation, simplest))
    bounds = f", {low} to {high}" if low else ""
    shown = f"; {least:.2g} would have been" if least else ""
    return f"not shown to be worse (by {mean}{bounds}{shown})"


def _dead(dead: Sequence[str]) -> list[Text]:
    heading = Text("found without training:", style="bold")
    return [heading, *(Text(f"  {line}") for line in dead), Text()] if dead else []


def _budget(ablation: Ablation) -> str:
    settings, seeds = ablation.comparison.settings, len(ablation.whole.tests)
    return f"at {settings['final_steps']:,} steps, {settings['parameters']:,} parameters and {seeds} seeds"


def _bounds(found: Interval | None) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    low, high = ("" if bound is None else f"{bound:+.3f}" for bound in (found.low, found.high))
    return f"{found.mean:+.3f}", low, high
