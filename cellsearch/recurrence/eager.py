"""The eager backend: a plan carried out with torch's own operations, forward and backward, without a compiler.

One `autograd.Function` stands for the whole sequence, so that autograd sees one node instead of one for each
operation and step. `eager_passes` carries out the plan, `eager_source` writes the step functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.recurrence.eager_passes import Backward, Forward, program
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.reference import REFERENCE
from cellsearch.recurrence.structured import dense

__all__ = ["EAGER"]


class Eager:
    """x: [T, B, I] time, batch, input; states and outputs: [.., B, H]."""

    name = "eager"

    def refuses(self, cell: Cell, x: Tensor) -> str | None:
        """Autocast sets the precision of each operation, and a compiler wants to see each: both need the reference."""
        if torch.is_autocast_enabled(x.device.type):
            return "autocast is on, which chooses the precision of each operation"
        if torch.compiler.is_compiling() or torch._C._get_tracing_state():
            return "a compiler or exporter is tracing, which needs plain operations"
        return None

    def run(self, cell: Cell, parameters: Parameters, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Outputs and last states; nothing is kept for a backward pass that cannot come."""
        cell, parameters = dense(cell, parameters)
        learned = [array for arrays in parameters.values() for array in arrays.values()]
        if torch.is_grad_enabled() and any(each.requires_grad for each in (x, *states, *learned)):
            output, *last = _Sequence.apply(cell, x, *states, *learned)  # type: ignore[no-untyped-call]
        else:
            forward = Forward(program(cell), parameters, x, states, saving=False)
            output, *last = forward.output(), *forward.last()
        return output, tuple(last)


EAGER: Final = Eager()


class _Sequence(torch.autograd.Function):
    """The recurrence over a sequence as one operation: cell, x, states, learned arrays -> outputs, last states."""

    @staticmethod
    def forward(ctx: Any, cell: Cell, *given: Tensor) -> tuple[Tensor, ...]:
        x, states, parameters = _sorted(cell, given)
        forward = Forward(program(cell), parameters, x, states, saving=True)
        kept = forward.kept()
        ctx.cell, ctx.given, ctx.kept = cell, len(given), tuple(kept)
        ctx.save_for_backward(*given, *kept.values())
        return forward.output(), *forward.last()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, kept = ctx.saved_tensors[: ctx.given], ctx.saved_tensors[ctx.given :]
        needed = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            return None, *_by_reference(ctx.cell, given, needed, gradients)
        x, states, parameters = _sorted(ctx.cell, given)
        values = dict(zip(ctx.kept, kept, strict=True))
        backward = Backward(program(ctx.cell), parameters, x, states, values, _sorted(ctx.cell, needed))
        return None, *backward.run(*gradients)


def _sorted(cell: Cell, given: Any) -> tuple[Any, Any, dict[str, dict[str, Any]]]:
    """What `_Sequence` is given, as x, states, and learned arrays by node and parameter."""
    x, states, learned = given[0], given[1 : 1 + len(cell.states)], iter(given[1 + len(cell.states) :])
    nodes = ((name, node.parameters()) for name, node in cell.nodes.items())
    return x, states, {name: {p: next(learned) for p in names} for name, names in nodes if names}


def _by_reference(
    cell: Cell, given: tuple[Tensor, ...], needed: tuple[bool, ...], gradients: tuple[Tensor, ...]
) -> Iterator[Tensor | None]:
    """The gradients as differentiable functions of what is given, for derivatives of second order."""
    aliases = [each.view_as(each) for each in given]  # one input may be computed from another; aliases are apart
    x, states, parameters = _sorted(cell, aliases)
    output, last = REFERENCE.run(cell, parameters, x, states)
    wanted = [alias for alias, need in zip(aliases, needed, strict=True) if need]
    found = iter(torch.autograd.grad((output, *last), wanted, gradients, create_graph=True, allow_unused=True))
    return (next(found) if need else None for need in needed)
