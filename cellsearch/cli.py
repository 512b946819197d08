"""The commands: each parses, calls and prints; heavy imports wait for a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellsearch.errors import CellsearchError, UnknownNameError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from cellsearch.inspect.live import Display

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Search for new recurrent cells, inspect them, and export the winner as plain PyTorch.",
)

WIDEST = 100_000
"""Columns of what is printed where there is no terminal, at most."""

CELL_HELP = "A seed (lstm), a cell file (my.json), STUDY:best or STUDY:17."


Task = Annotated[str, typer.Option(help="Task: a name, or a reference such as my_task.py:TASK.")]
Space = Annotated[str, typer.Option(help="Search space of cells with operations of their own.")]
Study = Annotated[Path | None, typer.Option(help="Folder of the study; the same folder continues it.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Parameters = Annotated[int | None, typer.Option(help="Learned numbers of a model; the task's if not given.")]
Steps = Annotated[int | None, typer.Option(help="Optimizer steps of a training; the task's if not given.")]
Data = Annotated[Path | None, typer.Option(help="Data of a task that takes some: a file, a folder, or a name.")]
Options = Annotated[list[str] | None, typer.Option(help="Option of the task, as length=100; may be repeated.")]
Hyperparameters = Annotated[
    list[str] | None,
    typer.Option(
        "--hyperparameter",
        help="A value, as optimizer=sgd, or a range to search, as dropout=0:0.5; also learning_rate, weight_decay, "
        "clip, schedule; may be repeated.",
    ),
]
Reports = Annotated[int, typer.Option(help="Validations of a training.")]
Patience = Annotated[float, typer.Option(help="Share of the steps that may bring no better score; 1 never ends early.")]
Executor = Annotated[str, typer.Option(help="local (processes) or ray.")]
Workers = Annotated[int | None, typer.Option(help="Trainings at once; one a core if not given.")]
Timeout = Annotated[float, typer.Option(help="Seconds after which a training has failed.")]
Address = Annotated[str | None, typer.Option(help="Ray cluster to join.")]
Cpus = Annotated[float, typer.Option(help="Cores a training takes of a Ray cluster.")]
Gpus = Annotated[float, typer.Option(help="GPUs, or a fraction of one, that a training takes of it.")]


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
def search(
    task: Task,
    space: Annotated[str, typer.Option(help="Search space: a name or reference.")] = "gated",
    seeds: Annotated[
        str, typer.Option(help="Cells to start from, with commas between; all of the space if empty.")
    ] = "",
    strategy: Annotated[str, typer.Option(help="evolution, random or sample.")] = "evolution",
    candidates: Annotated[int, typer.Option(help="Cells to try beside the baselines.")] = 40,
    study: Study = None,
    seed: Seed = 0,
    data: Data = None,
    option: Options = None,
    hyperparameter: Hyperparameters = None,
    parameters: Parameters = None,
    steps: Steps = None,
    reports: Reports = 5,
    patience: Patience = 0.5,
    executor: Executor = "local",
    workers: Workers = None,
    timeout: Timeout = 600.0,
    address: Address = None,
    cpus: Cpus = 1.0,
    gpus: Gpus = 0.0,
    finalists: Annotated[int, typer.Option(help="Best candidates that are trained again.")] = 3,
    trials: Annotated[int, typer.Option(help="Hyperparameters tried for each finalist.")] = 3,
    fresh_seeds: Annotated[int, typer.Option(help="Fresh seeds for each finalist.")] = 3,
) -> None:
    """Search for a cell: baselines first, then candidates, then a final with intervals."""
    import cellsearch
    from cellsearch.outputs import deliver_study
    from cellsearch.references import find_cell

    folder = study or Path("runs") / _short(task)
    with _displayed(folder) as display:
        found = cellsearch.search(
            task,
            study=folder,
            space=space,
            seeds=[find_cell(each.strip()) for each in seeds.split(",") if each.strip()] or None,
            strategy=strategy,
            candidates=candidates,
            seed=seed,
            options=_options(option or [], data),
            hyperparameters=_pairs("hyperparameter", hyperparameter or []),
            budget=cellsearch.Budget(parameters, steps, reports, patience),
            resources=cellsearch.Resources(executor, workers, timeout, address, cpus, gpus),
            finalists=finalists,
            trials=trials,
            fresh_seeds=fresh_seeds,
            observe=display.observe,
        )
    deliver_study(found, _show)


@app.command()
def compare(
    cells: Annotated[list[str], typer.Argument(help=f"Two cells or more. {CELL_HELP}")],
    task: Task,
    space: Space = "",
    study: Study = None,
    seed: Seed = 0,
    data: Data = None,
    option: Options = None,
    hyperparameter: Hyperparameters = None,
    parameters: Parameters = None,
    steps: Steps = None,
    reports: Reports = 5,
    patience: Patience = 0.5,
    executor: Executor = "local",
    workers: Workers = None,
    timeout: Timeout = 600.0,
    address: Address = None,
    cpus: Cpus = 1.0,
    gpus: Gpus = 0.0,
    trials: Annotated[int, typer.Option(help="Hyperparameters tried for each cell.")] = 8,
    fresh_seeds: Annotated[int, typer.Option(help="Fresh seeds for each cell.")] = 10,
) -> None:
    """Compare cells with equal parameters, steps and tuning; differences are to the first, with intervals, on test."""
    import cellsearch
    from cellsearch import plugins
    from cellsearch.outputs import deliver_comparison
    from cellsearch.references import find_cell

    if space:
        plugins.load(plugins.SPACES, space)
    entrants = [find_cell(each) for each in cells]
    folder = study or Path("runs") / "-".join(["compare", _short(task), *(cell.name for cell in entrants)])
    with _displayed(folder) as display:
        found = cellsearch.compare(
            entrants,
            task,
            study=folder,
            space=space,
            seed=seed,
            options=_options(option or [], data),
            hyperparameters=_pairs("hyperparameter", hyperparameter or []),
            budget=cellsearch.Budget(parameters, steps, reports, patience),
            resources=cellsearch.Resources(executor, workers, timeout, address, cpus, gpus),
            trials=trials,
            fresh_seeds=fresh_seeds,
            observe=display.observe,
        )
    deliver_comparison(found, _show)


@app.command()
def profile(
    cells: Annotated[list[str], typer.Argument(help=f"One cell or more. {CELL_HELP}")],
    space: Space = "",
    study: Annotated[Path | None, typer.Option(help="Folder of the table and picture.")] = None,
    seed: Seed = 0,
    parameters: Annotated[int, typer.Option(help="Learned numbers of every model.")] = 10_000,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps; each exercise's own if not given.")] = None,
    reports: Reports = 5,
    patience: Patience = 1.0,
    executor: Executor = "local",
    workers: Workers = None,
    timeout: Timeout = 600.0,
    address: Address = None,
    cpus: Cpus = 1.0,
    gpus: Gpus = 0.0,
) -> None:
    """Show what a cell can remember, copy, count and look up, beside LSTM and GRU."""
    import cellsearch
    from cellsearch import plugins
    from cellsearch.outputs import deliver_profile
    from cellsearch.references import find_cell

    if space:
        plugins.load(plugins.SPACES, space)
    found = [find_cell(each) for each in cells]
    with _console().status("training") as status:
        profiled = cellsearch.profile(
            found,
            space=space,
            seed=seed,
            budget=cellsearch.Budget(parameters, steps, reports, patience),
            resources=cellsearch.Resources(executor, workers, timeout, address, cpus, gpus),
            observe=lambda ended, total: status.update(f"{ended} of {total} trainings"),
        )
    deliver_profile(profiled, study or Path("runs") / "-".join(["profile", *(cell.name for cell in found)]), _show)


@app.command(name="list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Where to look for studies.")] = Path("runs"),
    tasks: Annotated[bool, typer.Option("--tasks", help="Only the tasks: metric and options.")] = False,
    cells: Annotated[bool, typer.Option("--cells", help="Only the seed cells: source, cost and equation.")] = False,
    studies: Annotated[bool, typer.Option("--studies", help="Only the studies: how far, and the best cell.")] = False,
) -> None:
    """List tasks, search spaces, seed cells, and the studies under a folder."""
    if tasks:
        _list_tasks()
    if cells:
        _list_cells()
    if studies:
        _list_studies(folder)
    if not (tasks or cells or studies):
        _list_names(folder)


def _list_names(folder: Path) -> None:
    """What there is, a line each; no task is loaded and no study opened."""
    from cellsearch import plugins
    from cellsearch.inspect.cell_tables import catalogue
    from cellsearch.study.folder import study_folders

    spaces = plugins.spaces()
    seeds = plugins.seeds()
    console = _console()
    console.print(catalogue("tasks", plugins.titles(plugins.TASKS).items()))
    console.print(catalogue("search spaces", [(name, ", ".join(space.operations)) for name, space in spaces.items()]))
    console.print(
        catalogue(
            "seed cells",
            [(name, f"{len(cell.nodes)} nodes, states {', '.join(cell.states)}") for name, cell in seeds.items()],
        )
    )
    console.print(catalogue("studies", [(str(path), "") for path in study_folders(folder)]))


def _list_tasks() -> None:
    from cellsearch import plugins
    from cellsearch.inspect.cell_tables import catalogue
    from cellsearch.training import load_task, task_options

    tasks = [(name, load_task(name, {})) for name in plugins.names(plugins.TASKS)]
    rows = [(name, f"{task.metric}; options: {', '.join(task_options(task))}") for name, task in tasks]
    _console().print(catalogue("tasks", rows))


def _list_cells() -> None:
    from cellsearch import plugins
    from cellsearch.inspect.cell_tables import cell_list

    _console().print(cell_list(list(plugins.spaces().values())), highlight=False)


def _list_studies(folder: Path) -> None:
    from cellsearch.inspect.cell_tables import catalogue
    from cellsearch.inspect.study_tables import study_list
    from cellsearch.study.study import load_studies

    studies, unreadable = load_studies(folder)
    _console().print(study_list(studies))
    if unreadable:
        _console().print(catalogue("unreadable", [(str(path), reason) for path, reason in unreadable.items()]))


@app.command()
def show(
    cell: Annotated[str, typer.Argument(help=CELL_HELP)],
    input_size: Annotated[int, typer.Option(min=1, help="Input size that costs are counted at.")] = 128,
    hidden_size: Annotated[int, typer.Option(min=1, help="Hidden size that costs are counted at.")] = 128,
    png: Annotated[Path | None, typer.Option(help="Draw the cell into this file.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw the cell into this file.")] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Only the equations, as LaTeX, a formula a line.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only how it is computed: what of it when, and why.")] = False,
) -> None:
    """Show a cell: equations, operations, cost, and its picture."""
    import cellsearch
    from cellsearch.inspect.cell_tables import cell_sheet
    from cellsearch.references import find_cell, find_trial

    console = _console()
    found = find_cell(cell)
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
    console.print(cell_sheet(found, input_size, hidden_size))
    if trial := find_trial(cell):
        from cellsearch.inspect.study_tables import trial_sheet

        study, which = trial
        console.print(trial_sheet(study.record(which), study.task.metric))
    for path in drawn:
        console.print(f"picture: {path}", highlight=False, soft_wrap=True)


@app.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="CELL", help=CELL_HELP)],
    second: Annotated[str, typer.Argument(metavar="CELL", help="What to compare it with, named alike.")],
) -> None:
    """Show how two cells differ: what to change in the first to get the second, and how far they are apart."""
    from cellsearch.inspect.cell_tables import difference_sheet
    from cellsearch.references import find_cell

    _show(difference_sheet(find_cell(first), find_cell(second)))


@app.command()
def export(
    cell: Annotated[str, typer.Argument(help=CELL_HELP)],
    file: Annotated[Path, typer.Argument(help="Python file to write.")],
) -> None:
    """Export a cell as a standalone PyTorch file, with its weights beside it where a study trained it."""
    import cellsearch
    from cellsearch.references import find_cell, find_trial

    trial = find_trial(cell)
    trained = trial[0].trained(trial[1]) if trial else None
    for path in cellsearch.export(trained or find_cell(cell), file):
        _console().print(f"wrote {path}", highlight=False, soft_wrap=True)


@app.command(name="import")
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
        _console().print(f"note: {note}", highlight=False, markup=False)
    told = f"wrote {output}: {cell.name}, {len(cell.nodes)} nodes, states {' '.join(cell.states)}"
    _console().print(told, highlight=False, markup=False)


def main() -> None:
    """Run the command line: what cellsearch refuses is one line on standard error and exit code 2."""
    try:
        app()
    except CellsearchError as error:
        print("cellsearch:", *str(error).splitlines(), file=sys.stderr)
        sys.exit(2)


@contextmanager
def _displayed(folder: Path) -> Iterator[Display]:
    """Show the progress of what runs within; Ctrl-C says how to go on."""
    from cellsearch.inspect.live import Display

    try:
        with Display(_console()) as display:
            yield display
    except KeyboardInterrupt:
        _show(f"Stopped. Everything found is in {folder}; the same command continues it.")
        raise typer.Exit(130) from None


def _console() -> Console:
    """Where to print: as wide as the terminal, and where there is none as wide as the lines, for whoever searches them.

    The environment's COLUMNS has the last word.
    """
    from rich.console import Console

    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=WIDEST)


def _show(what: RenderableType) -> None:
    _console().print(what, highlight=False)


def _options(pairs: list[str], data: Path | None) -> dict[str, str]:
    """The task's options; data that is no path is the name of some."""
    place = data.absolute() if data and data.exists() else data
    return _pairs("option", pairs) | ({"data": str(place)} if place else {})


def _pairs(kind: str, pairs: list[str]) -> dict[str, str]:
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UnknownNameError(f"{kind} {pair!r} has no value; write {pair}=VALUE")
        values[name] = value
    return values


def _short(task: str) -> str:
    """A task's name for a folder."""
    return Path((task.rpartition(":")[0] or task).removesuffix(".py")).name
