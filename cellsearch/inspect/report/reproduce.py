"""How to make a study again: the commands, and what it was made with."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from math import isclose
from typing import Any, Final

from cellsearch.cell import from_json
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.forms import BASELINES
from cellsearch.study.record import alive
from cellsearch.study.study import Study
from cellsearch.training import task_texts

__all__ = ["comparison_commands", "made_with", "search_commands"]

BY_DEFAULT: Final = {"weight_decay": 1e-5, "dropout": 0.0}
"""Where the ranges begin that a task has by itself; the learning rate's spans a factor of 25."""


def search_commands(study: Study) -> list[str]:
    """The search itself, and what one does with its winner next."""
    settings, path = study.settings, str(study.path)
    judged = [v for v in study.verdicts if v.fresh_seeds]
    tried = sum(r.role == "candidate" for r in alive(study.records))
    counts: dict[str, int] = {}
    if judged:
        counts["finalists"] = sum(v.role == "candidate" for v in judged)
        counts["fresh-seeds"] = max(v.fresh_seeds for v in judged)
    own = {v.baseline for v in study.verdicts if v.baseline} - {*BASELINES}
    seeds = [_seed(study, from_json(text).name, own) for text in settings["seeds"]]
    options = {
        "space": settings["space"],
        "seeds": ",".join(seeds),
        "strategy": settings["strategy"],
        "until": f"{tried} candidates",
        "rungs": ",".join(map(str, settings["rungs"])) or "none",
        **counts,
        **_budget(settings),
        "final-steps": settings["final_steps"],
    }
    best = f"{path}:best"
    return [
        _command(
            "search", *_task(settings), *_options(options), *_hyperparameters(settings), "--study", f"{path}-again"
        ),
        _command("export", best, "my_cell.py"),
        _command("compare", *BASELINES, best, *_task(settings), *_final_steps(settings)),
    ]


def comparison_commands(comparisons: Sequence[Comparison], folder: str) -> list[str]:
    """The comparison itself."""
    first = comparisons[0]
    settings = first.settings
    seeds = max((len(each.tests) for comparison in comparisons for each in comparison.entrants), default=0)
    tasks = [word for each in comparisons for word in _task(each.settings)]
    alike = all(_budget(each.settings) == _budget(settings) for each in comparisons)
    options = {"space": settings["space"], **(_budget(settings) if alike else {}), "fresh-seeds": seeds or None}
    cells = [cell.name for cell in first.cells]
    return [
        _command(
            "compare", *cells, *tasks, *_options(options), *_hyperparameters(settings), "--study", f"{folder}-again"
        )
    ]


def made_with(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What all trainings had in common, and the versions that are installed where the report is written."""
    names = ("seed", "parameters", "steps", "final_steps", "reports", "patience", "trials", "space", "strategy")
    facts = [
        (name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
        for name in names
        if (value := settings.get(name)) not in (None, "")
    ]
    drawn = [f"{name} {_value(value)}" for name, value in settings["tuning"].items()]
    packages = [f"{name} {version(name)}" for name in ("cellsearch", "torch", "optuna")]
    return [
        ("task", ", ".join(task_texts(settings["task"], settings["options"]))),
        *facts,
        ("hyperparameters", ", ".join(drawn)),
        ("this page written with", ", ".join([*packages, f"Python {platform.python_version()}"])),
        ("format of the study", str(settings["schema"])),
    ]


def _seed(study: Study, name: str, own: set[str]) -> str:
    """A seed cell's name; of one that no space has, its trial."""
    trial = next((r.number for r in study.records if r.role == "baseline" and r.cell.name == name), None)
    return f"{study.path}:{trial}" if name in own and trial is not None else name


def _task(settings: Mapping[str, Any]) -> list[str]:
    return [word for text in task_texts(settings["task"], settings["options"]) for word in ("--task", text)]


def _final_steps(settings: Mapping[str, Any]) -> list[str]:
    """Those of one task; of several each comparison takes its own task's."""
    several = len(task_texts(settings["task"], settings["options"])) > 1
    return [] if several else ["--steps", str(settings["final_steps"])]


def _budget(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("seed", "trials", "parameters", "steps", "reports", "patience")}


def _options(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if value not in (None, ""):
            yield from (f"--{name}", str(value))


def _hyperparameters(settings: Mapping[str, Any]) -> Iterator[str]:
    """What was chosen for this study; a task's own ranges are there anyway."""
    for name, value in settings["tuning"].items():
        if not _is_default(name, value):
            yield from ("--hyperparameter", f"{name}={_value(value)}")


def _is_default(name: str, value: Any) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return False
    low, high = value
    return isclose(high, 25 * low) if name == "learning_rate" else BY_DEFAULT.get(name) == low


def _value(value: Any) -> str:
    return ":".join(f"{each:g}" for each in value) if isinstance(value, list | tuple) else str(value)


def _command(*words: str) -> str:
    return "cellsearch " + " ".join(map(shlex.quote, words))
