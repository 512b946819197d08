"""What a notebook shows of each kind of object: the sentences, tables and plots that a terminal or a report has, too.

Pictures are images of their own, in which no script runs; all text is escaped. Nothing of it needs a network.
"""

from __future__ import annotations

import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path
from typing import Final

from rich.console import RenderableType

from cellsearch.cell import Cell, equations
from cellsearch.cell.notation.symbols import legend
from cellsearch.errors import StudyError
from cellsearch.inspect.comparison_tables import comparison_statement, comparison_table
from cellsearch.inspect.picture.picture import svg
from cellsearch.inspect.plots.comparison_plot import save_comparison
from cellsearch.inspect.plots.profile_plot import save_profile
from cellsearch.inspect.plots.progress_plot import save_course
from cellsearch.inspect.profile_tables import profile_table
from cellsearch.inspect.report.printed import blocks
from cellsearch.inspect.report.template import filled
from cellsearch.inspect.study_tables import statement, verdict_table
from cellsearch.inspect.task_tables import tasks_statement, tasks_table
from cellsearch.shown import Form
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.several_tasks import SeveralTasks
from cellsearch.study.profiling.profile import Profile
from cellsearch.study.study import Study
from cellsearch.training import task_text

__all__ = ["painted"]

TEMPLATE: Final = Path(__file__).parent / "shown.html.jinja"


@dataclass(frozen=True)
class Picture:
    """An SVG image with what it shows in words."""

    title: str
    svg: bytes

    @property
    def data(self) -> str:
        """The image in base 64."""
        return b64encode(self.svg).decode()


def painted(shown: object, form: Form) -> str:
    """An object of ours as HTML, and a cell also as SVG and as LaTeX."""
    if form == "html":
        return _html(shown)
    assert isinstance(shown, Cell)
    return svg(shown) if form == "svg" else _latex(shown)


def _latex(cell: Cell) -> str:
    """The equations as one display, each at its equals sign."""
    lines = [line.replace(" = ", " &= ", 1) for line in equations(cell, latex=True)]
    return "$$\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}$$"


@singledispatch
def _html(shown: object) -> str:
    raise TypeError(f"a notebook shows nothing of {shown!r}")


@_html.register
def _(cell: Cell) -> str:
    lines = [f"{cell.name}: {len(cell.nodes)} nodes, states {', '.join(cell.states)}"]
    return _filled(lines, pictures=[_picture(cell)], equations=[*equations(cell), "", *legend(cell)])


@_html.register
def _(study: Study) -> str:
    lines = [f"Search on {task_text(study.settings['task'], study.settings['options'])}, {study.path}"]
    try:
        best = study.best.cell
    except StudyError as error:
        return _filled([*lines, str(error)])
    return _filled(
        [*lines, *statement(study).splitlines()],
        [verdict_table(study)] if study.verdicts else [],
        [_plot("The course of the search", lambda path: save_course(study, path)), _picture(best)],
        equations(best),
    )


@_html.register
def _(comparison: Comparison) -> str:
    lines = [f"Comparison on {task_text(comparison.settings['task'], comparison.settings['options'])}"]
    plot = _plot("Test scores and differences", lambda path: save_comparison(comparison, path))
    return _filled([*lines, *comparison_statement(comparison).splitlines()], [comparison_table(comparison)], [plot])


@_html.register
def _(several: SeveralTasks) -> str:
    return _filled(tasks_statement(several).splitlines(), [tasks_table(several)])


@_html.register
def _(profile: Profile) -> str:
    plot = _plot("Skills, gradients by lag, gates", lambda path: save_profile(profile, path))
    return _filled([], [profile_table(profile)], [plot])


def _filled(
    lines: Sequence[str],
    tables: Sequence[RenderableType] = (),
    pictures: Sequence[Picture] = (),
    equations: Sequence[str] = (),
) -> str:
    printed = [block for table in tables for block in blocks(table)]
    return filled(TEMPLATE, lines=lines, tables=printed, pictures=pictures, equations=equations)


def _picture(cell: Cell) -> Picture:
    return Picture(f"Picture of {cell.name}", svg(cell).encode())


def _plot(title: str, save: Callable[[Path], None]) -> Picture:
    """What a function draws into a file."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "plot.svg")
        return Picture(title, (Path(folder) / "plot.svg").read_bytes())
