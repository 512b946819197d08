"""Ablation: what each part of a search's cell is good for. It is compared with the cells that have a part less.

They are trained as finalists are, in the folder `ablation-NUMBER` of the study, NUMBER being the cell's trial: each
gets its own learning rate by the verdict's rule, then the same fresh seeds. What the equations alone show to be dead
weight is taken out before. The simplest cell that is not shown to be worse than the winner is `simplest.json` in the
study's folder, which `STUDY:simplest` names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cellsearch import files, plugins
from cellsearch.cell import Cell, save
from cellsearch.space.simplification import plainness, simpler, without_dead_weight
from cellsearch.statistics.differences import FEWEST_SEEDS, Interval
from cellsearch.study.comparing.comparison import Comparison, Entrant, read_comparison
from cellsearch.study.comparing.contest import Contest, run_all
from cellsearch.study.conditions import conditions_on
from cellsearch.study.folder import DATABASE
from cellsearch.study.progress import Observer
from cellsearch.study.references import SIMPLEST
from cellsearch.study.study import Study
from cellsearch.training import Budget, check_counts, named_task
from cellsearch.training.hyperparameters import Range, task_ranges
from cellsearch.workers import Resources

__all__ = ["Ablation", "Parts", "ablate", "ablated", "could_show", "load_ablation", "loss", "parts", "shown_worse"]

WITHOUT_DEAD_WEIGHT: Final = "without dead weight"


@dataclass(frozen=True)
class Parts:
    """A cell, its dead weight in words, and the cells with a part less, each called by what was done."""

    whole: Cell
    dead: Sequence[str]
    lesser: Sequence[Cell]


@dataclass(frozen=True)
class Ablation:
    """What an ablation's folder holds: the comparison of a cell, its first entrant, with those that have less."""

    comparison: Comparison
    dead: Sequence[str]

    @property
    def whole(self) -> Entrant:
        """The cell itself."""
        return self.comparison.entrants[0]

    @property
    def lesser(self) -> list[Entrant]:
        """The cells with a part less, those whose loss is largest first; at the end those without a result."""
        losses = {place: loss(self, each) for place, each in enumerate(self.comparison.entrants[1:], 1)}
        known = sorted((place for place, each in losses.items() if each), key=lambda place: -losses[place].mean)  # type: ignore[union-attr]
        return [self.comparison.entrants[place] for place in (*known, *(p for p, each in losses.items() if not each))]

    @cached_property
    def simplest(self) -> Entrant:
        """The simplest that is not shown to be worse than the whole, though a loss could have been shown.

        The whole itself where there is none.
        """
        spared = [each for each in self.lesser if could_show(self, each) and not shown_worse(self, each)]
        return min((self.whole, *spared), key=lambda each: plainness(each.cell))


def loss(ablation: Ablation, of: Entrant) -> Interval | None:
    """By how much it is worse than the whole, below 0 where it is better; None without a result."""
    if of.difference is None:
        return None
    found = of.difference.interval
    if ablation.comparison.task.lower_is_better:
        return found
    low, high = (None if bound is None else -bound for bound in (found.high, found.low))
    return Interval(-found.mean, low, high)


def could_show(ablation: Ablation, entrant: Entrant) -> bool:
    """Whether the verdict's rule would claim a difference to the whole: enough seeds, and both tuned."""
    tuned = not (entrant.untuned or ablation.whole.untuned)
    return tuned and entrant.difference is not None and entrant.difference.seeds >= FEWEST_SEEDS


def shown_worse(ablation: Ablation, entrant: Entrant) -> bool:
    """Whether the verdict's rule shows it to be worse than the whole."""
    found = loss(ablation, entrant)
    shown = entrant.difference is not None and entrant.difference.shown and could_show(ablation, entrant)
    return shown and found is not None and found.mean > 0


def parts(cell: Cell) -> Parts:
    """What an ablation of the cell trains, the cell itself first; nothing is trained here."""
    lighter, dead = without_dead_weight(cell)
    reduced = [lighter.renamed(WITHOUT_DEAD_WEIGHT)] if lighter != cell else []
    return Parts(cell, dead, [*reduced, *(each.cell for each in simpler(lighter))])


def ablate(
    study: Study,
    which: str | int = "best",
    *,
    budget: Budget = Budget(),
    hyperparameters: Mapping[str, object] | None = None,
    resources: Resources = Resources(),
    trials: int | None = None,
    fresh_seeds: int = 5,
    observe: Observer | None = None,
) -> Ablation:
    """Train the cell of a trial beside the cells with a part less, and tell what each part is good for.

    Parameters, steps and tuning are those of the study's finals where `budget`, `trials` and `hyperparameters` (as in
    `search`) say nothing else. Called again, it goes on. Raises StudyError, UnknownNameError and BudgetError before
    anything is trained.
    """
    files.end_load()
    (fresh_seeds,) = check_counts(2, fresh_seeds=fresh_seeds)
    number, settings = study.record(which).number, study.settings
    if settings["space"]:
        plugins.load_operations(settings["space"])
    named = named_task(settings["task"], settings["options"])
    own = task_ranges(named.task, named.options, settings["tuning"].get("optimizer", "adamw"))
    chosen = {**_as_searched(settings["tuning"], own), **(hyperparameters or {})}
    conditions = conditions_on(
        named,
        space=settings["space"],
        seed=settings["seed"],
        budget=Budget(
            settings["parameters"] if budget.parameters is None else budget.parameters,
            settings["final_steps"] if budget.steps is None else budget.steps,
            budget.reports,
            budget.patience,
        ),
        hyperparameters=chosen,
        trials=settings["trials"] if trials is None else trials,
        tuned=[name for name, value in settings["tuning"].items() if isinstance(value, list)],
    )
    found = parts(study.cell(which))
    entrants = [[cell] for cell in (found.whole, *found.lesser)]
    contest = Contest(_folder(study, number), named, conditions, entrants, fresh_seeds, f"ablation of {number}")
    contest.check()
    run_all([contest], resources, observe)
    ablation = ablated(study, which)
    if number == study.best.number:
        save(ablation.simplest.cell, study.path / SIMPLEST)
    return ablation


def load_ablation(study: Study, which: str | int = "best") -> Ablation | None:
    """The ablation of a trial's cell; None where there was none."""
    folder = _folder(study, study.record(which).number)
    return ablated(study, which) if (folder / DATABASE).is_file() else None


def ablated(study: Study, which: str | int) -> Ablation:
    """The ablation of a trial's cell. Raises StudyError if there was none."""
    record = study.record(which)
    return Ablation(read_comparison(_folder(study, record.number)), without_dead_weight(record.cell)[1])


def _folder(study: Study, number: int) -> Path:
    return study.path / f"ablation-{number}"


def _as_searched(tuning: Mapping[str, Any], own: Mapping[str, Range]) -> dict[str, object]:
    """What a study's user chose of the hyperparameters: values, and ranges that are not the task's `own`."""
    ranges = {name: each for name, each in tuning.items() if isinstance(each, list)}
    foreign = {name: tuple(each) for name, each in ranges.items() if each != [own[name].low, own[name].high]}
    return {**{name: each for name, each in tuning.items() if name not in ranges}, **foreign}
