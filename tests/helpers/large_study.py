"""A study that no training made, as large as wanted: mutants of the gated seeds, with scores, ends and finals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from cellsearch.cell import Cell, to_json
from cellsearch.space.mutation import mutate
from cellsearch.study.record import Record, State, TuningResult
from cellsearch.study.study import Study
from cellsearch.testing.strategy import record
from cellsearch_search_spaces.gated import GRU, LSTM, RNN, SPACE
from tests.helpers.small_search import TROUBLED

__all__ = ["SETTINGS", "finals_of", "large_study"]

SEEDS = (LSTM, GRU, RNN)

SETTINGS: dict[str, Any] = {
    **TROUBLED,
    "schema": "cellsearch.study/4",
    "space": "gated",
    "strategy": "evolution",
    "rungs": [34, 100],
    "seeds": [to_json(cell) for cell in SEEDS],
    "seed": 0,
    "parameters": 60_000,
    "steps": 500,
    "final_steps": 500,
    "reports": 5,
    "patience": 0.5,
    "trials": 4,
    "tuning": {"learning_rate": [0.002, 0.05], "weight_decay": [1e-6, 1e-3]},
}

STATES: tuple[State, ...] = ("complete", "complete", "pruned", "complete", "failed", "pruned")

BEGAN = datetime(2026, 1, 1)


def large_study(candidates: int, path: Path = Path("runs/large")) -> Study:
    """A search of so many candidates, three of which came to the finals."""
    records = [*_trials(candidates)]
    best = sorted((r for r in records if r.role == "candidate" and r.score is not None), key=lambda r: r.score or 0.0)
    finalists = {LSTM: 3.0, GRU: 2.9} | {r.cell: 2.5 + 0.1 * place for place, r in enumerate(best[:3])}
    return Study(path, SETTINGS, records, {cell: finals_of(cell, score) for cell, score in finalists.items()})


def _trials(candidates: int) -> Iterator[Record]:
    random = Random(0)
    cells, scores = list[Cell](), list[float]()
    edits: tuple[str, ...]
    for number in range(candidates + len(SEEDS)):
        if number < len(SEEDS):
            parent, cell, edits, score = None, SEEDS[number], (), 3.5 - 0.1 * number
        else:
            parent = random.choice(sorted(range(number), key=scores.__getitem__)[:50])
            cell, edit = mutate(cells[parent], SPACE, random)
            cell, edits = cell.renamed(f"cell_{number}"), (edit,)
            score = scores[parent] + random.gauss(0.02, 0.1)
        cells.append(cell)
        state = "complete" if parent is None else STATES[number % len(STATES)]
        scores.append(score if state == "complete" else 9.0)
        began = BEGAN + timedelta(seconds=30 * number)
        made = record(number, cell, state, score, "baseline" if parent is None else "candidate")
        yield replace(
            made,
            scores={} if state == "failed" else {100: score + 1, 500: score},
            reason=f"the loss is nan at step {number}" if state == "failed" else "",
            parents=() if parent is None else (parent,),
            edits=edits,
            hyperparameters={
                "learning_rate": 0.002 * 25 ** random.random(),
                "weight_decay": 10 ** random.uniform(-6, -3),
            },
            parameters=60_000 - number % 1000,
            seconds=55.0,
            began=began,
            ended=began + timedelta(seconds=55),
        )


def finals_of(cell: Cell, score: float) -> list[Record]:
    """Five fresh seeds of a finalist."""
    return [
        replace(
            record(seed, cell, score=score + 0.01 * seed, role="fresh"),
            seed=seed,
            steps=500,
            scores={100 * (i + 1): score + 0.01 * seed + 1 / (i + 1) - 0.2 for i in range(5)},
            test=score + 0.011 * seed,
            parameters=59_900,
            tuning=TuningResult(score, 8),
        )
        for seed in range(5)
    ]
