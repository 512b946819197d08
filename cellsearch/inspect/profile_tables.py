"""What the command line prints of a skill profile: skills, gradients and gates, a column a cell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cellsearch.inspect.columns import right_aligned
from cellsearch.study.profiling.exercises import Skill
from cellsearch.study.profiling.profile import Portrait, Profile

__all__ = ["profile_table"]

FAINT = 0.01
"""The share of its first value from which on a gradient counts as gone."""


def profile_table(profile: Profile) -> RenderableType:
    """The figures with their levels in percent, how far back gradients reach, and how gates are used."""
    title = Text(
        f"skills with {profile.parameters:,} parameters; 0 % is guessing, 100 % perfect; one seed, on test data"
    )
    parts: list[RenderableType] = [title, _skills(profile), Text(), _gradients(profile.portraits)]
    if any(portrait.gates for portrait in profile.portraits):
        parts += [Text(), Text("gates after training: shut is below 0.1, open above 0.9"), _gates(profile.portraits)]
    parts += [Text(line) for portrait in profile.portraits for line in _failures(portrait)]
    return Group(*parts)


def _skills(profile: Profile) -> Table:
    table = right_aligned("skill", *(each.cell.name for each in profile.portraits))
    for skill in profile.skills:
        table.add_row(escape(skill.name), *(_level(skill, each.figures[skill.name]) for each in profile.portraits))
    return table


def _level(skill: Skill, figure: float | None) -> str:
    return "failed" if figure is None else f"{100 * skill.level(figure):.0f} % ({figure:.3g})"


def _gradients(portraits: Sequence[Portrait]) -> Table:
    table = right_aligned("before training", *(each.cell.name for each in portraits))
    table.add_row("steps until a gradient is 1 % of its first", *(_reach(each.gradients) for each in portraits))
    return table


def _reach(gradients: Sequence[float]) -> str:
    """The first lag from which on the gradient is FAINT of its largest among the first steps."""
    first = max(gradients[:3])
    gone = list(takewhile(lambda norm: norm < FAINT * first, reversed(gradients)))
    return str(len(gradients) - len(gone)) if gone else f"over {len(gradients)}"


def _gates(portraits: Sequence[Portrait]) -> Table:
    table = Table("cell", "gate", box=None, padding=(0, 2, 0, 0))
    for heading in ("shut", "open"):
        table.add_column(heading, justify="right")
    for portrait in portraits:
        for name, gate in portrait.gates.items():
            table.add_row(
                escape(portrait.cell.name), escape(name), f"{100 * gate.shut:.0f} %", f"{100 * gate.open:.0f} %"
            )
    return table


def _failures(portrait: Portrait) -> list[str]:
    return [f"{portrait.cell.name} failed at {task}: {reason}" for task, reason in portrait.failures.items()]
