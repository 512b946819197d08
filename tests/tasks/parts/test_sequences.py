"""What symbol tasks share: batches from a draw ahead, a share of right answers, longer sequences at the end."""

from __future__ import annotations

import itertools

import pytest
import torch

from cellsearch.errors import DataError
from cellsearch.training import load_task
from cellsearch_search_spaces.gated import LSTM
from cellsearch_tasks.parity import Parity
from cellsearch_tasks.parts.sequences import AHEAD, HELD_OUT, IGNORED, SymbolModel, accuracy
from tests.helpers.tasks.oracle import Oracle

NAMES = ["copy_memory", "delayed_recall", "associative_recall", "parity", "modular", "dyck", "arithmetic"]


def test_batches_are_never_the_same_twice() -> None:
    task = Parity(length=30, batch=4)
    batches = [ids for ids, _ in itertools.islice(task.batches(0), 2 * AHEAD + 1)]
    assert all(batch.shape == (30, 4) for batch in batches)
    columns = torch.cat(batches, 1).t().tolist()
    assert len({tuple(column) for column in columns}) == len(columns)


def test_accuracy_counts_what_is_asked_only() -> None:
    ids = torch.tensor([[0, 1], [1, 0], [1, 1]])
    targets = torch.tensor([[IGNORED, 1], [0, IGNORED], [1, 1]])
    assert accuracy(Oracle(2, lambda column: column), ids, targets) == 0.75


def test_a_score_in_parts_is_that_of_the_whole() -> None:
    task = Parity(length=12)
    model = SymbolModel(LSTM, 5, 2, 2)
    ids, targets = task.held_out(12, "test")
    assert ids.shape == (12, HELD_OUT)
    with torch.no_grad():
        whole = (model(ids)[0].argmax(-1) == targets).float().mean()
        assert task.score(model, "test") == pytest.approx(float(whole))


def test_the_held_out_sequences_of_the_splits_differ() -> None:
    task = Parity(length=30)
    assert not torch.equal(task.held_out(30, "validation")[0], task.held_out(30, "test")[0])


@pytest.mark.parametrize("name", NAMES)
def test_details_tell_of_longer_sequences_than_those_of_training(name: str) -> None:
    task = load_task(name, {})
    with torch.no_grad():
        details = task.details(task.model(LSTM, 4).eval())  # type: ignore[attr-defined]
    assert details
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in details.values())
    assert max(int(what.split()[-1]) for what in details) > task.length  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("options", [{"length": "0"}, {"batch": "0"}, {"length": "100000"}])
def test_impossible_options_are_refused_in_one_line(name: str, options: dict[str, str]) -> None:
    with pytest.raises(DataError, match=rf"{name} needs length 1 to \d+ and batch at least 1, got") as raised:
        load_task(name, options).prepare()
    assert "\n" not in str(raised.value)
