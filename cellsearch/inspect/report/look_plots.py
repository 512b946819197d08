"""The plots of a look into the winner, for the report: hovering tells unit, step and value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from cellsearch.inspect.looking.look import Look
from cellsearch.inspect.report.document import Plot
from cellsearch.inspect.report.plots import as_data, empty

__all__ = ["look_plots"]

COLOURS = {"trained": "#c14a00", "before training": "#929292"}


def look_plots(look: Look) -> list[Plot]:
    """Gates over the sequence, gradient by lag, eigenvalues, and what units remember."""
    return [*_gates(look), _gradients(look), _eigenvalues(look), *_memory(look)]


def _gates(look: Look) -> Iterator[Plot]:
    for place, (name, values) in enumerate(look.gates.items()):
        labels = [f"{step}: {label!r}" for step, label in enumerate(look.labels)] or [*range(len(values))]
        figure = _heat([*zip(*values, strict=True)], labels, "step", "unit")
        yield Plot(f"gate-{place}", f"Gate {name}", "Over the first sequence: 0 is shut, 1 is open.", as_data(figure))


def _memory(look: Look) -> Iterator[Plot]:
    units = [unit for unit, _, _ in look.longest]
    if units:
        rows = [look.memory[unit] for unit in units]
        figure = _heat(rows, [*range(len(rows[0]))], "lag in steps", "unit, the longest memory first")
        caption = "Share of a unit's variance that a linear function of the input so many steps before explains."
        yield Plot("memory", "What units remember", caption, as_data(figure))


def _heat(rows: Sequence[Sequence[float]], columns: Sequence[Any], x: str, y: str) -> Any:
    from plotly.graph_objects import Heatmap

    figure = empty(x, y)
    names = [escape(str(each)) for each in columns]
    text = [[f"{y} row {row}, {x} {name}: {value:.3f}" for name, value in zip(names, values, strict=True)]
            for row, values in enumerate(rows)]  # fmt: skip
    figure.add_trace(Heatmap(z=rows, zmin=0, zmax=1, colorscale="Cividis", hovertext=text, hoverinfo="text"))
    return figure


def _gradients(look: Look) -> Plot:
    from plotly.graph_objects import Scatter

    figure = empty("lag in steps", "norm of the gradient")
    for name, norms in look.gradients.items():
        points = {lag: each for lag, each in enumerate(norms) if each > 0}
        line = {"color": COLOURS[name]}
        figure.add_trace(Scatter(x=[*points], y=[*points.values()], name=name, mode="lines", line=line))
    figure.update_yaxes(type="log")
    caption = "Of the last output, in the input so many steps before."
    return Plot("reach", "Gradient by lag", caption, as_data(figure))


def _eigenvalues(look: Look) -> Plot:
    from plotly.graph_objects import Scatter

    figure = empty("real", "imaginary")
    for name, values in reversed([*look.eigenvalues.items()]):
        marker = {"color": COLOURS[name], "size": 5, "opacity": 0.6}
        real, imaginary = [each for each, _ in values], [each for _, each in values]
        figure.add_trace(Scatter(x=real, y=imaginary, name=name, mode="markers", marker=marker))
    figure.add_shape(type="circle", x0=-1, y0=-1, x1=1, y1=1, line={"color": "#7a7a7a", "width": 1})
    caption = "Of the state's Jacobian at several steps: within the circle a change dies out, on it it is kept."
    return Plot("eigenvalues", "Eigenvalues of the state", caption, as_data(figure))
