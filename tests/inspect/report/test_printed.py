"""Tables of the terminal as data: every text and number, without markup, and which of them are numbers or bold."""

from __future__ import annotations

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cellsearch.inspect.columns import right_aligned
from cellsearch.inspect.report.printed import Block, blocks
from cellsearch.inspect.study_tables import verdict_table
from tests.helpers.large_study import large_study
from tests.helpers.printed import printed


def test_lines_and_tables_come_in_their_order_without_empty_ones() -> None:
    table = right_aligned("cell", "score")
    table.add_row(escape("[bold]lstm"), "1.5", style="bold")
    table.add_row(Text("gru"), "2")
    grid = Table.grid()
    grid.add_row("identity", "abc")
    found = blocks(Group(Text("title"), Text(), table, right_aligned("nothing"), grid))
    assert found == [
        Block("title"),
        Block(
            headings=["cell", "score"],
            rows=[("[bold]lstm", "1.5"), ("gru", "2")],
            right=[False, True],
            bold=[True, False],
        ),
        Block(rows=[("identity", "abc")], right=[False, False], bold=[False]),
    ]


def test_the_verdict_has_the_numbers_of_the_terminal() -> None:
    study = large_study(7)
    shown = printed(verdict_table(study), width=300)
    cells = [cell for block in blocks(verdict_table(study)) for row in block.rows for cell in row if cell]
    assert len(cells) > 20 and all(cell in shown for cell in cells)
