"""The commands that explain a cell: how it differs from another, how it came about, what its parts are good for."""

from typing import TYPE_CHECKING, Annotated

import typer

from cellsearch.cli.commands import app, cells_of
from cellsearch.cli.console import displayed, say, tell
from cellsearch.cli.options import CELL_HELP, Png, Space, Svg, budget, hyperparameters, made_from, resources
from cellsearch.cli.verbose import verbose

if TYPE_CHECKING:
    from cellsearch.study.study import Study
    from cellsearch.training import Budget
    from cellsearch.workers import Resources

__all__ = ["ablate", "diff", "lineage"]


@app.command()
@verbose
def diff(
    first: Annotated[str, typer.Argument(metavar="CELL", help=CELL_HELP)],
    second: Annotated[str, typer.Argument(metavar="CELL", help="What to compare it with, named alike.")],
    space: Space = "",
    png: Png = None,
    svg: Svg = None,
) -> None:
    """Show how two cells differ: what to change in the first to get the second, and how far they are apart.

    The picture has both, with a line around what is removed, added and changed.
    """
    from cellsearch.inspect.cell_tables import difference_sheet
    from cellsearch.inspect.picture.difference import save_difference

    one, other = cells_of([first, second], space)
    drawn = [path for path in (png, svg) if path]
    for path in drawn:
        save_difference(one, other, path)
    tell(difference_sheet(one, other))
    for path in drawn:
        say(f"picture: {path}")


@app.command()
@verbose
def lineage(
    trial: Annotated[str, typer.Argument(metavar="STUDY:TRIAL", help="A study's trial: runs/chars:best or :17.")],
    png: Png = None,
    svg: Svg = None,
) -> None:
    """Show how a search came to a cell: every edit from the seed on, and what each brought."""
    from cellsearch.inspect.picture.lineage import save_lineage
    from cellsearch.inspect.study_tables import lineage_table
    from cellsearch.study.lineage import lineage as lineage_of

    study, which = _trial(trial, "have a lineage")
    steps, metric = lineage_of(study, which), study.task.metric
    drawn = [path for path in (png, svg) if path]
    for path in drawn:
        save_lineage(steps, metric, path)
    tell(lineage_table(steps, metric))
    tell("gain: on the parent, above 0 is better; each score is of one training, which proves nothing by itself")
    for path in drawn:
        say(f"picture: {path}")


@app.command()
@verbose
@made_from(hyperparameters=hyperparameters, budget=budget, resources=resources)
def ablate(
    *,
    trial: Annotated[str, typer.Argument(metavar="STUDY:TRIAL", help="A study's trial: runs/chars:best or :17.")],
    hyperparameters: dict[str, str],
    budget: "Budget",
    resources: "Resources",
    trials: Annotated[
        int | None, typer.Option(help="Tries for hyperparameters beside the rate; the study's if not given.")
    ] = None,
    fresh_seeds: Annotated[int, typer.Option(help="Fresh seeds for each cell, 5 or more for a claim.")] = 5,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell dead weight and which cells would be trained; do nothing.")
    ] = False,
) -> None:
    """Show what each part of a cell is good for: the cell trained again without it, and the simplest that is as good.

    Budget and tuning are those of the study's finals if not given.
    """
    from cellsearch.cli.study_files import deliver_ablation, written_into
    from cellsearch.inspect.ablation_tables import parts_list
    from cellsearch.study.comparing.ablation import ablate as ablation_of
    from cellsearch.study.comparing.ablation import parts

    study, which = _trial(trial, "have an ablation")
    if dry_run:
        tell(parts_list(parts(study.cell(which))))
        return
    with displayed(study.path) as display:
        found = ablation_of(
            study,
            which,
            budget=budget,
            hyperparameters=hyperparameters,
            resources=resources,
            trials=trials,
            fresh_seeds=fresh_seeds,
            observe=display.observe,
        )
    with written_into(found.comparison.path):
        deliver_ablation(found, tell)


def _trial(reference: str, what: str) -> "tuple[Study, str]":
    """The study and trial of a reference. Raises StudyError for others, of which none can have `what`."""
    from cellsearch.errors import StudyError
    from cellsearch.study.references import find_trial

    found = find_trial(reference)
    if found is None:
        raise StudyError(f"{reference!r} is no trial of a study, and only such {what}; name one as runs/chars:best")
    return found
