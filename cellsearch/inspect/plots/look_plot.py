"""A look into a trained cell in one figure: gates over a text, gradient by lag, eigenvalues, what units remember."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cellsearch.inspect.looking.look import Look
from cellsearch.inspect.picture_path import picture_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_UNITS", "save_look_plot"]

MOST_UNITS: Final = 24
"""Units whose memory is shown, those that remember longest."""

SMALLEST: Final = 1e-20
"""Gradients below it are drawn there."""

COLOURS: Final = {"trained": "#c14a00", "before training": "#7d7d7d"}


def save_look_plot(look: Look, path: str | Path) -> None:
    """Write the figure as .png or .svg. Raises CellsearchError for another ending."""
    from matplotlib.figure import Figure

    path = picture_path(path)
    rows = len(look.gates)
    figure = Figure(figsize=(12, 4.5 + 2.6 * rows), dpi=120, layout="constrained")
    grid = figure.add_gridspec(rows + 1, 3, height_ratios=[*([2.4] * rows), 4])
    for row, (name, values) in enumerate(look.gates.items()):
        axes = figure.add_subplot(grid[row, :])
        image = axes.imshow([*zip(*values, strict=True)], aspect="auto", vmin=0, vmax=1, cmap="cividis")
        axes.set_title(f"{name}: 0 is shut, 1 is open", loc="left", fontsize=10)
        axes.set_ylabel("unit")
        _label_steps(axes, look)
        figure.colorbar(image, ax=axes, pad=0.01)
    _gradients(figure.add_subplot(grid[rows, 0]), look)
    _eigenvalues(figure.add_subplot(grid[rows, 1]), look)
    _memory(figure.add_subplot(grid[rows, 2]), look)
    figure.suptitle(f"{look.cell}, trained", x=0.01, horizontalalignment="left", fontsize=11)
    figure.savefig(path)


def _label_steps(axes: Axes, look: Look) -> None:
    """The text below the steps; dollars would be formulas."""
    if look.labels:
        labels = [{" ": "·", "\n": "↵", "\t": "→"}.get(each, each).replace("$", r"\$") for each in look.labels]
        axes.set_xticks(range(len(labels)), labels, fontsize=7)
    else:
        axes.set_xlabel("step")


def _gradients(axes: Axes, look: Look) -> None:
    for name, norms in look.gradients.items():
        axes.semilogy([max(each, SMALLEST) for each in norms], color=COLOURS[name], label=name)
    axes.set_title("gradient of the last output in earlier inputs", loc="left", fontsize=10)
    axes.set_xlabel("lag in steps")
    axes.grid(color="#e8e8e8", linewidth=0.8)
    axes.legend(frameon=False, fontsize=8)


def _eigenvalues(axes: Axes, look: Look) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((0, 0), 1, fill=False, color="#333333", linewidth=0.8))
    for name, values in reversed([*look.eigenvalues.items()]):
        if values:
            real, imaginary = zip(*values, strict=True)
            axes.scatter(real, imaginary, s=7, color=COLOURS[name], alpha=0.6, linewidths=0, label=name)
    axes.set_title("eigenvalues of the state's Jacobian", loc="left", fontsize=10)
    axes.set_xlabel("real")
    axes.set_ylabel("imaginary")
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(frameon=False, fontsize=8)


def _memory(axes: Axes, look: Look) -> None:
    units = [unit for unit, _, _ in look.longest[:MOST_UNITS]]
    axes.set_title("what units remember", loc="left", fontsize=10)
    if not units:
        axes.set_axis_off()
        axes.text(0, 0.5, "too little data to tell", transform=axes.transAxes)
        return
    image = axes.imshow([look.memory[unit] for unit in units], aspect="auto", vmin=0, vmax=1, cmap="cividis")
    axes.set_yticks(range(len(units)), [str(unit) for unit in units], fontsize=7)
    axes.set_ylabel("unit")
    axes.set_xlabel("lag: share explained by the input then")
    axes.figure.colorbar(image, ax=axes, pad=0.02)
