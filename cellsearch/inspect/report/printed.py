"""What the terminal prints, as plain data for a page: the tables of a report are those of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

__all__ = ["Block", "blocks"]


@dataclass(frozen=True)
class Block:
    """A line of text, or a table: headings, rows of cells, which columns are numbers, which rows are bold."""

    text: str = ""
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    right: Sequence[bool] = ()
    bold: Sequence[bool] = ()


def blocks(printed: RenderableType) -> list[Block]:
    """The lines and tables of what would be printed, without empty ones and without colours."""
    return [*_blocks(printed)]


def _blocks(printed: RenderableType) -> Iterator[Block]:
    if isinstance(printed, Group):
        for each in printed.renderables:
            yield from _blocks(each)
    elif isinstance(printed, Table):
        if printed.row_count:
            yield _table(printed)
    elif text := _plain(printed):
        yield Block(text)


def _table(table: Table) -> Block:
    columns = [[_plain(cell) for cell in column.cells] for column in table.columns]
    headings = [_plain(column.header) for column in table.columns]
    return Block(
        headings=headings if any(headings) else (),
        rows=[*zip(*columns, strict=True)],
        right=[column.justify == "right" for column in table.columns],
        bold=[str(row.style or "") == "bold" for row in table.rows],
    )


def _plain(printed: RenderableType) -> str:
    """The text of a cell or line; what is given as a string has rich's markup."""
    return printed.plain if isinstance(printed, Text) else Text.from_markup(str(printed)).plain
