"""What every task must do: run `check_task` on your own in one line of a test.

from cellsearch.testing.task import check_task
def test_my_task(): check_task("my_file.py:TASK")
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch

from cellsearch.cell import Cell, Node
from cellsearch.recurrence import parameter_count
from cellsearch.training import Split, Task, hidden_size_for, load_task, task_options
from cellsearch.training.options import converted, option_text
from cellsearch.training.task import task_details

__all__ = ["check_task"]

CELL = Cell("check", {"sum": Node("linear", ("x", "h")), "h_next": Node("tanh", ("sum",))}, {"h": "h_next"}, "h_next")

SPLITS: tuple[Split, ...] = ("validation", "test")

STEPS = 20


def check_task(reference: str, options: Mapping[str, str] | None = None) -> None:
    """Hold the task of a reference, with its options, to the rules of `training.Task`.

    Raises AssertionError or TaskError that says which rule it breaks; what the task itself raises passes through.
    """
    task = load_task(reference, options or {})
    _check_values(reference, task)
    task.prepare()
    task.prepare()
    _check_model(task)
    _check_batches(task)
    _check_training(task)
    _check_scores(task)


def _check_values(reference: str, task: Task) -> None:
    for field in dataclasses.fields(task):  # type: ignore[arg-type]
        has_default = field.default is not dataclasses.MISSING
        assert has_default, f"option {field.name!r} has a default"
        text = {field.name: option_text(field.default)}
        assert converted(reference, task, text)[field.name] == field.default, f"a text sets option {field.name!r}"
    dropout = task_options(task).get("dropout", 0.0)
    assert isinstance(dropout, float) and 0 <= dropout < 1, "the option `dropout`, which a search may set, is a share"
    same = load_task_like(task)
    assert same == task, "a task is a value: equal options make an equal task"


def load_task_like(task: Task) -> Task:
    """The same task made anew from its options."""
    kind: Any = type(task)
    made: Task = kind(**task_options(task))
    return made


def _check_model(task: Task) -> None:
    counts = [parameter_count(task.model(CELL, hidden_size)) for hidden_size in (1, 2, 8, 32)]
    assert counts == sorted(set(counts)), f"the model grows with its hidden size, got {counts} parameters"
    size = hidden_size_for(task, CELL, task.parameters)
    assert size >= 1, "the default budget holds a plain RNN"
    with torch.device("meta"):
        on_meta = parameter_count(task.model(CELL, 8))
    assert on_meta == counts[2], "the model can be built without memory"
    torch.manual_seed(0)
    first = task.model(CELL, 4).state_dict()
    torch.manual_seed(0)
    second = task.model(CELL, 4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first), "the model is drawn from torch's generator"


def _check_batches(task: Task) -> None:
    def first(seed: int) -> list[Any]:
        return list(itertools.islice(task.batches(seed), 3))

    assert _same(first(1), first(1)), "batches are the same for the same seed"
    assert not _same(first(1), first(2)), "batches differ for another seed"
    state = torch.get_rng_state()
    first(3)
    assert torch.equal(state, torch.get_rng_state()), "batches leave torch's own generator alone"


def _check_training(task: Task) -> None:
    torch.manual_seed(0)
    model = task.model(CELL, 8)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    carried: Any = None
    for batch in itertools.islice(task.batches(0), STEPS):
        loss, carried = task.loss(model, batch, carried)
        assert loss.dim() == 0 and math.isfinite(loss.item()), f"the loss is one finite number, got {loss}"
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    trained = [name for name, array in model.named_parameters() if array.grad is not None]
    missing = {name for name, _ in model.named_parameters()} - set(trained)
    assert not missing, f"every learned array has a gradient; none: {', '.join(sorted(missing))}"


def _check_scores(task: Task) -> None:
    torch.manual_seed(0)
    model = task.model(CELL, 8).eval()
    state = torch.get_rng_state()
    with torch.no_grad():
        scores = {split: task.score(model, split) for split in SPLITS}
        again = {split: task.score(model, split) for split in reversed(SPLITS)}
        details = task_details(task, model)
    assert all(isinstance(score, float) and math.isfinite(score) for score in scores.values()), (
        f"a score is one finite number, got {scores}"
    )
    assert scores == again, "a score depends on the model alone"
    assert torch.equal(state, torch.get_rng_state()), "scores leave torch's own generator alone"
    at_an_end = scores["test"] in (0.0, 1.0)  # where a share may stay before training
    assert scores["validation"] != scores["test"] or at_an_end, "validation and test are different data"
    assert all(name and math.isfinite(value) for name, value in details.items()), (
        f"details are finite numbers by name, got {details}"
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(itertools.starmap(_same, zip(one, other, strict=True)))
    return bool(one == other)
