"""Sequences of different lengths: run any backend over a packed sequence, without a padded step.

A packed sequence holds, step after step, the rows of the sequences that are not over yet, longest first. A stretch of
steps with the same rows is an ordinary input [T, B, I]; the stretches follow one another and carry the states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from cellsearch.recurrence.interface import States

__all__ = ["run_packed"]

Run = Callable[[Tensor, States], tuple[Tensor, States]]


def run_packed(run: Run, data: Tensor, batch_sizes: Tensor, states: States, reverse: bool) -> tuple[Tensor, States]:
    """Outputs in the packing of `data` [rows, I] and the states [B, H] at each sequence's own last step.

    With `reverse`, each sequence is read from its own last step to its first.
    """
    stretches = list(_stretches(batch_sizes))
    if reverse:
        return _backward(run, data, stretches, states)
    return _forward(run, data, stretches, states)


def _stretches(batch_sizes: Tensor) -> Iterator[tuple[int, int, int]]:
    """(first row in the data, steps, batch) of each longest run of steps with the same batch."""
    row = 0
    batches, steps = torch.unique_consecutive(batch_sizes, return_counts=True)
    for batch, count in zip(batches.tolist(), steps.tolist(), strict=True):
        yield row, count, batch
        row += count * batch


def _forward(run: Run, data: Tensor, stretches: list[tuple[int, int, int]], states: States) -> tuple[Tensor, States]:
    outputs: list[Tensor] = []
    finished: list[States] = []
    for row, steps, batch in stretches:
        finished.append(tuple(state[batch:] for state in states))
        x = data[row : row + steps * batch].view(steps, batch, -1)
        output, states = run(x, tuple(state[:batch] for state in states))
        outputs.append(output.flatten(0, 1))
    ended = [states, *reversed(finished)]
    return torch.cat(outputs), tuple(torch.cat(parts) for parts in zip(*ended, strict=True))


def _backward(run: Run, data: Tensor, stretches: list[tuple[int, int, int]], states: States) -> tuple[Tensor, States]:
    outputs: list[Tensor] = []
    current = tuple(state[:0] for state in states)
    for row, steps, batch in reversed(stretches):
        begun = current[0].shape[0]
        current = tuple(torch.cat([now, state[begun:batch]]) for now, state in zip(current, states, strict=True))
        x = data[row : row + steps * batch].view(steps, batch, -1)
        output, current = run(x.flip(0), current)
        outputs.append(output.flip(0).flatten(0, 1))
    return torch.cat(outputs[::-1]), current
