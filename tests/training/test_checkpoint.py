"""A training's state comes back from its bytes as it was, and what cannot is refused in one line."""

from __future__ import annotations

import pytest
import torch

from cellsearch.errors import TaskError
from cellsearch.training.checkpoint import packed, unpacked


def test_tensors_and_plain_values_come_back_in_their_places() -> None:
    state = {
        "a": (torch.tensor([1, 2]), [None, True, 3, 0.1, "text"]),
        7: {"empty": (), "scalar": torch.tensor(0.5, dtype=torch.float64), "infinite": float("inf")},
        "view": torch.arange(6.0).reshape(2, 3).T,
    }
    found = unpacked(packed(state))
    assert found.keys() == state.keys()
    assert torch.equal(found["a"][0], torch.tensor([1, 2])) and found["a"][1] == [None, True, 3, 0.1, "text"]
    assert found[7]["empty"] == () and found[7]["infinite"] == float("inf")
    assert found[7]["scalar"].dtype == torch.float64 and found[7]["scalar"].item() == 0.5
    assert torch.equal(found["view"], torch.arange(6.0).reshape(2, 3).T)


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(TaskError, match="has a set, with which no training can stop to go on later; carry tensor"):
        packed({"carried": ({1, 2},)})
