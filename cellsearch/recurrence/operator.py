"""A layer over a whole sequence as one operator of torch, which `torch.compile` takes as it is.

A compiler that saw each operation of each step would need minutes for a long sequence, and what it made would be
slower than the backends. What a forward pass keeps has no place in its graph: the backward pass runs the forward once
more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor

from cellsearch.cell import Cell, from_json
from cellsearch.recurrence.backends import choose
from cellsearch.recurrence.custom import USER
from cellsearch.recurrence.interface import States
from cellsearch.recurrence.sequence import Passes, arranged, given_of

__all__ = ["is_wanted", "run"]


def is_wanted(cell: Cell, x: Tensor) -> bool:
    """Whether `torch.compile` is tracing, and nothing else that needs each operation of its own.

    A user's operation does: autograd, which may have to find its derivative, does not work within an operator.
    """
    return (
        torch.compiler.is_dynamo_compiling()
        and not torch.compiler.is_exporting()
        and not torch.is_autocast_enabled(x.device.type)
        and not torch._C._are_functorch_transforms_active()
        and not any(hasattr(USER, node.op) for node in cell.nodes.values())
    )


def run(cell: str, backend: str, x: Tensor, states: States, learned: list[Tensor]) -> tuple[Tensor, States]:
    """Outputs and last states of a cell file's text, whose linears are all plain ones, and its learned arrays."""
    output, *last = _layer(cell, backend, [x, *states, *learned])
    return output, tuple(last)


@torch.library.custom_op("cellsearch::layer", mutates_args=())
def _layer(cell: str, backend: str, given: list[Tensor]) -> list[Tensor]:
    inputs = given_of(_cell(cell), tuple(given))
    output, last, _ = _passes(inputs.cell, given[0], backend).forward(inputs, saving=False)
    return [output.contiguous(), *last]


@torch.library.custom_op("cellsearch::layer_backward", mutates_args=())
def _layer_backward(
    cell: str, backend: str, given: list[Tensor], gradients: list[Tensor], needed: list[bool]
) -> list[Tensor]:
    inputs = given_of(_cell(cell), tuple(given))
    passes = _passes(inputs.cell, given[0], backend)
    _, _, kept = passes.forward(inputs, saving=True)
    found = passes.backward(inputs, kept, arranged(inputs.cell, needed), tuple(gradients))
    pairs = zip(found, given, needed, strict=True)
    # Several gradients may be parts of one array, which the results of an operator must not be.
    return [torch.empty_like(g).copy_(f) if need and f is not None else torch.zeros_like(g) for f, g, need in pairs]


@_layer.register_fake
def _(cell: str, backend: str, given: list[Tensor]) -> list[Tensor]:
    x, states = given[0], given[1 : 1 + len(_cell(cell).states)]
    return [x.new_empty(*x.shape[:2], states[0].shape[1]), *(torch.empty_like(state) for state in states)]


@_layer_backward.register_fake
def _(cell: str, backend: str, given: list[Tensor], gradients: list[Tensor], needed: list[bool]) -> list[Tensor]:
    return [torch.empty_like(each) for each in given]


def _keep(ctx: Any, inputs: tuple[str, str, list[Tensor]], output: list[Tensor]) -> None:
    ctx.cell, ctx.backend, given = inputs
    ctx.save_for_backward(*given)


def _differentiate(ctx: Any, gradients: list[Tensor]) -> tuple[None, None, list[Tensor | None]]:
    needed = list(ctx.needs_input_grad[2])
    found = _layer_backward(ctx.cell, ctx.backend, list(ctx.saved_tensors), gradients, needed)
    return None, None, [gradient if need else None for gradient, need in zip(found, needed, strict=True)]


_layer.register_autograd(_differentiate, setup_context=_keep)


@lru_cache(maxsize=1024)
def _cell(text: str) -> Cell:
    return from_json(text)


def _passes(cell: Cell, x: Tensor, backend: str) -> Passes:
    return cast(Passes, choose(cell, x, backend))  # within an operator nothing traces: it is one with passes of its own
