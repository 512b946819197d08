"""A skill profile in one figure: a bar a skill and cell, gradients by lag, and how often gates are shut or open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cellsearch.inspect.picture_path import picture_path
from cellsearch.study.profile import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["save_profile"]

COLOURS: Final = ("#c14a00", "#2f86bd", "#8a8a8a", "#5a9e4b", "#8b62a8", "#b59a2b")
"""Of the cells in their order; a profile of more begins again."""

SHUT: Final = "#444444"
OPEN: Final = "#c9c9c9"

SMALLEST: Final = 1e-12
"""Gradients below this are drawn at it."""


def save_profile(profile: Profile, path: str | Path) -> None:
    """Write the figure as .png or .svg. Raises CellsearchError for another ending."""
    from matplotlib.figure import Figure

    path = picture_path(path)
    gates = sum(len(portrait.gates) for portrait in profile.portraits)
    height = max(4.5, 0.16 * len(profile.skills) * (len(profile.portraits) + 1), 2.6 + 0.24 * gates)
    figure = Figure(figsize=(11, height), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.3, 1), height_ratios=(1, max(0.6, 0.12 * gates)))
    _skills(figure.add_subplot(grid[:, 0]), profile)
    _gradients(figure.add_subplot(grid[0, 1]), profile)
    _gates(figure.add_subplot(grid[1, 1]), profile)
    figure.savefig(path)


def _skills(axes: Axes, profile: Profile) -> None:
    """Levels from 0 (guessing) to 1 (perfect), a group of bars a skill; a failed training has a cross."""
    count = len(profile.portraits)
    thickness = 0.8 / count
    for place, portrait in enumerate(profile.portraits):
        colour = COLOURS[place % len(COLOURS)]
        heights = [i - 0.4 + thickness * (place + 0.5) for i in range(len(profile.skills))]
        figures = [portrait.figures[skill.name] for skill in profile.skills]
        levels = [
            0.0 if each is None else skill.level(each) for skill, each in zip(profile.skills, figures, strict=True)
        ]
        axes.barh(heights, levels, thickness, color=colour, label=portrait.cell.name)
        failed = [height for height, each in zip(heights, figures, strict=True) if each is None]
        axes.plot([0.01] * len(failed), failed, "x", color=colour, markersize=4)
    axes.set_yticks(range(len(profile.skills)), [skill.name for skill in profile.skills])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("0: guessing, 1: perfect")
    axes.set_title(f"skills with {profile.parameters:,} parameters", loc="left", fontsize=10)
    axes.grid(axis="x", color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), ncols=min(count, 5), frameon=False)


def _gradients(axes: Axes, profile: Profile) -> None:
    for place, portrait in enumerate(profile.portraits):
        norms = [max(norm, SMALLEST) for norm in portrait.gradients]
        axes.semilogy(range(len(norms)), norms, color=COLOURS[place % len(COLOURS)], label=portrait.cell.name)
    axes.set_xlabel("lag in steps")
    axes.set_title("gradient in earlier inputs, before training", loc="left", fontsize=10)
    axes.grid(color="#e8e8e8", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def _gates(axes: Axes, profile: Profile) -> None:
    """Bars from the left for shut, from the right for open; what is between neither."""
    rows = [(f"{p.cell.name}: {name}", gate) for p in profile.portraits for name, gate in p.gates.items()]
    places = range(len(rows))
    axes.barh(places, [gate.shut for _, gate in rows], color=SHUT, label="shut (below 0.1)")
    axes.barh(
        places, [gate.open for _, gate in rows], left=[1 - gate.open for _, gate in rows], color=OPEN, label="open"
    )
    axes.set_yticks(places, [label for label, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title("gates shut (dark) and open (light), trained", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if not rows:
        axes.set_axis_off()
        axes.text(0, 0.5, "no cell has a sigmoid gate", transform=axes.transAxes)
