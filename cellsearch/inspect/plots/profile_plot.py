"""A skill profile in one figure: a bar a skill and cell, gradients by lag, and how often gates are shut or open."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Final

from cellsearch.cell.notation.symbols import symbols
from cellsearch.inspect.picture_path import picture_path
from cellsearch.study.profiling.exercises import Skill
from cellsearch.study.profiling.profile import Portrait, Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["save_profile"]

COLOURS: Final = ("#c14a00", "#2f86bd", "#8a8a8a", "#5a9e4b", "#8b62a8", "#b59a2b")
"""Of the cells in their order; a profile of more begins again."""

SHUT: Final = "#444444"
OPEN: Final = "#c9c9c9"

SMALLEST: Final = 1e-12
"""Gradients below this are drawn at it, on a line that says so."""

ROOM: Final = 0.02
"""Beside 0 and 1, so that a bar of length 0 is seen."""

DASHES: Final = ("-", (0, (5, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)))
"""Of the cells in their order, so that curves that cover one another are told apart."""


def save_profile(profile: Profile, path: str | Path) -> None:
    """Write the figure as .png or .svg. Raises CellsearchError for another ending."""
    from matplotlib.figure import Figure

    path = picture_path(path)
    gates = sum(len(portrait.gates) for portrait in profile.portraits)
    height = max(5.0, 0.16 * len(profile.skills) * (len(profile.portraits) + 1), 3.1 + 0.24 * gates)
    figure = Figure(figsize=(11, height), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.3, 1), height_ratios=(1, max(0.6, 0.12 * gates)))
    skills = figure.add_subplot(grid[:, 0])
    _skills(skills, profile)
    _gradients(figure.add_subplot(grid[0, 1]), profile)
    _gates(figure.add_subplot(grid[1, 1]), profile)
    names = ", ".join(portrait.cell.name for portrait in profile.portraits)
    title = f"what {names} can do with {profile.parameters:,} parameters, one seed"
    figure.suptitle(fill(title, 100), x=0.01, horizontalalignment="left", fontsize=11)
    figure.legend(*skills.get_legend_handles_labels(), loc="outside lower left", ncols=6, frameon=False)
    figure.savefig(path)


def _skills(axes: Axes, profile: Profile) -> None:
    """Levels from 0 (guessing) to 1 (perfect), a group of bars a skill; a failed training has a cross."""
    thickness = 0.8 / len(profile.portraits)
    failed: list[float] = []
    for place, portrait in enumerate(profile.portraits):
        heights = [i - 0.4 + thickness * (place + 0.5) for i in range(len(profile.skills))]
        known = {
            h: each
            for h, skill in zip(heights, profile.skills, strict=True)
            if (each := _level(portrait, skill)) is not None
        }
        widths = [level + ROOM for level in known.values()]
        axes.barh([*known], widths, thickness, -ROOM, color=_colour(place), label=portrait.cell.name)
        failed += [height for height in heights if height not in known]
    if failed:
        axes.plot([0] * len(failed), failed, "x", color=SHUT, markersize=5, label="failed")
    axes.axvline(0, color=SHUT, linewidth=0.8)
    axes.set_yticks(range(len(profile.skills)), [skill.name for skill in profile.skills])
    axes.invert_yaxis()
    axes.set_xlim(-ROOM, 1)
    axes.set_xlabel("0: guessing, 1: perfect")
    axes.set_title("skills", loc="left", fontsize=10)
    axes.grid(axis="x", color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _level(portrait: Portrait, skill: Skill) -> float | None:
    figure = portrait.figures[skill.name]
    return None if figure is None else skill.level(figure)


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _gradients(axes: Axes, profile: Profile) -> None:
    for place, portrait in enumerate(profile.portraits):
        norms = [max(norm, SMALLEST) for norm in portrait.gradients]
        axes.semilogy(range(len(norms)), norms, color=_colour(place), linestyle=DASHES[place % len(DASHES)])
    if any(norm < SMALLEST for portrait in profile.portraits for norm in portrait.gradients):
        axes.axhline(SMALLEST, color=SHUT, linewidth=0.8, linestyle=":")
        axes.annotate(
            f"{SMALLEST:g} or less",
            (1, SMALLEST),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            horizontalalignment="right",
            fontsize=8,
            color=SHUT,
        )
    axes.set_xlabel("lag in steps")
    axes.set_title("gradient in earlier inputs, before training", loc="left", fontsize=10)
    axes.grid(color="#e8e8e8", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def _gates(axes: Axes, profile: Profile) -> None:
    """Bars from the left for shut, from the right for open; what is between neither."""
    rows = [
        (f"{portrait.cell.name}: {symbols(portrait.cell).get(name, name)}", gate)
        for portrait in profile.portraits
        for name, gate in portrait.gates.items()
    ]
    places = range(len(rows))
    axes.barh(places, [gate.shut + ROOM for _, gate in rows], left=-ROOM, color=SHUT)
    axes.barh(places, [gate.open + ROOM for _, gate in rows], left=[1 - gate.open for _, gate in rows], color=OPEN)
    axes.set_yticks(places, [label for label, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(-ROOM, 1 + ROOM)
    axes.set_title("gates shut (dark) and open (light), trained", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if not rows:
        axes.set_axis_off()
        axes.text(0, 0.5, "no cell has a sigmoid gate", transform=axes.transAxes)
