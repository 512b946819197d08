"""The commands: search, list, show, export, import. They parse, call and print; heavy imports wait for a command."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellsearch.errors import CellsearchError, UnknownNameError

if TYPE_CHECKING:
    from cellsearch.search.study import Study

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Search for new recurrent cells, inspect them, and export the winner as plain PyTorch.",
)

RESULTS = [
    ("verdict.csv", "the finals: means, intervals and differences"),
    ("report.csv", "every trial: cell, score, edits, parents"),
    ("progress.png", "scores over the search"),
    ("best.json", "the best cell, for `cellsearch show` and new searches"),
    ("best.png", "its picture"),
    ("best.py", "its standalone PyTorch module; `python best.py` checks it"),
    ("best.safetensors", "the module's trained weights"),
]

CELL_HELP = "A seed (lstm), a cell file (my.json), STUDY:best or STUDY:17."


@app.command()
def search(
    task: Annotated[str, typer.Option(help="Task: a name, or a reference such as my_task.py:TASK.")],
    space: Annotated[str, typer.Option(help="Search space: a name or reference.")] = "gated",
    seeds: Annotated[
        str, typer.Option(help="Cells to start from, with commas between; all of the space if empty.")
    ] = "",
    strategy: Annotated[str, typer.Option(help="evolution, random or sample.")] = "evolution",
    candidates: Annotated[int, typer.Option(help="Cells to try beside the baselines.")] = 40,
    study: Annotated[Path | None, typer.Option(help="Folder of the study; the same folder continues it.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    parameters: Annotated[int | None, typer.Option(help="Learned numbers of a model; the task's if not given.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps of a training; the task's if not given.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data file of a task that takes one.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Option of the task, as length=100; may be repeated.")
    ] = None,
    executor: Annotated[str, typer.Option(help="local (processes) or ray.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Trainings at once; one a core if not given.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds after which a training has failed.")] = 600.0,
    address: Annotated[str | None, typer.Option(help="Ray cluster to join.")] = None,
    cpus: Annotated[float, typer.Option(help="Cores a training takes of a Ray cluster.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="GPUs, or a fraction of one, that a training takes of it.")] = 0.0,
    finalists: Annotated[int, typer.Option(help="Best candidates that are trained again.")] = 3,
    learning_rates: Annotated[int, typer.Option(help="Learning rates tried for each finalist.")] = 3,
    fresh_seeds: Annotated[int, typer.Option(help="Fresh seeds for each finalist.")] = 3,
) -> None:
    """Search for a cell: baselines first, then candidates, then a final with intervals."""
    from rich.console import Console

    import cellsearch
    from cellsearch.inspect.live import Display
    from cellsearch.references import find_cell

    console = Console()
    folder = study or Path("runs") / Path((task.rpartition(":")[0] or task).removesuffix(".py")).name
    try:
        with Display(console) as display:
            found = cellsearch.search(
                task,
                study=folder,
                space=space,
                seeds=[find_cell(each.strip()) for each in seeds.split(",") if each.strip()] or None,
                strategy=strategy,
                candidates=candidates,
                seed=seed,
                parameters=parameters,
                steps=steps,
                options=_options(option or [], data),
                executor=executor,
                workers=(os.cpu_count() or 1) if workers is None else workers,
                timeout=timeout,
                address=address,
                cpus=cpus,
                gpus=gpus,
                finalists=finalists,
                learning_rates=learning_rates,
                fresh_seeds=fresh_seeds,
                observe=display.observe,
            )
    except KeyboardInterrupt:
        console.print(f"Stopped. Everything found is in {folder}; the same command continues it.", highlight=False)
        raise typer.Exit(130) from None
    _deliver(found)


@app.command(name="list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Where to look for studies.")] = Path("runs"),
    cells: Annotated[bool, typer.Option("--cells", help="Only the seed cells: source, cost and equation.")] = False,
) -> None:
    """List tasks, search spaces, seed cells, and the studies under a folder."""
    from rich.console import Console

    from cellsearch import plugins
    from cellsearch.inspect import tables
    from cellsearch.search.study import load_studies
    from cellsearch.training import load_task, task_options

    console = Console()
    spaces = [(name, plugins.load(plugins.SPACES, name)) for name in plugins.names(plugins.SPACES)]
    if cells:
        console.print(tables.cell_list([space for _, space in spaces]), highlight=False)
        return
    tasks = [(name, load_task(name, {})) for name in plugins.names(plugins.TASKS)]
    console.print(
        tables.catalogue(
            "tasks", [(name, f"{task.metric}; options: {', '.join(task_options(task))}") for name, task in tasks]
        )
    )
    console.print(tables.catalogue("search spaces", [(name, ", ".join(space.operations)) for name, space in spaces]))
    seeds = [
        (name, f"{len(cell.nodes)} nodes, states {', '.join(cell.states)}") for name, cell in plugins.seeds().items()
    ]
    console.print(tables.catalogue("seed cells", seeds))
    studies, unreadable = load_studies(folder)
    console.print(tables.study_list(studies))
    if unreadable:
        console.print(tables.catalogue("unreadable", [(str(path), reason) for path, reason in unreadable.items()]))


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
    from rich.console import Console

    from cellsearch.inspect import tables
    from cellsearch.inspect.picture import save_picture
    from cellsearch.references import find_cell, find_trial

    console = Console()
    found = find_cell(cell)
    if latex:
        typer.echo("\n".join(found.equations(latex=True)))
        return
    if plan:
        from cellsearch.recurrence.plan_text import plan_text

        typer.echo(plan_text(found.resolved(input_size, hidden_size)))
        return
    drawn = [path for path in (png, svg) if path]
    for path in drawn:
        save_picture(found, path)
    console.print(tables.cell_sheet(found, input_size, hidden_size))
    if trial := find_trial(cell):
        study, which = trial
        console.print(tables.trial_sheet(study.record(which), study.task.metric))
    for path in drawn:
        console.print(f"picture: {path}", highlight=False, soft_wrap=True)


@app.command()
def export(
    cell: Annotated[str, typer.Argument(help=CELL_HELP)],
    file: Annotated[Path, typer.Argument(help="Python file to write.")],
) -> None:
    """Export a cell as a standalone PyTorch file, with its weights beside it where a study trained it."""
    from rich.console import Console

    import cellsearch
    from cellsearch.references import find_cell, find_trial

    trial = find_trial(cell)
    trained = trial[0].trained(trial[1]) if trial else None
    for path in cellsearch.export(trained or find_cell(cell), file):
        Console().print(f"wrote {path}", highlight=False, soft_wrap=True)


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
    from rich.console import Console

    from cellsearch.cell import save
    from cellsearch.imports import import_cell

    cell, notes = import_cell(file, name, input_size, hidden_size)
    save(cell, output)
    for note in notes:
        Console().print(f"note: {note}", highlight=False, markup=False)
    told = f"wrote {output}: {cell.name}, {len(cell.nodes)} nodes, states {' '.join(cell.states)}"
    Console().print(told, highlight=False, markup=False)


def main() -> None:
    """Run the command line: what cellsearch refuses is one line on standard error and exit code 2."""
    try:
        app()
    except CellsearchError as error:
        print("cellsearch:", *str(error).splitlines(), file=sys.stderr)
        sys.exit(2)


def _options(pairs: list[str], data: Path | None) -> dict[str, str]:
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UnknownNameError(f"option {pair!r} has no value; write {pair}=VALUE")
        options[name] = value
    return options | ({"data": str(data.absolute())} if data else {})


def _deliver(study: Study) -> None:
    """Print the verdict and leave tables, plot, picture and export in the study's folder."""
    from rich.console import Console

    import cellsearch
    from cellsearch.inspect import tables
    from cellsearch.inspect.picture import save_picture

    console = Console()
    study.write_tables()
    _plot(study, study.path / "progress.png")
    if study.verdicts:
        console.print(tables.verdict_table(study))
    console.print(tables.statement(study), highlight=False)
    best, stem = study.best.cell, study.path / "best"
    console.print(tables.cell_sheet(best, 128, 128))
    cellsearch.save(best, stem.with_suffix(".json"))
    save_picture(best, stem.with_suffix(".png"))
    cellsearch.export(study.trained() or best, stem.with_suffix(".py"))
    written = [(name, meaning) for name, meaning in RESULTS if (study.path / name).is_file()]
    console.print(tables.catalogue(f"results in {study.path}", written))


def _plot(study: Study, path: Path) -> None:
    """Draw the course of the search."""
    from cellsearch.inspect.progress_plot import Point, save_progress

    candidates = [record for record in study.records if record.role == "candidate" and record.scores]
    points = [
        Point(record.number, record.scores[max(record.scores)], record.state)
        for record in candidates
        if record.state in ("complete", "pruned")
    ]
    baselines = {r.cell.name: r.score for r in study.records if r.role == "baseline" and r.score is not None}
    save_progress(points, baselines, study.task.metric, study.task.lower_is_better, path)
