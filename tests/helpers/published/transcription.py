"""How the tests write a published equation in plain torch, with the weights that a seed has under its own names.

A transcription is one step: `(weights, x, *states) -> (output, *next states)`. `w.forget_gate(x, h)` is W x + U h + b
with the arrays of the linear in the equation of that name, `w.forget_gate_2` those of the second linear there, and
`w["forget_gate_peephole"]` the learned vector of a node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

__all__ = ["PUBLISHED", "Weights", "published", "transcribed"]

Step = Callable[..., tuple[Tensor, ...]]

PUBLISHED: dict[str, Step] = {}
"""Transcription by the name of the seed."""


def published(*names: str) -> Callable[[Step], Step]:
    """Says of which seeds the decorated function is the published step."""

    def register(step: Step) -> Step:
        PUBLISHED.update(dict.fromkeys(names, step))
        return step

    return register


class Weights:
    """A cell's learned arrays for a transcription: those of linears as functions, those of other nodes as vectors."""

    def __init__(self, learned: Mapping[str, Mapping[str, Tensor]]) -> None:
        self._learned = learned

    def __getattr__(self, name: str) -> Callable[..., Tensor]:
        stem, _, number = name.rpartition("_")
        inner = f"{stem}_linear_{number}" if number.isdigit() else f"{name}_linear"
        arrays = next(self._learned[node] for node in (inner, f"{name}_linear", name) if node in self._learned)

        def affine(*operands: Tensor) -> Tensor:
            assert len(operands) == len(arrays) - 1, f"{name} has {len(arrays) - 1} matrices"
            total = arrays["bias"].expand(operands[0].shape[0], -1)
            for place, operand in enumerate(operands):
                total = total + operand @ arrays[f"weight_{place}"].T
            return total

        return affine

    def has(self, equation: str) -> bool:
        """Whether there is a linear in the equation of that name."""
        return f"{equation}_linear" in self._learned

    def __getitem__(self, node: str) -> Tensor:
        (vector,) = self._learned[node].values()
        return vector

    def layer_norm(self, node: str, value: Tensor) -> Tensor:
        """Ba et al. (2016), equation 4, with the node's gain and bias."""
        mean = value.mean(-1, keepdim=True)
        deviation = ((value - mean).square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return self._learned[node]["weight"] * (value - mean) / deviation + self._learned[node]["bias"]

    def embedded(self, x: Tensor) -> Tensor:
        """The input where it stands outside of a matrix product: projected if its size is not the hidden size."""
        return self.x_projected(x) if "x_projected" in self._learned else x


def transcribed(step: Step, weights: Weights, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Outputs [T, B, H] and last states of a transcription over the sequence x [T, B, I]."""
    outputs = []
    for x_t in x:
        output, *following = step(weights, x_t, *states)
        states = tuple(following)
        outputs.append(output)
    return torch.stack(outputs), *states
