"""What a terminal shows of a table, as text without colours."""

from __future__ import annotations

from rich.console import Console, RenderableType

__all__ = ["printed"]


def printed(table: RenderableType | str, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
