"""The commands that look at what runs and at what was trained; heavy imports wait for a command."""

from pathlib import Path
from typing import Annotated

import typer

from cellsearch.cli.console import console
from cellsearch.cli.verbose import verbose

__all__ = ["serve", "watch"]


@verbose
def watch(
    study: Annotated[Path, typer.Argument(help="Folder of a search or a comparison that runs.")],
) -> None:
    """Watch a search or a comparison from another terminal until it ends. It is read, never locked or written."""
    from cellsearch.inspect.live import Display, in_a_line
    from cellsearch.inspect.serving.terminal import watch as watch_study

    try:
        with Display(console()) as display:
            progress = watch_study(study, display.observe)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    _say(f"ended: {in_a_line(progress)}")


@verbose
def serve(
    studies: Annotated[Path, typer.Argument(help="Folder of a search or a comparison, or of several of them.")] = Path(
        "runs"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8765,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the reports of studies to this machine's browsers, as they go on. Stop it with Ctrl-C.

    Studies are read, never locked or written, and take a fiftieth of a core at most.
    """
    from cellsearch.inspect.serving.server import serve as serve_studies

    def announce(address: str) -> None:
        _say(f"serving {studies} on {address} (Ctrl-C ends it)")
        if browse:
            _browse(address)

    try:
        serve_studies(studies, port, announce)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _browse(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        _say(f"no browser could be opened here; open {address} in one")


def _say(line: str) -> None:
    console().print(line, highlight=False, markup=False, soft_wrap=True)
