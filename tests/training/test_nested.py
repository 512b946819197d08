"""Nested batches: changed, listed and compared whatever they are made of."""

from __future__ import annotations

import torch

from cellsearch.training.nested import leaves, mapped, shape_of


def test_every_tensor_is_changed_and_the_rest_stays() -> None:
    batch = {"ids": [torch.ones(2), (torch.ones(3), 7)], "name": "a"}
    changed = mapped(batch, lambda each: each + 1)
    assert changed["ids"][1][1] == 7
    assert changed["name"] == "a"
    assert [each.tolist() for each in leaves(changed)] == [[2, 2], [2, 2, 2]]


def test_batches_of_one_form_differ_in_their_numbers_alone() -> None:
    ids = torch.zeros(3, 4, dtype=torch.long)
    assert shape_of((ids, True)) == shape_of((ids + 1, True))
    others = ((ids, False), (ids.float(), True), (ids[:2], True), [ids, True], {"ids": ids})
    assert all(shape_of(other) != shape_of((ids, True)) for other in others)
    assert hash(shape_of({"ids": [ids, (ids, 7)], "states": None})) is not None
