"""What a search has been asked to do, checked before anything is trained: task, cells, strategy, rungs, end, finals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cellsearch import files, plugins
from cellsearch.cell import Cell, identity, to_json
from cellsearch.cell.node import free_name
from cellsearch.errors import BudgetError, UnknownNameError
from cellsearch.space import SearchSpace
from cellsearch.study.comparing.confirm import Confirming, tasks_to_confirm_on
from cellsearch.study.conditions import Conditions, conditions_on
from cellsearch.study.finals import rungs as rungs_of_finals
from cellsearch.study.forms import BASELINES
from cellsearch.study.references import find_cells
from cellsearch.study.schedule.halving import Halving, halving
from cellsearch.study.schedule.until import Until
from cellsearch.study.schedule.until import until as the_end
from cellsearch.study.searching.own_strategy import strategy_of
from cellsearch.study.strategies import Strategy
from cellsearch.training import (
    Budget,
    Task,
    check_counts,
    expect_budget,
    joint,
    prepare_task,
    rungs_of,
    settled_steps,
    whole_number,
)
from cellsearch.workers import Resources, expect_resources

__all__ = ["Arrangement", "arrangement"]

TUNED: Final = ("learning_rate",)
"""What a search tunes unless it is told more: the main hyperparameter (Greff et al. 2015), so that few trials do."""


@dataclass(frozen=True)
class Arrangement:
    """All that a search does, as far as it is known before. `settings` must stay the same while its study goes on."""

    task: Task
    conditions: Conditions
    strategy: Strategy
    seeds: Sequence[Cell]
    baselines: Sequence[Cell]
    halving: Halving
    end: Until
    finalists: int
    fresh_seeds: int
    confirming: Confirming
    settings: Mapping[str, Any]

    @property
    def final_rungs(self) -> tuple[int, ...]:
        """The steps at which finalists are tuned and cut."""
        conditions = self.conditions
        # At a fixed rate nothing is trained at a rung, so that nothing tells whom to cut there.
        every = rungs_of_finals(conditions.budget.steps_of(self.task), conditions.final_steps)
        return every if conditions.grid else every[-1:]

    @property
    def entrants(self) -> int:
        """Candidates that take part in the finals, if there are as many."""
        return self.finalists * int(2 ** (len(self.final_rungs) - 1))


def arrangement(
    task: str | Task | Sequence[str | Task],
    *,
    space: str,
    seeds: str | Cell | Sequence[str | Cell] | None,
    strategy: str,
    until: str,
    seed: int,
    options: Mapping[str, object] | None,
    hyperparameters: Mapping[str, object] | None,
    budget: Budget,
    resources: Resources,
    rungs: Sequence[int] | None,
    final_steps: int | None,
    finalists: int,
    trials: int,
    fresh_seeds: int,
    confirm_on: str | Task | Sequence[str | Task],
) -> Arrangement:
    """See `search`, which has the defaults. Raises UnknownNameError, DataError, BudgetError."""
    files.end_load()
    expect_budget(budget)
    expect_resources(resources)
    named = joint(task, options or {})
    the_task = named.task
    prepare_task(named.reference, the_task)
    the_space = plugins.load(plugins.SPACES, space)
    if not isinstance(the_space, SearchSpace):
        raise UnknownNameError(f"{space!r} is no search space but a {type(the_space).__name__}; name a SearchSpace")
    conditions = conditions_on(
        named,
        space=space,
        seed=seed,
        budget=budget,
        hyperparameters=hyperparameters or {},
        trials=trials,
        tuned=TUNED,
        final_steps=_final_steps(the_task, budget, final_steps),
    )
    seed_cells = _seed_cells(the_space, seeds)
    baselines = _baselines(seed_cells)
    chosen = strategy_of(strategy, seed_cells, the_space)
    steps = budget.steps_of(the_task)
    the_halving = halving(steps, rungs_of(the_task, steps) if rungs is None else rungs)
    end = the_end(until)
    (finalists,) = check_counts(1 if confirm_on else 0, finalists=finalists)
    (fresh_seeds,) = check_counts(2, fresh_seeds=fresh_seeds)
    conditions.check(the_task, baselines)
    confirming = tasks_to_confirm_on(
        confirm_on,
        the_task,
        space=space,
        seed=seed,
        budget=replace(budget, steps=final_steps),
        hyperparameters=hyperparameters or {},
        trials=trials,
        tuned=TUNED,
    )
    operations = {*the_space.operations, *(node.op for cell in seed_cells for node in cell.nodes.values())}
    seed_texts = [to_json(cell) for cell in seed_cells]
    settings = {
        **conditions.settings(operations),
        "strategy": strategy,
        "seeds": seed_texts,
        "rungs": list(the_halving.rungs),
    }
    return Arrangement(
        the_task,
        conditions,
        chosen,
        seed_cells,
        baselines,
        the_halving,
        end,
        finalists,
        fresh_seeds,
        confirming,
        settings,
    )


def _final_steps(task: Task, budget: Budget, given: int | None) -> int:
    """The steps of the finals: as given, or those of the search, or more where the task says when training settles.

    Raises BudgetError if the search has more than are given.
    """
    steps = budget.steps_of(task)
    if given is not None and whole_number("final_steps", given) < steps:
        raise BudgetError(f"final steps must be at least the {steps} steps of the search, got {given}; raise them")
    return settled_steps(task, steps) if given is None else given


def _seed_cells(space: SearchSpace, seeds: str | Cell | Sequence[str | Cell] | None) -> list[Cell]:
    if seeds is None:
        return _named_apart(list(space.seeds.values()))
    cells = find_cells(seeds)
    if not cells:
        raise UnknownNameError(f"no seed cell given; use {', '.join(space.seeds)}")
    for cell in cells:
        if not space.contains(cell):
            raise UnknownNameError(
                f"seed {cell.name!r} lies outside of space {space.name!r}; use {', '.join(space.seeds)}"
            )
    return _named_apart(cells)


def _named_apart(cells: Sequence[Cell]) -> list[Cell]:
    """The cells, a name of its own for each that is called as another one, or as LSTM and GRU are."""
    named, taken = [], {name: identity(plugins.seed(name)) for name in BASELINES}
    for cell in cells:
        own = identity(cell)
        name = cell.name if taken.get(cell.name, own) == own else free_name(cell.name, taken)
        taken[name] = own
        named.append(cell.renamed(name))
    return named


def _baselines(seeds: Sequence[Cell]) -> list[Cell]:
    """The seeds, and LSTM and GRU, each once."""
    cells = {identity(cell): cell for cell in (*seeds, *(plugins.seed(name) for name in BASELINES))}
    return list(cells.values())
