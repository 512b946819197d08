"""The commands that look at what runs and at what was trained; heavy imports wait for a command."""

from pathlib import Path
from typing import Annotated

import typer

from cellsearch.cli.commands import app
from cellsearch.cli.console import console, say, tell
from cellsearch.cli.verbose import verbose

__all__ = ["look", "serve", "watch"]


@app.command()
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
    say(f"ended: {in_a_line(progress)}")


@app.command()
@verbose
def serve(
    studies: Annotated[Path, typer.Argument(help="Folder of a search or a comparison, or of several of them.")] = Path(
        "runs"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8765,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the reports of studies to this machine's browsers, as they go on. Stop it with Ctrl-C.

    Studies are read, never locked or written, and take a hundredth of a core.
    """
    from cellsearch.inspect.serving.server import serve as serve_studies

    def announce(address: str) -> None:
        say(f"serving {studies} on {address} (Ctrl-C ends it)")
        if browse:
            _browse(address)

    try:
        serve_studies(studies, port, announce)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
@verbose
def look(
    trial: Annotated[str, typer.Argument(metavar="CELL", help="A trained trial of a study: STUDY:best or STUDY:17.")],
    on: Annotated[
        str | None, typer.Option(help="Text, or a file with one, to read; a batch of the task's data if not given.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Picture to write; look.png in the study if not given.")
    ] = None,
) -> None:
    """Look into a trained cell: gates over a text, how far gradients reach, what its states do and remember.

    What was seen of a study's winner stands in its next report, too.
    """
    from cellsearch.errors import StudyError
    from cellsearch.inspect.look_tables import look_table
    from cellsearch.inspect.looking.look import LOOK, save_look
    from cellsearch.inspect.looking.look import look as look_into
    from cellsearch.inspect.plots.look_plot import save_look_plot
    from cellsearch.study.references import find_trial

    found = find_trial(trial)
    if found is None:
        raise StudyError(f"{trial!r} is no trial of a study, and only such are trained; name one as runs/chars:best")
    study, which = found
    seen = look_into(study, which, _text(on))
    picture = output or study.path / "look.png"
    save_look_plot(seen, picture)
    tell(look_table(seen))
    if seen.identity == study.best.identity:
        save_look(seen, study.path / LOOK)
    say(f"picture: {picture}")


def _text(given: str | None) -> str | None:
    """The text itself, or that of the file which is called so."""
    from cellsearch.errors import DataError

    try:
        return Path(given).read_text(encoding="utf-8") if given and Path(given).is_file() else given
    except (OSError, UnicodeError) as error:
        raise DataError(f"text file {given}: {error}; give a text file in UTF-8") from None


def _browse(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        say(f"no browser could be opened here; open {address} in one")
