"""What a search knows: a proposal before a trial begins, and the record of a trial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final, Literal

from cellsearch.cell import Cell, family

__all__ = ["FRESH", "SEARCH", "Proposal", "Record", "State", "TuningResult", "alive", "best_first", "standing"]

FRESH: Final = "fresh"
"""The role of a final training with a seed that the search never had."""

SEARCH: Final = "search"
"""The stage of the candidates; finalists have stages of their own."""

State = Literal["waiting", "running", "paused", "complete", "pruned", "failed", "interrupted", "repeated"]
"""A paused trial is a candidate that may go on later from where it stopped.

An interrupted or repeated trial is there again under a later number: it was running when its driver ended, or failed
for a cause that may be mended.
"""


@dataclass(frozen=True)
class Proposal:
    """A cell to train, with the numbers of the trials that it descends from and the edits that led to it.

    `attempt` counts the proposals for the same place that were dropped before it.
    """

    cell: Cell
    parents: tuple[int, ...] = ()
    edits: tuple[str, ...] = ()
    attempt: int = 0


@dataclass(frozen=True)
class TuningResult:
    """What the tuning before a fresh training came to: its best loss on validation (lower is better), the tries that
    it took, and in `untuned` why its best learning rate is not known to be the optimum, if so."""

    loss: float
    tries: int
    untuned: str = ""


@dataclass(frozen=True)
class Record:
    """One trial as the ledger has it.

    `role` is "baseline" or "candidate" in the search, "rate", "tuning" or "fresh" in a final; there `baseline` names
    the one that the cell is a form of, if so. `stage` is the ledger's. `scores` maps steps to the metric
    on validation; `score` is the best of them for a complete trial, else None. `steps` is the length of its training.
    `hyperparameters` are those that were drawn for it, before it began those that were fixed. A fresh training has
    its `tuning`. `reason` says why a trial failed. `seconds` is the training's own time until
    its last report; `test`, `inference_seconds` and `details` are there after a fresh training: see `Report`.
    `checkpoint` is the step at which it paused last, 0 if it never did. `place` counts the stage's trials before it,
    without those that are there again; for `attempt` see `Proposal`.
    """

    number: int
    state: State
    cell: Cell
    identity: str
    role: str
    seed: int
    steps: int
    parents: tuple[int, ...]
    edits: tuple[str, ...]
    hyperparameters: Mapping[str, float]
    scores: Mapping[int, float]
    score: float | None
    reason: str
    hidden_size: int | None
    parameters: int | None
    seconds: float | None
    test: float | None
    began: datetime | None
    ended: datetime | None
    tokens_per_second: float | None = None
    step_seconds: float | None = None
    inference_seconds: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    tuning: TuningResult | None = None
    stage: str = SEARCH
    baseline: str = ""
    checkpoint: int = 0
    place: int = 0
    attempt: int = 0
    noted_family: str = field(default="", repr=False)

    @cached_property
    def family(self) -> str:
        """The cell's family; a search trains one cell of each, beside the baselines."""
        return self.noted_family or family(self.cell)

    @property
    def reached(self) -> int:
        """The step that it has come to, for certain."""
        return self.checkpoint if self.state == "paused" else max(self.scores, default=0)

    def loss(self, lower_is_better: bool, step: float = math.inf) -> float:
        """Its best score up to a step as something to make small, infinite before there is any."""
        if (lower_is_better, step) not in self._losses:
            scores = [score if lower_is_better else -score for at, score in self.scores.items() if at <= step]
            self._losses[lower_is_better, step] = min(scores, default=math.inf)
        return self._losses[lower_is_better, step]

    @cached_property
    def _losses(self) -> dict[tuple[bool, float], float]:
        """Those that were asked for, for a search asks of every trial again and again."""
        return {}


def alive(records: Iterable[Record]) -> list[Record]:
    """The trials that are not there again under a later number."""
    return [record for record in records if record.state not in ("interrupted", "repeated")]


def standing(record: Record, lower_is_better: bool) -> tuple[float, float]:
    """What trials are sorted by, the best first: those that were let go on longest, then by the best score so far."""
    length = math.inf if record.state == "complete" else record.reached
    return -length, record.loss(lower_is_better)


def best_first(records: Iterable[Record], lower_is_better: bool) -> list[Record]:
    """The trials that have a score, the best first."""
    scored = [record for record in records if record.score is not None]
    return sorted(scored, key=lambda record: record.score or 0.0, reverse=not lower_is_better)
