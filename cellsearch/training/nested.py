"""Nested batches: tensors within tuples, lists and dicts, moved, compared and copied as one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

__all__ = ["leaves", "mapped", "moved", "shape_of"]


def moved(batch: Any, place: torch.device) -> Any:
    """A batch's tensors on the device; tuples, lists and dicts keep their shape.

    What else can be moved moves itself, by a method `to`, and whatever cannot stays as it is.
    """
    if isinstance(batch, Tensor):
        return batch.to(place, non_blocking=True)
    if hasattr(batch, "to"):  # a PackedSequence, which is a tuple too; the batches of other libraries
        return batch.to(place)
    if isinstance(batch, dict):
        return type(batch)({name: moved(part, place) for name, part in batch.items()})
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(moved(part, place) for part in batch))
    return type(batch)(moved(part, place) for part in batch) if isinstance(batch, tuple | list) else batch


def mapped(batch: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same with every tensor changed; tuples, lists and dicts keep their shape, and whatever else stays."""
    if isinstance(batch, Tensor):
        return change(batch)
    if isinstance(batch, dict):
        return type(batch)({name: mapped(part, change) for name, part in batch.items()})
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(mapped(part, change) for part in batch))
    return type(batch)(mapped(part, change) for part in batch) if isinstance(batch, tuple | list) else batch


def leaves(batch: Any) -> Iterator[Tensor]:
    """The tensors in order."""
    if isinstance(batch, Tensor):
        yield batch
    parts = batch.values() if isinstance(batch, dict) else batch if isinstance(batch, tuple | list) else ()
    for part in parts:
        yield from leaves(part)


def shape_of(batch: Any) -> Any:
    """What two batches have in common that differ in their tensors' numbers alone."""
    if isinstance(batch, Tensor):
        return tuple(batch.shape), batch.dtype
    if isinstance(batch, dict):
        return type(batch), tuple((name, shape_of(part)) for name, part in batch.items())
    if isinstance(batch, tuple | list):
        return type(batch), tuple(map(shape_of, batch))
    return batch
