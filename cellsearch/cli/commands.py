"""The commands: each parses, calls and prints; heavy imports wait for a command."""

import logging
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellsearch.cli.console import console, displayed, say, tell
from cellsearch.cli.listing import Kind, list_all, list_kind
from cellsearch.cli.options import (
    CELL_HELP,
    ConfirmOn,
    Png,
    Seed,
    Space,
    Study,
    Svg,
    Tasks,
    Trials,
    budget,
    hyperparameters,
    made_from,
    options,
    profile_budget,
    resources,
    steps_of,
)
from cellsearch.cli.verbose import verbose
from cellsearch.errors import CellsearchError

if TYPE_CHECKING:
    from cellsearch.cell import Cell
    from cellsearch.training import Budget
    from cellsearch.workers import Resources

__all__ = ["app", "cells_of", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Search for new recurrent cells, inspect them, and export the winner as plain PyTorch.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cellsearch {version('cellsearch')}")
        raise typer.Exit


@app.callback()
def _of_every_command(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None: ...


@app.command()
@verbose
@made_from(options=options, hyperparameters=hyperparameters, budget=budget, resources=resources)
def search(
    *,
    task: Tasks,
    space: Annotated[str, typer.Option(help="Search space: a name or reference.")] = "gated",
    seeds: Annotated[
        str, typer.Option(help="Cells to start from, with commas between; all of the space if empty.")
    ] = "",
    strategy: Annotated[
        str, typer.Option(help="evolution, local, predictor, random, sample, or a reference: my_file.py:Mine.")
    ] = "evolution",
    until: Annotated[
        str, typer.Option(help="When to try no further cell: '200 candidates', '30 minutes' or 'no better in 80'.")
    ] = "40 candidates",
    study: Study = None,
    storage: Annotated[
        str, typer.Option(help="Database for a new study's trials: postgresql://USER@HOST/DATABASE.")
    ] = "",
    seed: Seed = 0,
    options: dict[str, str],
    hyperparameters: dict[str, str],
    budget: "Budget",
    resources: "Resources",
    rungs: Annotated[
        str,
        typer.Option(
            help="Steps at which candidates stop and the best third goes on, with commas between; 'none' for none. "
            "After a ninth and a third of a training if not given."
        ),
    ] = "",
    final_steps: Annotated[
        int | None,
        typer.Option(help="Optimizer steps of the finals; as many as the search has, or the task says, if not given."),
    ] = None,
    finalists: Annotated[int, typer.Option(help="Candidates that the verdict judges.")] = 3,
    trials: Trials = 4,
    fresh_seeds: Annotated[int, typer.Option(help="Fresh seeds for each finalist, 5 or more for a claim.")] = 5,
    confirm_on: ConfirmOn = None,
    deterministic: Annotated[
        bool, typer.Option(help="The same search each time with several workers, which then wait for each other.")
    ] = False,
    callback: Annotated[
        list[str] | None,
        typer.Option(
            help="What hears of each report and end: tensorboard, mlflow, or my_file.py:CALLBACK. Repeatable."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be trained and about how long it takes; do nothing.")
    ] = False,
) -> None:
    """Search for a cell: baselines first, then candidates, then a final with intervals.

    On several tasks candidates are trained on one after the other, and the mean of their losses counts.
    """
    import cellsearch
    from cellsearch.cli.study_files import deliver_study, written_into
    from cellsearch.study.callbacks.named import find_callback

    arguments: dict[str, Any] = {
        "space": space,
        "seeds": [each.strip() for each in seeds.split(",") if each.strip()] or None,
        "strategy": strategy,
        "until": until,
        "seed": seed,
        "options": options,
        "hyperparameters": hyperparameters,
        "budget": budget,
        "resources": resources,
        "rungs": steps_of(rungs),
        "final_steps": final_steps,
        "finalists": finalists,
        "trials": trials,
        "fresh_seeds": fresh_seeds,
        "confirm_on": confirm_on or [],
    }
    if dry_run:
        tell(str(cellsearch.plan_search(task, **arguments)))
        return
    folder = study or Path("runs") / "-".join(map(_short, task))
    arguments["callbacks"] = [find_callback(each, folder) for each in callback or []]
    with displayed(folder) as display:
        found = cellsearch.search(
            task,
            study=folder,
            storage=storage,
            deterministic=deterministic,
            observe=display.observe,
            **arguments,
        )
    with written_into(folder):
        deliver_study(found, tell)


@app.command()
@verbose
@made_from(options=options, hyperparameters=hyperparameters, budget=budget, resources=resources)
def compare(
    *,
    cells: Annotated[list[str], typer.Argument(help=f"Two cells or more. {CELL_HELP}")],
    task: Tasks,
    space: Space = "",
    study: Study = None,
    seed: Seed = 0,
    options: dict[str, str],
    hyperparameters: dict[str, str],
    budget: "Budget",
    resources: "Resources",
    trials: Trials = 4,
    fresh_seeds: Annotated[int, typer.Option(help="Fresh seeds for each cell, 5 or more for a claim.")] = 10,
) -> None:
    """Compare cells with equal parameters, steps and tuning; differences are to the first, with intervals, on test.

    On several tasks, a table a task and one over all.
    """
    import cellsearch
    from cellsearch.cli.study_files import deliver_comparison, written_into

    entrants = cells_of(cells, space)
    folder = study or Path("runs") / "-".join(["compare", *map(_short, task), *(cell.name for cell in entrants)])
    with displayed(folder) as display:
        found = cellsearch.compare(
            entrants,
            tuple(task) if len(task) > 1 else task[0],
            study=folder,
            space=space,
            seed=seed,
            options=options,
            hyperparameters=hyperparameters,
            budget=budget,
            resources=resources,
            trials=trials,
            fresh_seeds=fresh_seeds,
            observe=display.observe,
        )
    with written_into(folder):
        deliver_comparison(found, tell)


@app.command()
@verbose
@made_from(budget=profile_budget, resources=resources)
def profile(
    *,
    cells: Annotated[list[str], typer.Argument(help=f"One cell or more. {CELL_HELP}")],
    space: Space = "",
    study: Study = None,
    seed: Seed = 0,
    budget: "Budget",
    resources: "Resources",
) -> None:
    """Show what a cell can remember, copy, count and look up, beside LSTM and GRU."""
    import cellsearch
    from cellsearch.cli.study_files import deliver_profile, written_into

    found = cells_of(cells, space)
    folder = study or Path("runs") / "-".join(["profile", *(cell.name for cell in found)])
    with displayed(folder) as display:
        profiled = cellsearch.profile(
            found,
            study=folder,
            space=space,
            seed=seed,
            budget=budget,
            resources=resources,
            observe=display.observe,
        )
    with written_into(folder):
        deliver_profile(profiled, tell)


@app.command(name="list")
@verbose
def list_(
    kinds: Annotated[list[Kind] | None, typer.Argument(help="All about these; what there is if not given.")] = None,
    folder: Annotated[Path, typer.Option(help="Where to look for studies.")] = Path("runs"),
) -> None:
    """List tasks, search spaces, seed cells, and the studies under a folder."""
    if not kinds:
        list_all(folder)
    for kind in kinds or []:
        list_kind(kind, folder)


@app.command()
@verbose
def show(
    cell: Annotated[str, typer.Argument(help=CELL_HELP)],
    space: Space = "",
    input_size: Annotated[int, typer.Option(min=1, help="Input size that costs are counted at.")] = 128,
    hidden_size: Annotated[int, typer.Option(min=1, help="Hidden size that costs are counted at.")] = 128,
    png: Png = None,
    svg: Svg = None,
    latex: Annotated[bool, typer.Option("--latex", help="Only the equations, as LaTeX, a formula a line.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only how it is computed: what of it when, and why.")] = False,
) -> None:
    """Show a cell: equations, operations, cost, and its picture."""
    import cellsearch
    from cellsearch.inspect.cell_tables import cell_sheet
    from cellsearch.study.references import find_trial

    (found,) = cells_of([cell], space)
    if latex:
        typer.echo("\n".join(cellsearch.equations(found, latex=True)))
        return
    if plan:
        from cellsearch.recurrence.explain import plan_text

        typer.echo(plan_text(found.resolved(input_size, hidden_size)))
        return
    drawn = [path for path in (png, svg) if path]
    for path in drawn:
        cellsearch.save_picture(found, path)
    console().print(cell_sheet(found, input_size, hidden_size))
    if trial := find_trial(cell):
        from cellsearch.inspect.study_tables import statement, trial_sheet, verdict_table

        study, which = trial
        record = study.record(which)
        console().print(trial_sheet(record, study.task.metric))
        if any(verdict.cell == record.cell for verdict in study.verdicts):
            tell(verdict_table(study))
            tell(statement(study, record))
    for path in drawn:
        say(f"picture: {path}")


@app.command()
@verbose
def report(
    study: Annotated[Path, typer.Argument(help="Folder of a search or a comparison, which may be running.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Page to write; report.html in the folder if not given.")
    ] = None,
) -> None:
    """Write what was found and why as one page: verdict, cells, plots, lineage, every trial. It needs no network."""
    from cellsearch.inspect.report.report import REPORT, save_report
    from cellsearch.study.comparing.several_tasks import load_results

    path = output or study / REPORT
    save_report(load_results(study), path)
    say(f"wrote {path}")


@app.command()
@verbose
def export(
    cell: Annotated[str, typer.Argument(help=CELL_HELP)],
    file: Annotated[Path | None, typer.Argument(help="Python file to write.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write, with a file or two a format; or the Python file."),
    ] = None,
    formats: Annotated[str, typer.Option("--as", help="Formats in the folder, with commas between.")] = "source",
    input_size: Annotated[int, typer.Option(min=1, help="In a folder, of a cell without trained weights.")] = 128,
    hidden_size: Annotated[int, typer.Option(min=1, help="In a folder, of a cell without trained weights.")] = 128,
    space: Space = "",
) -> None:
    """Export a cell as a standalone PyTorch file, or as a folder with what other runtimes take.

    Weights come along where a study trained it. Formats: source, torch (torch.export), onnx, jax; each
    is checked before it is there.
    """
    from cellsearch.cli.export_files import deliver_export, deliver_file, place_of
    from cellsearch.study.references import find_trial

    (found,) = cells_of([cell], space)
    place, trial = place_of(file, output), find_trial(cell)
    if place.suffix == ".py" or file:
        deliver_file(found, trial, place, say)
    else:
        names = [each.strip() for each in formats.split(",") if each.strip()]
        deliver_export(found, trial, place, names, (input_size, hidden_size), say)


@app.command(name="import")
@verbose
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A PyTorch module (.py), a recipe of NAS-Bench-NLP (JSON, or a line each), a genotype of DARTS, "
            "an arc of ENAS, or a cell file."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Cell file to write.")],
    name: Annotated[
        str | None,
        typer.Option(help="Which, where the file has several: class, recipe id or line, name of the genotype."),
    ] = None,
    input_size: Annotated[int, typer.Option(min=1, help="First argument of the class.")] = 24,
    hidden_size: Annotated[int, typer.Option(min=1, help="Second argument of the class.")] = 32,
) -> None:
    """Import a cell from another notation, or from a PyTorch module: one step (x, state) -> (output, state).

    A .py file with a module is run: import only what you would run yourself. All other files are data.
    """
    from cellsearch.cell import save
    from cellsearch.importer import import_cell

    cell, notes = import_cell(file, name, input_size, hidden_size)
    save(cell, output)
    for note in notes:
        console().print(f"note: {note}", highlight=False, markup=False)
    told = f"wrote {output}: {cell.name}, {len(cell.nodes)} nodes, states {' '.join(cell.states)}"
    console().print(told, highlight=False, markup=False)


def main() -> None:
    """Run the command line: what cellsearch refuses is one line on standard error and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal or file that has no σ gets ? in its place
    try:
        app()
    except CellsearchError as error:
        logging.getLogger("cellsearch").debug("where this was raised:", exc_info=error)
        print("cellsearch:", *str(error).splitlines(), file=sys.stderr)
        sys.exit(2)


def cells_of(references: list[str], space: str) -> "list[Cell]":
    """The cells, which may have operations that a file or a search space defines."""
    from cellsearch import plugins
    from cellsearch.study.references import find_cells

    if space:
        plugins.load_operations(space)
    return find_cells(references)


def _short(task: str) -> str:
    """A task's name for a folder, without its options."""
    from cellsearch.training import split_task

    task, _ = split_task(task)
    return Path((task.rpartition(":")[0] or task).removesuffix(".py")).name
