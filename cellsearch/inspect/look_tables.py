"""What the command line prints of a look into a trained cell: gates, how far it reaches, and which units remember."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from rich.console import Group, RenderableType
from rich.text import Text

from cellsearch.inspect.columns import right_aligned
from cellsearch.inspect.looking.look import Look

__all__ = ["look_table"]

SHOWN = 8
"""Units that are named."""


def look_table(look: Look) -> RenderableType:
    """Gates' means, the states' slowest and fastest directions, and the units that remember longest."""
    gates = right_aligned("gate", "mean", "below 0.1", "above 0.9")
    for name, values in look.gates.items():
        flat = [*chain.from_iterable(values)]
        gates.add_row(name, f"{sum(flat) / len(flat):.2f}", _share(flat, 0, 0.1), _share(flat, 0.9, 1.1))
    states = right_aligned("", "largest |eigenvalue|", "above 0.9", f"gradient at lag {_last(look)} over lag 0")
    for name, values in look.eigenvalues.items():
        sizes = [abs(complex(*each)) for each in values]
        norms = look.gradients[name]
        reach = f"{norms[-1] / norms[0]:.2g}" if norms[0] else "-"
        states.add_row(name, f"{max(sizes, default=0.0):.3f}", _share(sizes, 0.9, float("inf")), reach)
    units = right_aligned("unit", "remembers the input of", "share of its variance")
    for unit, lag, share in look.longest[:SHOWN]:
        units.add_row(str(unit), f"{lag} steps ago" if lag > 1 else ["now", "a step ago"][lag], f"{100 * share:.0f} %")
    parts: list[RenderableType] = [gates, Text(), states, Text()] if look.gates else [states, Text()]
    return Group(*parts, units if look.memory else Text("The data is too short to tell what units remember."))


def _share(values: Sequence[float], low: float, high: float) -> str:
    return f"{100 * sum(low <= each < high for each in values) / max(1, len(values)):.0f} %"


def _last(look: Look) -> int:
    return len(look.gradients["trained"]) - 1
