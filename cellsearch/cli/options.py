"""The options that commands share, each written once, and the values that several of them make together."""

import inspect
from collections.abc import Callable, Iterator
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cellsearch.errors import BudgetError, UnknownNameError

if TYPE_CHECKING:
    from cellsearch.training import Budget
    from cellsearch.workers import Resources

__all__ = [
    "CELL_HELP",
    "ConfirmOn",
    "Png",
    "Seed",
    "Space",
    "Study",
    "Svg",
    "Task",
    "Tasks",
    "Trials",
    "budget",
    "hyperparameters",
    "made_from",
    "options",
    "profile_budget",
    "resources",
]

CELL_HELP: Final = "A seed (lstm), a cell file (my.json), STUDY:best, STUDY:17 or STUDY:simplest."

TASK_HELP: Final = "a name or a reference such as my_task.py:TASK, with options as digits@permuted=1,batch=20"

Task = Annotated[str, typer.Option(help=f"Task: {TASK_HELP}.")]
Tasks = Annotated[list[str], typer.Option(help=f"Task: {TASK_HELP}; may be repeated.")]
ConfirmOn = Annotated[
    list[str] | None,
    typer.Option(help="Task that the search never sees, named alike; the finalists are compared there. Repeatable."),
]
Space = Annotated[str, typer.Option(help="File (my_ops.py) or search space that defines operations of the cell.")]
Study = Annotated[Path | None, typer.Option(help="Folder of the study; the same folder continues it.")]
Png = Annotated[Path | None, typer.Option(help="Draw it into this file.")]
Svg = Png
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Trials = Annotated[int, typer.Option(help="Tries for hyperparameters beside the learning rate, where some are tuned.")]
Reports = Annotated[int, typer.Option(help="Validations of a training.")]
Patience = Annotated[float, typer.Option(help="Share of the steps that may bring no better score; 1 never ends early.")]


def made_from(**makers: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates a command: arguments with these names are made by these functions, whose parameters are its options."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def flat(**given: Any) -> None:
            made = {name: make(**{each: given.pop(each) for each in _options(make)}) for name, make in makers.items()}
            command(**given, **made)

        flat.__name__, flat.__doc__ = command.__name__, command.__doc__
        flat.__signature__ = inspect.Signature(list(_flat(command, makers)))  # type: ignore[attr-defined]
        return flat

    return decorate


def _flat(command: Callable[..., None], makers: dict[str, Callable[..., Any]]) -> Iterator[Parameter]:
    """The command's parameters, in the place of each value those of its maker."""
    for name, parameter in _options(command).items():
        found = _options(makers[name]).values() if name in makers else [parameter]
        yield from (each.replace(kind=Parameter.KEYWORD_ONLY) for each in found)


def _options(function: Callable[..., Any]) -> dict[str, Parameter]:
    return dict(inspect.signature(function).parameters)


def budget(
    parameters: Annotated[int | None, typer.Option(help="Learned numbers of a model; the task's if not given.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps of a training; the task's if not given.")] = None,
    reports: Reports = 5,
    patience: Patience = 0.5,
) -> "Budget":
    """The budget of every training."""
    import cellsearch

    return cellsearch.Budget(parameters, steps, reports, patience)


def profile_budget(
    parameters: Annotated[int, typer.Option(help="Learned numbers of every model.")] = 10_000,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps; each exercise's own if not given.")] = None,
    reports: Reports = 5,
    patience: Patience = 1.0,
) -> "Budget":
    """The budget of every training of a profile."""
    return budget(parameters, steps, reports, patience)


def resources(
    executor: Annotated[str, typer.Option(help="local (processes) or ray.")] = "local",
    workers: Annotated[
        str, typer.Option(help="Trainings at once; auto is one a core, or all that a cluster has room for.")
    ] = "auto",
    timeout: Annotated[float, typer.Option(help="Seconds after which a training has failed.")] = 600.0,
    address: Annotated[str | None, typer.Option(help="Ray cluster to join.")] = None,
    cpus: Annotated[float, typer.Option(help="Cores that a training takes of a Ray cluster.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="GPUs, or a fraction of one, that a training takes of it.")] = 0.0,
    memory: Annotated[float, typer.Option(help="Memory that a training may take, in GiB; any if 0.")] = 0.0,
    send_cellsearch: Annotated[
        bool, typer.Option("--send-cellsearch", help="Send this cellsearch to the cluster's machines.")
    ] = False,
) -> "Resources":
    """Where trainings run."""
    import cellsearch

    count = int(workers) if workers.isdecimal() else workers
    return cellsearch.Resources(executor, count, timeout, address, cpus, gpus, memory, send_cellsearch)


def options(
    option: Annotated[
        list[str] | None,
        typer.Option(help="Option of the task, of several of those that have it, as length=100; may be repeated."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data of a task that takes some: a file, a folder, or a name.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column of the data that is foretold, as --option target=.")
    ] = None,
) -> dict[str, str]:
    """The task's options; data that is no path is the name of some."""
    named = {"data": str(data) if data else "", "target": target or ""}
    return _pairs("option", option) | {name: value for name, value in named.items() if value}


def hyperparameters(
    hyperparameter: Annotated[
        list[str] | None,
        typer.Option(
            help="A value, as optimizer=sgd, or a range to search, as dropout=0:0.5; also learning_rate, weight_decay, "
            "clip, schedule; may be repeated.",
        ),
    ] = None,
) -> dict[str, str]:
    """What is fixed of the hyperparameters, or searched in a range."""
    return _pairs("hyperparameter", hyperparameter)


def steps_of(text: str) -> list[int] | None:
    """Rungs as they are written: steps with commas between, "none" for none, and None where nothing is said."""
    if not text.strip() or text.strip() == "none":
        return [] if text.strip() else None
    try:
        return [int(each) for each in text.split(",")]
    except ValueError:
        raise BudgetError(f"rungs are steps with commas between, such as 100,300, or none; got {text!r}") from None


def _pairs(kind: str, pairs: list[str] | None) -> dict[str, str]:
    values = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UnknownNameError(f"{kind} {pair!r} has no value; write {pair}=VALUE")
        values[name] = value
    return values
