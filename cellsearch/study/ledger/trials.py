"""Trials: what the ledger writes of a trial into Optuna's, and the record that it reads from there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from optuna.trial import FrozenTrial, TrialState

from cellsearch.cell import from_json
from cellsearch.study.record import Record, State, TuningResult

__all__ = ["CHECKPOINT", "INTERRUPTED", "PROPOSED", "RESULT", "TURN", "again", "may_be_mended", "record_of"]

INTERRUPTED: Final = "interrupted"

CHECKPOINT: Final = "checkpoint"
TURN: Final = "turn"
"""Notes of a trial that has paused: the step of its last checkpoint; and 0 while it waits there, how many trials there
were when it went on, and less the same once an interruption has brought it back."""

STATES: Final[Mapping[TrialState, State]] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}

PROPOSED: Final = (
    "name",
    "cell",
    "identity",
    "family",
    "role",
    "seed",
    "steps",
    "parents",
    "edits",
    "attempt",
    "place",
    "tuning",
    "baseline",
)
"""What the ledger knows of a trial before it begins; `place` counts the stage's trials before it, without those that
are there again, so that a search draws the same hyperparameters whether it was interrupted or not."""

RESULT: Final = (
    "hidden_size",
    "parameters",
    "seconds",
    "test",
    "tokens_per_second",
    "step_seconds",
    "inference_seconds",
    "details",
)
"""What the ledger keeps of a trial's last report beside its score."""


def again(trials: Iterable[FrozenTrial]) -> set[int | None]:
    """The numbers of the trials that are there again under a later number."""
    return {trial.user_attrs.get("again") for trial in trials}


def may_be_mended(trial: FrozenTrial, fruitless: bool) -> bool:
    """Whether a trial failed and is worth another try; `fruitless` is a stage of which none came to its end."""
    notes = trial.user_attrs
    failed = trial.state is TrialState.FAIL and notes.get("reason") != INTERRUPTED
    return failed and (fruitless or notes["role"] == "baseline" or not notes.get("lasting"))


def record_of(stage: str, trial: FrozenTrial, repeated: Collection[int | None] = ()) -> Record:
    """The record of a trial; `repeated` are the numbers of those that are there again."""
    notes = trial.user_attrs
    result = notes.get("result", {})
    reason = notes.get("reason", "")
    cell = from_json(notes["cell"])
    return Record(
        number=trial.number,
        state=_state(trial, repeated),
        cell=cell,
        identity=notes["identity"],
        role=notes["role"],
        seed=notes["seed"],
        steps=notes["steps"],
        parents=tuple(notes["parents"]),
        edits=tuple(notes["edits"]),
        hyperparameters=trial.params or trial.system_attrs.get("fixed_params", {}),
        scores=trial.intermediate_values,
        score=trial.value if trial.state is TrialState.COMPLETE else None,
        reason=reason,
        **({name: result.get(name) for name in RESULT} | {"details": result.get("details", {})}),
        began=trial.datetime_start,
        ended=trial.datetime_complete,
        tuning=TuningResult(**notes["tuning"]) if notes["tuning"] else None,
        stage=stage,
        baseline=notes["baseline"],
        checkpoint=notes.get(CHECKPOINT, 0),
        place=notes["place"],
        attempt=notes.get("attempt", 0),
        noted_family=notes.get("family", ""),
    )


def _state(trial: FrozenTrial, repeated: Collection[int | None]) -> State:
    if trial.user_attrs.get("reason") == INTERRUPTED:
        return "interrupted"
    if trial.state is TrialState.RUNNING and trial.user_attrs.get(TURN, 1) <= 0:
        return "paused"
    return "repeated" if trial.number in repeated else STATES[trial.state]
