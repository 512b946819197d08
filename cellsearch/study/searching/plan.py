"""What a search would do and how long it would take, told without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, Final

from cellsearch import plugins
from cellsearch.cell import to_json
from cellsearch.study.finals import USUAL_TRIES
from cellsearch.study.forms import BASELINES, forms
from cellsearch.study.schedule.halving import GOES_ON
from cellsearch.study.searching.arrangement import Arrangement, arrangement
from cellsearch.study.searching.search import search
from cellsearch.training import Evaluation, Hyperparameters, Task, evaluate

__all__ = ["SearchPlan", "plan_search"]

OF_THE_RUN: Final = ("study", "deterministic", "observe", "callbacks", "storage")
"""Arguments of a search that change nothing of what is trained."""

TIMED_STEPS: Final = 20
"""Of the LSTM, the cell that tells how long a step takes."""


@dataclass(frozen=True)
class SearchPlan:
    """The parts of a search. `rungs` and `steps` are in optimizer steps, `step_seconds` is that of the LSTM, alone.

    `candidates` is None where the search ends by time or for want of better ones. `candidate_steps` is what a candidate
    takes on average, halving included; `final_trainings` what is usual.
    """

    strategy: str
    baselines: int
    steps: int
    rungs: tuple[int, ...]
    until: str
    candidates: int | None
    candidate_steps: float
    final_trainings: int
    final_steps: int
    workers: int
    step_seconds: float

    @property
    def search_seconds(self) -> float | None:
        """The search's time, validation apart; None where no number of candidates says it."""
        if self.candidates is None:
            return None
        steps = self.baselines * self.steps + self.candidates * self.candidate_steps
        return steps * self.step_seconds / self.workers

    @property
    def final_seconds(self) -> float:
        """The finals' time, validation apart."""
        return self.final_trainings * self.final_steps * self.step_seconds / self.workers

    def __str__(self) -> str:
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        rungs = f", rungs at {', '.join(map(str, self.rungs))} steps" if self.rungs else ""
        count = "as many candidates as come" if self.candidates is None else f"{self.candidates} candidates"
        parts = [
            f"strategy {self.strategy}, {workers}, {1000 * self.step_seconds:.3g} ms a step (the LSTM's)",
            f"search: {self.baselines} baselines of {self.steps} steps, then {count} until {self.until!r}{rungs}: "
            f"{self.candidate_steps:.0f} steps each on average",
        ]
        if self.search_seconds is not None:
            parts.append(f"about {_time(self.search_seconds)} for the search, validations apart")
        if self.final_trainings:
            final = f"finals: usually {self.final_trainings} trainings of {self.final_steps} steps"
            parts.append(f"{final}, about {_time(self.final_seconds)}")
        return "\n".join(parts)


def plan_search(task: str | Task | Sequence[str | Task] = "chars", **arguments: Any) -> SearchPlan:
    """The plan of the search that `search` would do with the same arguments; trains the LSTM for a few steps.

    Raises what `search` raises before anything is trained.
    """
    given = signature(search).bind(task, **arguments)
    given.apply_defaults()
    wanted = {name: value for name, value in given.arguments.items() if name not in OF_THE_RUN}
    arranged = arrangement(**wanted)
    conditions, halving = arranged.conditions, arranged.halving
    return SearchPlan(
        wanted["strategy"],
        len(arranged.baselines),
        halving.steps,
        tuple(halving.rungs),
        wanted["until"],
        arranged.end.candidates,
        _usual_steps(arranged),
        _final_trainings(arranged),
        conditions.final_steps,
        wanted["resources"].size,
        _step_seconds(arranged),
    )


def _usual_steps(arranged: Arrangement) -> float:
    """Steps of a candidate on average: one of GOES_ON goes on at every rung."""
    ends = [*arranged.halving.rungs, arranged.halving.steps]
    parts = [after - before for before, after in zip([0, *ends], ends, strict=False)]
    return float(sum(part / GOES_ON**i for i, part in enumerate(parts)))


def _final_trainings(arranged: Arrangement) -> int:
    """Trainings of the finals: tries of rates for each form of a baseline and each entrant, then fresh seeds."""
    if not arranged.finalists:
        return 0
    baselines = [cell for cell in arranged.baselines if cell.name in BASELINES]
    tuned = sum(len(forms(cell)) for cell in baselines) + arranged.entrants
    return tuned * USUAL_TRIES + (len(baselines) + arranged.finalists) * arranged.fresh_seeds


def _step_seconds(arranged: Arrangement) -> float:
    """Of the LSTM, on the mean of all tasks' steps."""
    conditions = arranged.conditions
    timed = Evaluation(
        task=conditions.task,
        cell=to_json(plugins.seed("lstm")),
        budget=replace(conditions.budget, steps=TIMED_STEPS, reports=1),
        hyperparameters=Hyperparameters(arranged.task.learning_rate),
        seed=conditions.seed,
        options=conditions.options,
    )
    total, before = 0.0, 0
    for report in evaluate(timed):  # of several tasks one each, at its end
        total += (report.step - before) * (report.step_seconds or 0.0)
        before = report.step
    return total / before


def _time(seconds: float) -> str:
    minutes = seconds / 60
    return (
        f"{seconds:.0f} s"
        if minutes < 2
        else f"{minutes:.0f} minutes"
        if minutes < 120
        else f"{minutes / 60:.1f} hours"
    )
