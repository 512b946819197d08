"""A training's state as bytes, from which it goes on elsewhere: safetensors, so that reading them runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import torch
from safetensors.torch import load, save
from torch import Tensor

from cellsearch.errors import TaskError

__all__ = ["packed", "unpacked"]

OUTLINE: Final = "outline"
"""The tensor that has what is around the others: JSON in UTF-8."""


def packed(state: object) -> bytes:
    """The bytes of tensors and plain values, in tuples, lists and dicts.

    Raises TaskError where there is something else, which can only be what a task carries from batch to batch.
    """
    tensors: dict[str, Tensor] = {}
    outline = json.dumps(_outline(state, tensors)).encode()
    return save({**tensors, OUTLINE: torch.frombuffer(bytearray(outline), dtype=torch.uint8)})


def unpacked(data: bytes) -> Any:
    """What `packed` was given, its tensors on the CPU."""
    tensors = load(data)
    return _state(json.loads(tensors.pop(OUTLINE).numpy().tobytes()), tensors)


def _outline(state: object, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The state as JSON, with the number of each tensor in its place."""
    if isinstance(state, Tensor):
        tensors[str(len(tensors))] = state.detach().cpu().clone().contiguous()
        return {"tensor": str(len(tensors) - 1)}
    if isinstance(state, dict):
        return {"dict": [[key, _outline(value, tensors)] for key, value in state.items()]}
    if type(state) in (tuple, list):
        return {type(state).__name__: [_outline(each, tensors) for each in state]}  # type: ignore[attr-defined]
    if state is None or type(state) in (bool, int, float, str):
        return {"plain": state}
    raise TaskError(
        f"what is carried from batch to batch has a {type(state).__name__}, with which no training can stop to go "
        "on later; carry tensors and numbers, in tuples, lists or dicts"
    )


def _state(outline: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    ((kind, inside),) = outline.items()
    match kind:
        case "tensor":
            return tensors[inside]
        case "dict":
            return {key: _state(value, tensors) for key, value in inside}
        case "tuple":
            return tuple(_state(each, tensors) for each in inside)
        case "list":
            return [_state(each, tensors) for each in inside]
        case _:
            return inside
