"""What a task that reads streams must do with its states."""

from __future__ import annotations

from cellsearch.training import Task
from cellsearch_search_spaces.gated import LSTM

__all__ = ["check_states_are_carried"]


def check_states_are_carried(task: Task) -> None:
    """States go on into the next batch of a pass, cut from their past, and not into a new pass."""
    model = task.model(LSTM, 6)
    ids, following, _ = next(task.batches(0))
    _, carried = task.loss(model, (ids, following, False), None)
    fresh, _ = task.loss(model, (ids, following, False), carried)
    gone_on, states = task.loss(model, (ids, following, True), carried)
    assert fresh == task.loss(model, (ids, following, False), None)[0]
    assert gone_on != fresh
    assert not any(state.requires_grad for state in states)
