"""What the command line prints of cells: one as a sheet, many as a list, two by their differences; and catalogues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cellsearch.cell import Cell, complexity, equations, identity
from cellsearch.cell.difference.diff import diff
from cellsearch.cell.difference.distance import distance
from cellsearch.cell.notation.equations import equations_in_brief
from cellsearch.cell.notation.symbols import legend
from cellsearch.space import SearchSpace

__all__ = ["catalogue", "cell_list", "cell_sheet", "cost_table", "difference_sheet"]


def cell_sheet(cell: Cell, input_size: int, hidden_size: int) -> RenderableType:
    """A cell's equations, its operations counted, and its cost at the given sizes."""
    lines = [Padding(line, (0, 0, 0, 2), expand=False) for line in map(Text, equations(cell))]
    meanings = [Padding(Text(line, style="dim"), (0, 0, 0, 2), expand=False) for line in legend(cell)]
    table = cost_table(cell, input_size, hidden_size)
    return Group(Text(cell.name, style="bold"), *lines, *([Text()] if meanings else []), *meanings, Text(), table)


def cost_table(cell: Cell, input_size: int, hidden_size: int) -> Table:
    """A cell's operations counted, and its cost at the given sizes."""
    cost = complexity(cell, input_size, hidden_size)
    counts = Counter(node.op for node in cell.nodes.values())
    table = Table.grid(padding=(0, 2))
    table.add_row("operations", ", ".join(f"{count} {op}" for op, count in counts.most_common()))
    table.add_row("states", ", ".join(cell.states))
    table.add_row("parameters", f"{cost.parameters:,} at input size {input_size}, hidden size {hidden_size}")
    table.add_row("multiply-adds", f"{cost.multiply_adds:,} a step")
    table.add_row("elementwise", f"{cost.elementwise:,} operations a step")
    table.add_row("state", f"{cost.state_bytes:,} bytes a sequence in float32")
    table.add_row(
        "longest path", f"{cost.depth} operations, {cost.dependent_products} dependent matrix products a step"
    )
    table.add_row("identity", identity(cell))
    return table


def cell_list(spaces: Sequence[SearchSpace], size: int = 128) -> RenderableType:
    """The seed cells of the spaces: cost at input and hidden size `size` and source, and below the next values."""
    # A name that several spaces have is the first one's.
    firsts = {name: space for space in reversed(spaces) for name in space.seeds}
    cells = {name: firsts[name].seeds[name] for space in spaces for name in space.seeds}
    sources = {name: space.sources.get(name, "") for name, space in firsts.items()}
    width = max(map(len, cells), default=0)
    heading = f"{'cell':{width}}  {'parameters':>10}  {'multiply-adds':>13}  source, next values"
    lines = [Text(f"seed cells at input and hidden size {size}"), Text(heading, style="bold")]
    for name, cell in cells.items():
        cost = complexity(cell, size, size)
        costs = f"  {cost.parameters:>10,}  {cost.multiply_adds:>13,}  {sources[name]}"
        lines += [
            Text.assemble((f"{name:{width}}", "bold"), costs),
            Text(f"    {equations_in_brief(cell)}", style="dim"),
        ]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)


def difference_sheet(first: Cell, second: Cell) -> RenderableType:
    """What to change in the first cell to get the second, a line each, and how far they are apart."""
    apart = distance(first, second)
    heading = f"{first.name} to {second.name}: {f'distance {apart}' if apart.value else 'the same step'}"
    lines = [Padding(Text(str(each)), (0, 0, 0, 2), expand=False) for each in diff(first, second)]
    return Group(Text(heading, style="bold"), *lines)


def catalogue(title: str, rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Names and what they are."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
    for name, meaning in rows:
        table.add_row(escape(name), escape(meaning))
    return table
