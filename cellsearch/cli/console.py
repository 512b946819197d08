"""The console that commands print to, and the live view of what runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from cellsearch.inspect.live import Display

__all__ = ["console", "displayed", "say", "tell"]

WIDEST: Final = 100_000
"""Columns of what is printed where there is no terminal, at most."""


def console() -> Console:
    """Where to print: as wide as the terminal, and where there is none as wide as the lines, for whoever searches them.

    The environment's COLUMNS has the last word.
    """
    from rich.console import Console

    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=WIDEST)


def tell(what: RenderableType) -> None:
    """Print what has its own colours."""
    console().print(what, highlight=False)


def say(line: str) -> None:
    """Print a line as it is."""
    console().print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def displayed(folder: Path) -> Iterator[Display]:
    """Show the progress of what runs within; Ctrl-C says how to go on."""
    from cellsearch.inspect.live import Display

    try:
        with Display(console()) as display:
            yield display
    except KeyboardInterrupt:
        tell(f"Stopped. Everything found is in {folder}; the same command continues it.")
        raise typer.Exit(130) from None
