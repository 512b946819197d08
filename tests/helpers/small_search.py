"""A search that takes seconds: the troubled task, 8 candidates, two finalists; and its history as plain data.

`python -m tests.helpers.small_search` writes `tests/study/golden_history.json` anew. Do so only when a change of the
search is meant, and say in the commit why the history changed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from cellsearch.cell import identity
from cellsearch.study.record import Record, alive
from cellsearch.study.searching.search import search
from cellsearch.study.study import Study, load_study
from cellsearch.training import Budget
from cellsearch.workers import Resources
from tests.helpers.project import ROOT

TASK = "cellsearch.testing.troubled_task:TASK"
TROUBLED: dict[str, Any] = {
    "task": TASK,
    "options": {},
    "task_name": "troubled",
    "metric": "squared error",
    "lower_is_better": True,
}
"""What a study keeps of its task."""
GOLDEN = ROOT / "tests" / "study" / "golden_history.json"
BUDGET = Budget(parameters=200, steps=5)
ALONE = Resources(workers=1, timeout=60.0)
SMALL: dict[str, Any] = {
    "budget": BUDGET,
    "resources": ALONE,
    "until": "8 candidates",
    "finalists": 2,
    "trials": 2,
    "fresh_seeds": 2,
}


def small_search(path: Path, task: str = TASK, **changes: Any) -> Study:
    """The small search with some settings changed."""
    return search(task, study=path, **(SMALL | changes))


def history(study: Study) -> dict[str, list[dict[str, Any]]]:
    """What a study's trials were, without numbers, names and times, which an interruption may change."""
    stages = {identity(cell): records for cell, records in study.finals.items()}
    return {stage: _alive(records) for stage, records in {"search": study.records, **stages}.items()}


def in_order(records: Iterable[Record]) -> list[Record]:
    """The trials that were not interrupted; rates of one round, whose order an interruption may turn, by size."""
    there = alive(records)
    rates = [record for record in there if record.role == "rate"]
    rates.sort(key=lambda record: (record.steps, record.seed, record.hyperparameters["learning_rate"]))
    return [*rates, *(record for record in there if record.role != "rate")]


def _alive(records: Any) -> list[dict[str, Any]]:
    return [_trial(record, records) for record in in_order(records)]


def _trial(record: Record, records: list[Record]) -> dict[str, Any]:
    return {
        "identity": record.identity,
        "role": record.role,
        "state": record.state,
        "seed": record.seed,
        "hyperparameters": dict(record.hyperparameters),
        "score": record.score,
        "test": record.test,
        "hidden_size": record.hidden_size,
        "parents": [records[number].identity for number in record.parents],
        "edits": list(record.edits),
    }


def main() -> None:
    """Write the golden history anew."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        small_search(Path(folder))
        text = json.dumps(history(load_study(folder)), indent=1)
    GOLDEN.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
